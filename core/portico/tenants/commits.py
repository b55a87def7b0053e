"""What a commit says of itself, read from its bytes. Pure.

GitPython's own reading believes the commit's header in too much (an encoding that nobody knows ends it), and a commit is written by
whoever may push.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

SUBJECT_LENGTH = 200
_HEX = re.compile(r"[0-9a-f]{40}")
_TIME = re.compile(r"> (\d{1,20}) [+-]\d{4}$")
_EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True)
class Commit:
    """A commit, without its people's names and addresses."""

    id: str
    subject: str
    """The first line of its message, at most 200 characters."""
    authored_at: datetime
    committed_at: datetime
    parents: tuple[str, ...]
    tree: str = ""
    """The id of its top directory."""


def parse(commit: str, raw: bytes) -> Commit:
    """Read a commit's bytes; raises ValueError for what is none. Times that no calendar holds are the beginning of 1970."""
    head, _, message = raw.decode(errors="replace").partition("\n\n")
    fields: dict[str, list[str]] = {}
    for line in head.split("\n"):
        key, _, value = line.partition(" ")
        fields.setdefault(key, []).append(value)
    tree = fields.get("tree", [""])[0]
    parents = tuple(fields.get("parent", ()))
    if not all(_HEX.fullmatch(each) for each in (tree, *parents)):
        raise ValueError("no commit")
    return Commit(
        id=commit,
        subject=(message.strip().splitlines() or [""])[0][:SUBJECT_LENGTH],
        authored_at=_time(fields.get("author", [""])[0]),
        committed_at=_time(fields.get("committer", [""])[0]),
        parents=parents,
        tree=tree,
    )


def _time(person: str) -> datetime:
    found = _TIME.search(person)
    try:
        return datetime.fromtimestamp(int(found[1]), UTC) if found else _EPOCH
    except (OverflowError, ValueError, OSError):
        return _EPOCH
