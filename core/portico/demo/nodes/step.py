"""Supervise one job: start its command, enforce its runtime, end its whole process tree, say how it ended.

`supervise` is a child of the node's daemon that never returns. It adopts every descendant that loses its parent (Linux), so a process that
left the job's process group or session still belongs to it. The job is over when its first process ends, as in a batch system; what it
left behind is ended then. An end is polite first: SIGTERM to all, then after `GRACE` seconds SIGKILL, until none is left.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NoReturn

from portico.demo.nodes import namespace

GRACE = 3.0
"""Seconds between SIGTERM and SIGKILL."""
_HEARD = {signal.SIGTERM, signal.SIGCHLD, signal.SIGALRM}
EXITED, ABORTED, TIMEOUT, LOST = "exited", "aborted", "timeout", "lost"


@dataclass(frozen=True)
class Command:
    """What to run, where, for how long."""

    job: str
    argv: list[str]
    directory: str
    environment: dict[str, str]
    stdout: str
    """Output files, relative to `directory`."""
    stderr: str
    runtime: float
    """Seconds."""


@dataclass(frozen=True)
class Outcome:
    """How a job ended: `reason` is one of `EXITED`, `ABORTED`, `TIMEOUT`, `LOST`; a negative exit code is a signal."""

    exit_code: int | None
    reason: str


def supervise(command: Command, report: int) -> NoReturn:
    """Run the command in this freshly forked process; write the outcome as JSON to the file descriptor `report`; exit."""
    code = 1
    try:
        _detach(report)
        outcome = run(command)
        os.write(report, json.dumps(asdict(outcome)).encode())
        code = 0
    finally:
        os._exit(code)


def _detach(report: int) -> None:
    """Forget the daemon's event loop, its files and its signal handlers; lead a session of our own."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    os.setsid()
    os.closerange(3, report)
    os.closerange(report + 1, os.sysconf("SC_OPEN_MAX"))
    namespace.end_with_parent(signal.SIGTERM)


def run(command: Command) -> Outcome:
    """Run the command to its end in this process, which must have one thread and no other children. SIGTERM aborts it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)
    namespace.adopt_orphans()
    try:
        main = _start(command)
    except OSError as error:
        with contextlib.suppress(OSError):
            (Path(command.directory) / command.stderr).write_text(f"{command.argv[0]}: {error.strerror}\n")
        return Outcome(exit_code=127, reason=EXITED)
    deadline = time.monotonic() + command.runtime
    outcome = Outcome(exit_code=None, reason=TIMEOUT)
    while (left := deadline - time.monotonic()) > 0:
        if _next_signal(left) == signal.SIGTERM:
            outcome = Outcome(exit_code=None, reason=ABORTED)
            break
        status = dict(_reaped()).get(main)
        if status is not None:
            outcome = Outcome(exit_code=status, reason=EXITED)
            break
    _end_tree()
    return outcome


def _next_signal(patience: float) -> int:
    """The next signal out of `_HEARD`; SIGALRM after `patience` seconds at the latest."""
    signal.setitimer(signal.ITIMER_REAL, max(patience, 0.001))
    received = signal.sigwait(_HEARD)
    signal.setitimer(signal.ITIMER_REAL, 0)
    return received


def _start(command: Command) -> int:
    """The process id of the job's first process."""

    def prepare() -> None:
        os.umask(0o077)
        signal.pthread_sigmask(signal.SIG_SETMASK, set())
        namespace.end_with_parent(signal.SIGKILL)

    directory = Path(command.directory)
    with (directory / command.stdout).open("ab") as stdout, (directory / command.stderr).open("ab") as stderr:
        process = subprocess.Popen(
            command.argv,
            cwd=directory,
            env=command.environment,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            preexec_fn=prepare,  # noqa: PLW1509 -- this process has one thread
        )
    process.returncode = 0  # reaped by us, with everything else
    return process.pid


def _reaped() -> Iterator[tuple[int, int]]:
    """Every child that has ended: its process id and exit code."""
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            yield pid, os.waitstatus_to_exitcode(status)


def _end_tree() -> None:
    """End all descendants; return when none is left."""
    _signal_all(signal.SIGTERM)
    patience = time.monotonic() + GRACE
    while not _childless():
        left = patience - time.monotonic()
        if left <= 0:
            _signal_all(signal.SIGKILL)
        _next_signal(left if left > 0 else 0.02)


def _childless() -> bool:
    """Whether no child is left, dead or alive; the dead are reaped."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return True
    return False


def _signal_all(number: signal.Signals) -> None:
    for pid in descendants(os.getpid()):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def descendants(ancestor: int) -> list[int]:
    """The process ids below `ancestor`, parents before children."""
    children: dict[int, list[int]] = {}
    for pid, parent in parents():
        children.setdefault(parent, []).append(pid)
    found: list[int] = []
    rest = children.get(ancestor, [])
    while rest:
        found += rest
        rest = [child for pid in rest for child in children.get(pid, [])]
    return found


def parents() -> Iterator[tuple[int, int]]:
    """(process id, parent's process id) of every process."""
    if not sys.platform.startswith("linux"):
        table = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
        yield from ((int(pid), int(parent)) for pid, parent in (line.split() for line in table.splitlines()))
        return
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                stat = Path(entry.path, "stat").read_text()
                yield int(entry.name), int(stat.rpartition(")")[2].split()[1])
