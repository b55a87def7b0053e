"""How a branch has moved, told from a listing that may end early."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from portico.tenants.ancestry import UNKNOWN, Listed, Move, compare, listed

REWRITTEN = Move(forced=True, commits=None)

LINE = {"e": ("d",), "d": ("c",), "c": ("b",), "b": ("a",), "a": ()}
MERGED = {"m": ("c", "x"), "c": ("b",), "x": ("b",), "b": ("a",), "a": ()}


def commits(graph: dict[str, tuple[str, ...]]) -> dict[str, Listed]:
    """Commit `a` was made in second 97, `b` in second 98 and so on."""
    return {name: Listed(ord(name), parents) for name, parents in graph.items()}


@pytest.mark.parametrize(
    ("old", "graph", "ends", "old_time", "expected"),
    [
        ("e", LINE, "", 101, Move(forced=False, commits=0)),
        ("d", LINE, "", 100, Move(forced=False, commits=1)),
        ("a", LINE, "", 97, Move(forced=False, commits=4)),
        ("a", LINE, "a", 97, Move(forced=False, commits=4)),
        ("c", MERGED, "", 99, Move(forced=False, commits=2)),
        ("z", LINE, "", 122, REWRITTEN),
        ("z", LINE, "", None, REWRITTEN),
        ("z", LINE, "a", 122, REWRITTEN),
        ("z", LINE, "a", 50, UNKNOWN),
        ("z", LINE, "a", None, UNKNOWN),
        ("z", {}, "", None, REWRITTEN),
    ],
)
def test_a_move_is_told_as_far_as_it_can_be(
    old: str, graph: dict[str, tuple[str, ...]], ends: str, old_time: int | None, expected: Move
) -> None:
    made = None if old_time is None else datetime.fromtimestamp(old_time, UTC)
    assert compare(old, made, commits(graph), set(ends)) == expected


def test_a_listing_is_read() -> None:
    assert listed("12 c b x\n11 b\n\n") == {"c": Listed(12, ("b", "x")), "b": Listed(11, ())}
