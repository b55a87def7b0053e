"""A sync that answers what a test says, and writes down what a test wants to be known: the hub reads its files and asks its socket."""

from __future__ import annotations

import contextlib
import json
import os
import socketserver
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from portico.tenants.trigger import socket_of

NOW = datetime.now(UTC)


class ScriptedSync:
    """Runs in a thread. `asked` are the requests so far, `answer` makes the answer to each."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self.asked: list[dict[str, Any]] = []
        self.answer: Callable[[dict[str, Any]], bytes] = self.says({"error": None})

    @staticmethod
    def says(answer: dict[str, Any]) -> Callable[[dict[str, Any]], bytes]:
        return lambda request: json.dumps(answer).encode() + b"\n"

    def knows(self, *, history: list[dict[str, Any]] | None = None, **told: Any) -> None:
        """Write the tenant's status and history as the sync does."""
        file = self._state / "sync" / "juniq.json"
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps({"tenant": "juniq", **told}))
        if history is not None:
            log = self._state / "history" / "juniq.jsonl"
            log.parent.mkdir(exist_ok=True)
            log.write_text("".join(f"{json.dumps(line)}\n" for line in history))

    def previews(self, digest: str, *, branch: str = "summer", hours: float = 24) -> None:
        """A branch's candidate is kept for previews."""
        until = (datetime.now(UTC) + timedelta(hours=hours)).isoformat()
        self.knows(previews=[{"branch": branch, "commit": "c" * 40, "digest": digest, "at": NOW.isoformat(), "until": until}])

    def forget(self) -> None:
        """Know nothing."""
        self.asked.clear()
        self.answer = self.says({"error": None})
        for file in (self._state / "sync" / "juniq.json", self._state / "history" / "juniq.jsonl"):
            file.unlink(missing_ok=True)

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        sync = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                request = json.loads(self.rfile.readline())
                sync.asked.append(request)
                self.wfile.write(sync.answer(request))

        path = socket_of(self._state)
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        server = socketserver.ThreadingUnixStreamServer(f"/proc/self/fd/{folder}/{path.name}", Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            os.close(folder)
            path.unlink(missing_ok=True)
