"""Run an installation in the foreground until Ctrl-C: what `portico up` and `portico serve` have in common."""

from __future__ import annotations

import asyncio
import secrets
import signal
from collections.abc import Callable

from portico import logs
from portico.gateway.process import GatewayMissing
from portico.supervisor.installation import AlreadyRunning, Installation, Supervisor, locked
from portico.supervisor.ports import is_free, remembered_ports
from portico.supervisor.programs import NotStarted
from portico.supervisor.server import serving


class CannotStart(Exception):
    """The installation can't start. The text is a sentence for the person at the terminal."""


def operator_password(installation: Installation) -> str:
    """The password of the operator's page: made once, kept in the state directory (mode 0600)."""
    file = installation.settings.state / "secrets" / "operator-password"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(12) + "\n")
    return file.read_text().strip()


def operator_port(installation: Installation) -> int:
    """The loopback port of the operator's page, the same at every start where it is free."""
    return remembered_ports(installation.settings.state / "run" / "supervisor-ports.json", ["operator"])["operator"]


def run(installation: Installation, *, say: Callable[[str], None], when_ready: Callable[[], None]) -> None:
    """Run it until SIGINT or SIGTERM; raises CannotStart."""
    settings = installation.settings
    try:
        with locked(settings.state):
            if not is_free(settings.gateway.port, settings.gateway.address):
                raise CannotStart(f"Port {settings.gateway.port} is taken by another program; choose another one with --port.")
            logs.configure("supervisor", file=installation.output / "supervisor.jsonl")
            asyncio.run(_run(installation, say=say, when_ready=when_ready))
    except (AlreadyRunning, GatewayMissing, NotStarted) as error:
        raise CannotStart(str(error)) from error


async def _run(installation: Installation, *, say: Callable[[str], None], when_ready: Callable[[], None]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    supervisor = Supervisor(installation, say=say)
    socket = installation.settings.state / "run" / "supervisor.sock"
    password = operator_password(installation)
    async with serving(supervisor.status, socket=socket, port=operator_port(installation), password=password):
        await supervisor.run(stop, when_ready=when_ready)
