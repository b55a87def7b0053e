"""A sync that runs as its own process, follows a real repository, and is watched from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from portico.supervisor.ports import remembered_ports
from portico.tenants import status
from portico.tenants.status import Status
from portico.tenants.store import Store
from portico.tenants.trigger import Do, ask, socket_of

from tests.support.bundles import write_themes
from tests.support.wait import until

TENANT = """
[[tenants]]
name = "{name}"
host = "{name}.localhost"
repository = "{repository}"
directory = "{directory}"
client_id = "x"
client_secret_file = "x"
backend_token_file = "x"
cookie_secret_file = "x"
crypt_key_file = "x"
"""


class Service:
    """`python -m portico.tenants`, its state, and the repositories that it follows."""

    def __init__(self, root: Path, *, poll: float = 0.2, themes: Path | None = None) -> None:
        self.state = root / "state"
        self.themes = themes or write_themes(root / "themes")
        self.store = Store(self.state / "snapshots")
        self._config = root / "portico.toml"
        self._tenants: list[str] = []
        self._poll = poll
        self.hooks_port = remembered_ports(root / "ports.json", ["hooks"])["hooks"]
        self._process: subprocess.Popen[bytes] | None = None
        self.top: dict[str, object] = {}
        """Further settings of the top level."""

    def follow(self, name: str, repository: str, directory: str = "", **settings: object) -> None:
        """Have a tenant followed; `settings` are further keys of its entry."""
        self._tenants.append(TENANT.format(name=name, repository=repository, directory=directory) + _toml(settings))

    async def start(self) -> None:
        self._write()
        process = self._process = self._launch()
        await until(lambda: socket_of(self.state).exists() or process.poll() is not None)
        assert process.poll() is None

    def refused_settings(self) -> str:
        """Start it with settings that it refuses, and answer what it says."""
        self._write()
        ended = subprocess.run(self._command(), capture_output=True, text=True, timeout=30, check=False)
        assert ended.returncode == 2
        return ended.stderr

    def _write(self) -> None:
        head = f'state = "{self.state}"\nthemes = "{self.themes}"\npoll_interval = {self._poll}\n{_toml(self.top)}'
        parts = (
            '[gateway]\nauth_token_file = "x"\n[backend]\ndatabase_url = "x"\noperator_token_file = "x"\nencryption_key_file = "x"\n'
            '[identity_provider]\ntitle = "x"\nauthorize_url = "http://x/"\ntoken_url = "http://x/"\nuserinfo_url = "http://x/"\n'
        )
        self._config.write_text(head + parts + "".join(self._tenants))

    def _command(self) -> list[str]:
        return [sys.executable, "-m", "portico.tenants", "--config", str(self._config), f"--hooks-port={self.hooks_port}"]

    def _launch(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._command(), start_new_session=True)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it, and answer its exit code."""
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(number)
        try:
            return process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return process.wait(10)

    def status(self, tenant: str = "test") -> Status:
        return status.read(self.state, tenant)

    async def ask(self, do: Do, tenant: str | None = "test", **arguments: str) -> dict[str, Any]:
        """What the running sync answers to a request."""
        return await ask(self.state, do, tenant=tenant, **arguments)

    async def taken(self, commit: str, tenant: str = "test") -> Status:
        """Have the sync look now, and wait until a commit is live or refused."""
        await self.ask("sync", tenant)
        await until(lambda: self.status(tenant).candidate == commit)
        return self.status(tenant)

    async def live(self, commit: str, tenant: str = "test") -> Status:
        """Wait until a commit is live."""
        await until(lambda: self.status(tenant).commit == commit)
        return self.status(tenant)

    async def refused(self, commit: str, tenant: str = "test") -> Status:
        """Wait until a commit is refused."""
        await until(lambda: self.status(tenant).candidate == commit and self.status(tenant).error)
        return self.status(tenant)


def _toml(settings: Mapping[str, object]) -> str:
    return "".join(f"{key} = {json.dumps(value, default=str)}\n" for key, value in settings.items())
