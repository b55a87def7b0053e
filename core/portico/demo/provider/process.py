"""Run the identity provider until SIGTERM or SIGINT."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from portico import logs
from portico.demo.configuration import ProviderConfig
from portico.demo.provider.server import Provider


def main(config_file: Path) -> None:
    """`python -m portico.demo identity-provider --config FILE`."""
    config = ProviderConfig.read(config_file)
    logs.configure("identity-provider", file=config.log_file)
    web.run_app(
        Provider(config, config_file).application(), host=config.address, port=config.port, access_log=None, print=None, shutdown_timeout=1
    )
