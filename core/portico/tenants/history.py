"""What has become of a tenant's versions, one line of JSON each in `<state>/history/<tenant>.jsonl`: appended, read newest first, bounded.

A line that a killed writer left half written is passed over, and the next one begins on a line of its own. Which of the versions may come
back is decided here too, by pure functions over the entries.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from enum import StrEnum
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

KEPT = 500
"""Entries that stay when a history is shortened, which happens at twice as many."""
SHORTEST = 4
"""Digits of a commit or a digest that name a version."""


class Event(StrEnum):
    """What happened."""

    LIVE = "live"
    REFUSED = "refused"
    ROLLED_BACK = "rolled_back"
    PINNED = "pinned"
    UNPINNED = "unpinned"
    REVOKED = "revoked"
    FORCE_PUSHED = "force_pushed"
    BRANCH_GONE = "branch_gone"


_WENT_LIVE = frozenset({Event.LIVE, Event.ROLLED_BACK, Event.PINNED})


class Entry(BaseModel):
    """One thing that happened to a tenant's versions; times in UTC."""

    model_config = ConfigDict(frozen=True)

    at: AwareDatetime
    event: Event
    commit: str = ""
    digest: str = ""
    subject: str = ""
    """The commit's, its first line."""
    authored_at: AwareDatetime | None = None
    by: str = ""
    """Who asked for it: a user of the portal, or `operator`; empty for what a push did."""
    finding: str = ""
    """Why it was refused: the first finding; why it was revoked."""


class UnknownVersionError(Exception):
    """No version is meant, or more than one; the text is a sentence."""


def path_of(state: Path, tenant: str) -> Path:
    """Where a tenant's history lies."""
    return state / "history" / f"{tenant}.jsonl"


def append(state: Path, tenant: str, entry: Entry) -> None:
    """Add an entry; it is there entirely or not at all."""
    path = path_of(state, tenant)
    path.parent.mkdir(parents=True, exist_ok=True)
    line = entry.model_dump_json(exclude_defaults=True).encode() + b"\n"
    with path.open("ab+") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                line = b"\n" + line
        file.write(line)
        file.flush()
        os.fsync(file.fileno())
    _shorten(path)


def read(state: Path, tenant: str) -> list[Entry]:
    """All entries, the newest first; none where there is no history."""
    try:
        lines = path_of(state, tenant).read_bytes().splitlines()
    except OSError:
        return []
    entries = []
    for line in reversed(lines):
        try:
            entries.append(Entry.model_validate_json(line))
        except ValidationError:
            continue
    return entries


def _shorten(path: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    if len(lines) > 2 * KEPT:
        temporary = path.with_suffix(".new")
        temporary.write_bytes(b"".join(lines[-KEPT:]))
        temporary.replace(path)


# Which versions may come back


def lives(entries: Sequence[Entry]) -> list[Entry]:
    """Each version that was live, by its newest entry, the newest first."""
    found: dict[str, Entry] = {}
    for entry in entries:
        if entry.event in _WENT_LIVE and entry.digest:
            found.setdefault(entry.digest, entry)
    return list(found.values())


def returnable(entries: Sequence[Entry], *, stored: Collection[str], revoked: Collection[str], live: str | None) -> list[Entry]:
    """The versions that can go live again, the newest first; `revoked` are digests and commits."""
    good = [entry for entry in lives(entries) if entry.digest not in revoked and entry.commit not in revoked]
    return [entry for entry in good if entry.digest in stored and entry.digest != live]


def earlier(entries: Sequence[Entry], live: str | None) -> list[str]:
    """The digests that a push made live before the live one, the newest first; all of them where no push made that one live."""
    pushed = list(dict.fromkeys(entry.digest for entry in entries if entry.event is Event.LIVE and entry.digest))
    return pushed[pushed.index(live) + 1 :] if live in pushed else pushed


def revoked(entries: Sequence[Entry]) -> tuple[list[str], list[str]]:
    """The digests that were revoked, and the commits that they were made from."""
    digests = {entry.digest for entry in entries if entry.event is Event.REVOKED and entry.digest}
    return sorted(digests), sorted({entry.commit for entry in entries if entry.digest in digests and entry.commit})


def find(entries: Sequence[Entry], name: str, *, stored: Collection[str], revoked: Collection[str]) -> Entry:
    """The version that a commit or a digest, or the beginning of one, means; raises UnknownVersionError. `revoked` as above."""
    if len(name) < SHORTEST or not all(letter in "0123456789abcdef" for letter in name):
        raise UnknownVersionError(
            f"A version is named by {SHORTEST} or more digits of its commit or its snapshot; {name[:60]!r} is neither."
        )
    found = [entry for entry in lives(entries) if entry.commit.startswith(name) or entry.digest.startswith(name)]
    if not found:
        raise UnknownVersionError(f"No version that was live begins with {name}; `portico history` lists them.")
    if len({entry.digest for entry in found}) > 1 and len({entry.commit for entry in found}) > 1:
        raise UnknownVersionError(f"More than one version begins with {name}: {', '.join(sorted({e.commit[:12] for e in found}))}.")
    entry = found[0]
    if entry.digest in revoked or entry.commit in revoked:
        raise UnknownVersionError(f"The version {entry.commit[:12]} was revoked; it can't go live again.")
    if entry.digest not in stored:
        raise UnknownVersionError(f"The version {entry.commit[:12]} is not kept any more; push it again.")
    return entry


def earliest_kept(entries: Sequence[Entry], count: int) -> list[str]:
    """The digests of the last `count` versions that were live."""
    return [entry.digest for entry in lives(entries)[:count]]
