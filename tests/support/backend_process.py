"""The backend as a process of its own, as an operator runs it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import tomli_w
from portico.api import Event
from portico.settings.models import Settings

from tests.support import backend

LIMIT = 30.0
"""Seconds."""


class BackendProcess:
    """Starts, kills and ends `python -m portico.managers`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.url = f"http://127.0.0.1:{settings.backend.port}"
        self._config = settings.state / "portico.toml"
        self._output = settings.state / "backend.out"
        self._popen: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it answers."""
        self._config.write_text(tomli_w.dumps(self.settings.model_dump(mode="json", exclude_none=True)))
        command = [sys.executable, "-m", "portico.managers", "--config", str(self._config)]
        with self._output.open("ab") as out:
            self._popen = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        deadline = time.monotonic() + LIMIT
        while True:
            with contextlib.suppress(httpx.HTTPError):
                httpx.get(f"{self.url}/health", timeout=2)
                return
            assert self._popen.poll() is None, self._output.read_text()
            assert time.monotonic() < deadline, "the backend doesn't answer"
            time.sleep(0.02)

    def kill(self) -> None:
        """SIGKILL."""
        assert self._popen is not None
        self._popen.kill()
        self._popen.wait()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self._popen is not None
        self._popen.terminate()
        return self._popen.wait(15)

    def end(self) -> None:
        """End it, and the ssh masters that outlive it."""
        if self._popen is not None and self._popen.poll() is None:
            self.stop()
        for pid in self.masters():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)

    def masters(self) -> list[int]:
        """The ssh processes that use this backend's key."""
        key = str(self.settings.systems[0].login_node.key_file)
        lines = subprocess.run(["ps", "-eo", "pid=,args="], capture_output=True, text=True, check=True).stdout.splitlines()
        return [int(line.split()[0]) for line in lines if " " in line.strip() and line.split()[1].endswith("ssh") and key in line]

    @property
    def log(self) -> list[dict[str, Any]]:
        """The structured log's lines."""
        return [json.loads(line) for line in (self.settings.state / "logs" / "backend.jsonl").read_text().splitlines()]

    def client(self, bearer: str | None = None) -> httpx.AsyncClient:
        """As the tenant `juniq`, or with another token."""
        token = bearer or backend.token("juniq")
        return httpx.AsyncClient(base_url=self.url, headers={"Authorization": f"Bearer {token}"}, timeout=30, trust_env=False)


async def events(client: httpx.AsyncClient, lab: str, *, after: int = 0) -> AsyncIterator[Event]:
    """The lab's live events until the backend ends the stream."""
    headers = {"Last-Event-ID": str(after)}
    async with client.stream("GET", f"/labs/{lab}/events", headers=headers, timeout=60) as answer:
        assert answer.status_code == 200
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                yield Event.model_validate_json(line[6:])


async def event_with(client: httpx.AsyncClient, lab: str, step: str, *, after: int = 0) -> Event:
    """The first event of that step after the given id."""
    async for event in events(client, lab, after=after):
        if event.step == step:
            return event
        if event.state == "ended":
            raise AssertionError(f"the lab ended: {event.message}")
    raise AssertionError(f"the stream ended before {step}")
