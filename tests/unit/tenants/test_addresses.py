"""Which repositories are asked at all, and at which pace."""

from __future__ import annotations

from pathlib import Path

import pytest
from portico.tenants.addresses import RepositoryError, check_address
from portico.tenants.mirrors import _tips
from portico.tenants.pace import BACK_OFF_LIMIT, JITTER, pause


def test_a_local_repository_lies_below_an_allowed_root(tmp_path: Path) -> None:
    """Hostile input 27; a symbolic link out of the root is no way around it."""
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    (outside / "x.git").mkdir(parents=True)
    (inside / "x.git").mkdir(parents=True)
    (inside / "way-out").symlink_to(outside)
    assert check_address(f"file://{inside}/x.git", [inside]) == inside / "x.git"
    assert check_address(str(outside / "x.git")) == outside / "x.git"
    for path in (outside / "x.git", inside / "way-out/x.git", inside / "../outside/x.git"):
        with pytest.raises(RepositoryError, match="outside the directories"):
            check_address(str(path), [inside])


def test_only_the_branch_itself_is_taken_for_the_branch() -> None:
    one, two = "1" * 40, "2" * 40
    listing = f"{one}\trefs/heads/x/refs/heads/main\n{two}\trefs/heads/main\nnonsense\trefs/heads/main\n{one}\trefs/tags/main\n{one}\n"
    assert _tips(listing, frozenset({"main", "gone"})) == {"main": two}


@pytest.mark.parametrize(
    ("interval", "failures", "expected"),
    [
        (30, 0, 30),
        (30, 1, 60),
        (30, 3, 240),
        (30, 4, BACK_OFF_LIMIT),
        (30, 10_000, BACK_OFF_LIMIT),
        (0.2, 1, 0.4),
        (3600, 0, 3600),
        (3600, 5, 3600),
    ],
)
def test_a_repository_that_fails_is_asked_less_often(interval: float, failures: int, expected: float) -> None:
    assert pause(interval, failures, 0.5) == pytest.approx(expected)
    assert pause(interval, failures, 0) == pytest.approx(expected * (1 - JITTER))
    assert pause(interval, failures, 1) == pytest.approx(expected * (1 + JITTER))
