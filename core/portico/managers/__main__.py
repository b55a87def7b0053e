"""`python -m portico.managers --config portico.toml`: run the backend until SIGTERM or SIGINT; SIGHUP has it read its tenants anew.

Labs and tunnels that can outlive this process go on; the next one finds them again.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import socket
import sys
from pathlib import Path
from types import FrameType

import uvicorn
from fastapi import FastAPI

from portico import logs
from portico.managers.app import create_app
from portico.managers.keys import UnusableSecretError
from portico.settings import SettingsError, load

GRACE = 5
"""Seconds for requests under way when the service is told to end."""


class Server(uvicorn.Server):
    """uvicorn waits for open connections before it ends; event streams are told to end first. SIGHUP has the tenants read anew."""

    def __init__(self, config: uvicorn.Config, app: FastAPI, operators_file: Path) -> None:
        super().__init__(config)
        self._application = app
        self._operators_file = operators_file

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve."""
        await super().startup(sockets)
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._reload)

    def _reload(self) -> None:
        try:
            self._application.state.service.reconfigure(load(self._operators_file))
        except (SettingsError, UnusableSecretError) as error:
            logging.getLogger("portico.managers").error("the tenants stay as they are: %s", error)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end."""
        self._application.state.service.labs.end_streams()
        super().handle_exit(sig, frame)


def main() -> int:
    """Run; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m portico.managers", description="Run Portico's backend.")
    parser.add_argument("--config", type=Path, required=True, help="the operator's configuration, portico.toml")
    arguments = parser.parse_args()
    try:
        settings = load(arguments.config)
        logs.configure("backend", file=settings.state / "logs" / "backend.jsonl")
        app = create_app(settings)
    except (SettingsError, UnusableSecretError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    config = uvicorn.Config(
        app,
        host=settings.backend.address,
        port=settings.backend.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
    )
    server = Server(config, app, arguments.config)
    for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn sends itself the signal once more when all has ended in order
        signal.signal(number, signal.SIG_IGN)
    server.run()
    logging.shutdown()
    return 0 if server.started else 1


if __name__ == "__main__":
    code = main()
    # Worker threads may still wait for a site that doesn't answer; Python would wait for them.
    sys.stderr.flush()
    os._exit(code)
