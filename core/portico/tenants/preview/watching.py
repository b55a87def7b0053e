"""Sees that a file below some directories has changed, within a few hundredths of a second of its being saved.

By looking: names, sizes and times of at most some thousand files cost less than a millisecond, and that works on every file system, also
those that tell nobody of changes (network drives, containers' mounts).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

PERIOD = 0.05
"""Seconds between two looks."""
FILES_LIMIT = 10_000

Marks = tuple[tuple[str, int, int], ...]
"""Path, time of change (ns) and size (bytes) of every file."""


def marks(folders: Sequence[Path]) -> Marks:
    """What tells whether files have changed. A folder that is away has none."""
    return tuple(mark for folder in folders for mark in _below(folder, [FILES_LIMIT]))


def _below(folder: Path, left: list[int]) -> Iterator[tuple[str, int, int]]:
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        left[0] -= 1
        if left[0] < 0:
            return
        try:
            if entry.is_dir(follow_symlinks=False):
                if not entry.name.startswith("."):
                    yield from _below(Path(entry.path), left)
            else:
                stat = entry.stat(follow_symlinks=False)
                yield entry.path, stat.st_mtime_ns, stat.st_size
        except OSError:
            continue  # gone while we looked: the next look sees the folder without it


async def changes(folders: Sequence[Path], *, period: float = PERIOD) -> AsyncIterator[None]:
    """Yields when something has changed since it yielded last, and once at the beginning. Several changes at once are one."""
    last: Marks | None = None
    while True:
        found = await asyncio.to_thread(marks, folders)
        if found != last:
            last = found
            yield
        else:
            await asyncio.sleep(period)
