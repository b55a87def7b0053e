"""How a branch has moved from one commit to another: forwards by so many commits, or rewritten. Pure.

A mirror holds the newest commit alone, so this is told from a listing of commits without their content, which reaches back a limited way.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

DEPTH = 200
"""How far back commits are listed."""


@dataclass(frozen=True)
class Listed:
    """A commit of the listing."""

    committed_at: float
    """Seconds since 1970."""
    parents: tuple[str, ...]


@dataclass(frozen=True)
class Move:
    """What became of a branch."""

    forced: bool | None
    """Whether it was rewritten, so that the old commit is no ancestor of the new one; None where that can't be told."""
    commits: int | None
    """How many commits the new one is ahead of the old one; None where it was rewritten or can't be told."""


UNKNOWN = Move(None, None)


def listed(listing: str) -> dict[str, Listed]:
    """What `git rev-list --timestamp --parents` lists."""
    rows = (line.split() for line in listing.splitlines())
    return {row[1]: Listed(float(row[0]), tuple(row[2:])) for row in rows if len(row) >= 2}


def compare(old: str, old_time: datetime | None, commits: Mapping[str, Listed], ends: Collection[str]) -> Move:
    """How the branch came from `old` to where `commits` are listed from; `ends` are those whose parents the listing leaves out.

    A listing that ends before it meets `old` proves a rewritten branch where it is complete, or where it reaches back to before `old` was
    made (as git itself reasons, commits are made after their parents).
    """
    if old in commits:
        return Move(forced=False, commits=len(commits) - len(_reached(old, commits)))
    if not ends:
        return Move(forced=True, commits=None)
    reaches = old_time is not None and all(commits[end].committed_at < old_time.timestamp() for end in ends if end in commits)
    return Move(forced=True, commits=None) if reaches else UNKNOWN


def _reached(start: str, commits: Mapping[str, Listed]) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        current = waiting.pop()
        if current in commits and current not in found:
            found.add(current)
            waiting += commits[current].parents
    return found
