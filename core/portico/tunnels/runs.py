"""The files of ssh masters, so that a restarted process finds what an earlier one left at work.

Each start of a master is a run of its own with three files beside each other: the control socket, the log of ssh's complaints, and a
ledger, which exists before ssh does and lists the listeners asked of it. A control socket's path may have about a hundred bytes only,
so that names are hashed, and a directory that is too deep gives way to one of a fixed name in the machine's temporary directory.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import stat
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from portico.tunnels.driver import Listener

_LONGEST_SOCKET_PATH = 86
"""Bytes. Unix sockets allow 104 (BSD) to 108 (Linux) with the ending NUL; ssh binds to the path with 17 more, then renames."""
_NAME_LENGTH = len("/01234567-01234567.ctl")
_LOG_TAIL = 8192


def socket_directory(directory: Path) -> Path:
    """Where the masters' files belong: `directory`, or a stand-in where that is too deep. Touches nothing.

    The stand-in's name depends on `directory` and the user only, so that every start finds the same one.
    """
    directory = directory.absolute()
    if _fits(directory):
        return directory
    name = f"portico-{os.getuid()}-{_short(str(directory))}"
    usual, last = (Path(parent) / name for parent in (tempfile.gettempdir(), "/tmp"))  # noqa: S108 -- `prepare` checks whose it is
    return usual if _fits(usual) else last


def prepare(directory: Path) -> None:
    """Make the directory, open to its owner alone. PermissionError where somebody else has made it."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise PermissionError(f"{directory} must be a directory of the user who runs this; remove it.")
    directory.chmod(0o700)


def tidy(directory: Path) -> None:
    """Remove the directory where nothing is in it any more."""
    with contextlib.suppress(OSError):
        directory.rmdir()


def _fits(directory: Path) -> bool:
    return len(os.fsencode(directory)) + _NAME_LENGTH <= _LONGEST_SOCKET_PATH


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


@dataclass(frozen=True, slots=True)
class Run:
    """One start of a master: the paths of its files, and its ledger."""

    stem: Path

    @property
    def control_path(self) -> Path:
        """Where the master listens for its clients."""
        return self.stem.with_suffix(".ctl")

    @property
    def log(self) -> Path:
        """Where ssh writes its complaints."""
        return self.stem.with_suffix(".log")

    @property
    def ledger(self) -> Path:
        """What was asked of the master: a line of JSON for the login, then a line for each listener opened or closed."""
        return self.stem.with_suffix(".led")

    @classmethod
    def begin(cls, directory: Path, system: str, login: str) -> Run:
        """Record that a master is about to be started; `login` tells masters of different settings apart."""
        prepare(directory)
        run = cls(directory / f"{_short(system)}-{secrets.token_hex(4)}")
        for path, content in ((run.ledger, json.dumps({"login": login}) + "\n"), (run.log, "")):
            path.touch(mode=0o600)
            path.write_text(content, encoding="ascii")
        return run

    @classmethod
    def of(cls, directory: Path, system: str | None = None) -> Iterator[Run]:
        """Every run on record, of one system or of all, the newest first."""
        pattern = f"{_short(system) if system is not None else '*'}-*.led"
        with contextlib.suppress(FileNotFoundError):
            for path in sorted(directory.glob(pattern), key=lambda path: path.stat().st_mtime, reverse=True):
                yield cls(path.with_suffix(""))

    def belongs_to(self, system: str) -> bool:
        """Whether the master is of this system."""
        return self.stem.name.startswith(f"{_short(system)}-")

    def opened(self, listener: Listener) -> None:
        """Record a listener before it is asked for; a run that was forgotten meanwhile stays forgotten."""
        self._write("+", listener)

    def closed(self, listener: Listener) -> None:
        """Record that a listener has surely gone."""
        self._write("-", listener)

    def _write(self, sign: str, listener: Listener) -> None:
        with contextlib.suppress(FileNotFoundError), open(os.open(self.ledger, os.O_WRONLY | os.O_APPEND), "w", encoding="ascii") as file:
            file.write(f"{sign} {listener.local_port} {listener.node} {listener.port}\n")

    def read(self) -> tuple[str, frozenset[Listener]]:
        """The login and the listeners on record; a line that was cut short is no record."""
        listeners: set[Listener] = set()
        login = ""
        with contextlib.suppress(FileNotFoundError, ValueError):
            first, *rest = self.ledger.read_text(encoding="ascii").split("\n")[:-1]
            login = str(json.loads(first)["login"])
            for line in rest:
                sign, local_port, node, port = line.split(" ")
                listener = Listener(local_port=int(local_port), node=node, port=int(port))
                (listeners.add if sign == "+" else listeners.discard)(listener)
        return login, frozenset(listeners)

    def age(self) -> float:
        """Seconds since the ledger was written last."""
        return time.time() - self.ledger.stat().st_mtime

    def complaints(self) -> str:
        """The end of what ssh wrote."""
        with contextlib.suppress(FileNotFoundError), self.log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _LOG_TAIL))
            return file.read().decode(errors="replace")
        return ""

    def forget(self) -> None:
        """Remove the files of a master that has surely ended."""
        for path in (self.control_path, self.log, self.ledger):
            path.unlink(missing_ok=True)
