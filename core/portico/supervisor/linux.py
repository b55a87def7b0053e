"""The three things of Linux that keep a process tree tidy: parent-death signals, the subreaper, and descendants by /proc.

With `become_subreaper`, whatever outlives its parent below this process (an ssh master that outlived the backend, a job that outlived
its site) becomes a child of this process instead of init's, so that `descendants` finds it and nothing is left behind.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
from collections.abc import Collection
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent() -> None:
    """In a child, between fork and exec: get SIGTERM when the parent dies, however it dies."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def become_subreaper() -> None:
    """Adopt orphaned descendants; raises OSError where the kernel refuses."""
    if _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def parents() -> dict[int, int]:
    """The parent's process id of every process that /proc shows."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            # The command's name stands in parentheses and may hold any character, so what counts begins after the last one.
            found[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    return found


def descendants(root: int, table: dict[int, int] | None = None) -> list[int]:
    """All processes below `root`, the nearest first."""
    table = parents() if table is None else table
    children: dict[int, list[int]] = {}
    for pid, parent in table.items():
        children.setdefault(parent, []).append(pid)
    found: list[int] = []
    queue = list(children.get(root, []))
    while queue:
        pid = queue.pop(0)
        found.append(pid)
        queue.extend(children.get(pid, []))
    return found


def reap_adopted(others: Collection[int | None] = ()) -> None:
    """Take the exit codes of dead children but for those of `others`, which somebody waits for."""
    own = os.getpid()
    for pid, parent in parents().items():
        if parent == own and pid not in others:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)


def marked(variable: str, value: str) -> list[int]:
    """All processes of this user, but for this one, that were started with `variable=value` in their environment."""
    needle = f"{variable}={value}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if needle in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found
