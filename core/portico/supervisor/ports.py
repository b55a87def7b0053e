"""Free ports on loopback, remembered in the state directory so that a second start uses the same."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterable
from pathlib import Path


def is_free(port: int, address: str = "127.0.0.1") -> bool:
    """Whether one could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def remembered_ports(file: Path, names: Iterable[str]) -> dict[str, int]:
    """A free port for each name: the one of last time where it is still free, else a new one, written down for next time."""
    known: dict[str, int] = {}
    with contextlib.suppress(OSError, ValueError):
        known = {str(name): int(port) for name, port in json.loads(file.read_text()).items()}
    chosen: dict[str, int] = {}
    with contextlib.ExitStack() as held:
        for name in names:
            probe = held.enter_context(socket.socket())
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", known.get(name, 0)))
            except OSError:
                probe.bind(("127.0.0.1", 0))
            chosen[name] = probe.getsockname()[1]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({**known, **chosen}, indent=1) + "\n")
    return chosen
