"""The sync as a service: `python -m portico.tenants --config portico.toml`; ends at SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from portico import logs
from portico.settings import Settings, SettingsError, load
from portico.tenants import trigger
from portico.tenants.judge import Judge
from portico.tenants.sync import Sync

WORKERS = 4
"""Threads for what blocks: reading repositories, writing snapshots."""


async def serve(settings: Settings) -> None:
    """Follow all tenants and answer the trigger until cancelled."""
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="sync") as workers:
        async with Judge() as judge:
            sync = Sync(settings, judge=judge, workers=workers)
            async with trigger.listening(settings.state, sync.request):
                logging.getLogger("portico.tenants").info("following %d tenants", len(sync.tenants))
                await sync.run()


async def _until_told(settings: Settings) -> None:
    service = asyncio.create_task(serve(settings))
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
    arguments = parser.parse_args()
    try:
        settings = load(arguments.config)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    logs.configure("sync", file=settings.state / "logs" / "sync.jsonl")
    asyncio.run(_until_told(settings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
