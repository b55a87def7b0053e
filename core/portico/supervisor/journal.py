"""Read the structured logs of all processes as one, by time, filtered by tenant, user or lab."""

from __future__ import annotations

import heapq
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Entry = dict[str, Any]


@dataclass(frozen=True)
class Filter:
    """Which lines are wanted; None wants all. `lab` is an id, the beginning of one, or a lab's name."""

    tenant: str | None = None
    user: str | None = None
    lab: str | None = None

    def wants(self, entry: Entry) -> bool:
        """Whether a line passes."""
        lab = str(entry.get("lab", ""))
        return (
            (self.tenant is None or entry.get("tenant") == self.tenant)
            and (self.user is None or entry.get("user") == self.user)
            and (self.lab is None or (bool(self.lab) and (lab.startswith(self.lab) or entry.get("name") == self.lab)))
        )


def parse(line: str) -> Entry | None:
    """A line as an object; None where it is none (a line that is being written)."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def _entries(file: Path) -> Iterator[Entry]:
    with file.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            entry = parse(line)
            if entry is not None:
                yield entry


def _when(entry: Entry) -> str:
    return str(entry.get("timestamp", ""))


def read(directory: Path, wanted: Filter) -> Iterator[Entry]:
    """All lines of all files, the oldest first; each file is in order of time already, so they are merged, never held."""
    streams = (_entries(file) for file in sorted(directory.glob("*.jsonl")))
    return (entry for entry in heapq.merge(*streams, key=_when) if wanted.wants(entry))


def tail(directory: Path, wanted: Filter, *, interval: float = 0.25) -> Iterator[Entry]:
    """What is there, then what is written from now on, looked for every `interval` seconds; never ends by itself."""
    positions: dict[Path, int] = {}
    while True:
        fresh: list[Entry] = []
        for file in directory.glob("*.jsonl"):
            with file.open("rb") as handle:
                handle.seek(positions.get(file, 0))
                # A last line without its end is still being written: it is read the next time.
                complete, newline, _ = handle.read().rpartition(b"\n")
            positions[file] = positions.get(file, 0) + len(complete) + len(newline)
            fresh += [entry for line in complete.decode(errors="replace").splitlines() if (entry := parse(line)) is not None]
        yield from (entry for entry in sorted(fresh, key=_when) if wanted.wants(entry))
        time.sleep(interval)
