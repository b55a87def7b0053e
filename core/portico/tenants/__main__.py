"""The sync as a service: `python -m portico.tenants --config portico.toml`; ends at SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from portico import logs
from portico.settings import Settings, SettingsError, load
from portico.tenants import hook_server, trigger
from portico.tenants.actions import Actions
from portico.tenants.hook_server import Hooks
from portico.tenants.judge import Judges
from portico.tenants.sync import Sync

JUDGES = 2
"""Processes that judge candidates."""
WORKERS = 4
"""Threads for what blocks: reading repositories, writing snapshots."""


async def serve(settings: Settings, *, hooks_port: int | None = None) -> None:
    """Follow all tenants, and answer the trigger and the forges' web hooks, until cancelled."""
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="sync") as workers:
        async with Judges(JUDGES) as judge:
            sync = Sync(settings, judge=judge, workers=workers)
            async with trigger.listening(settings.state, Actions(sync, settings.state)), _hooked(settings, sync, hooks_port):
                logging.getLogger("portico.tenants").info("following %d tenants", len(sync.tenants))
                await sync.run()


def _hooked(settings: Settings, sync: Sync, port: int | None) -> contextlib.AbstractAsyncContextManager[None]:
    return contextlib.nullcontext() if port is None else hook_server.listening(Hooks(settings.tenants, sync.wake), port)


async def _until_told(settings: Settings, hooks_port: int | None) -> None:
    service = asyncio.create_task(serve(settings, hooks_port=hooks_port))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, service.cancel)
    try:
        await service
    except asyncio.CancelledError:
        logging.getLogger("portico.tenants").info("ended")


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m portico.tenants", description="Follow the tenants' repositories.")
    parser.add_argument("--config", type=Path, required=True, help="the operator's portico.toml")
    parser.add_argument("--hooks-port", type=int, help="the port of 127.0.0.1 where forges' web hooks are taken; none: nowhere")
    arguments = parser.parse_args()
    try:
        settings = load(arguments.config)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    logs.configure("sync", file=settings.state / "logs" / "sync.jsonl")
    asyncio.run(_until_told(settings, arguments.hooks_port))
    return 0


if __name__ == "__main__":
    sys.exit(main())
