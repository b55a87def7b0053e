"""The server process of all sites: `python -m portico.demo site --config FILE`.

SIGTERM ends all jobs, all nodes, then the server. After a SIGKILL a new server finds the nodes still running, attaches to them and goes on.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import ssl
from pathlib import Path

import aiohttp
from aiohttp import web

from portico import logs
from portico.demo.configuration import SiteConfig, SiteServerConfig
from portico.demo.nodes import namespace
from portico.demo.nodes.fleet import Fleet
from portico.demo.nodes.step import Outcome
from portico.demo.site.credential import ServerCredential
from portico.demo.site.handlers import DELETIONS, Site, plain_errors
from portico.demo.site.identities import Authenticator
from portico.demo.site.jobs import Jobs
from portico.demo.site.notifications import Notifier
from portico.demo.site.records import JobRecord
from portico.demo.site.storages import routes

log = logging.getLogger(__name__)
SHARED_ADDRESS = "127.0.0.1"
"""Where jobs listen on a node with a network of its own."""
_DESCRIPTION_LIMIT = 16 << 20
"""Bytes of a job description."""


class Server:
    """All sites, their nodes and their jobs."""

    def __init__(self, config: SiteServerConfig, *, isolated: bool, http: aiohttp.ClientSession) -> None:
        self._config = config
        self._http = http
        self._credential = ServerCredential(certificate_file=config.certificate_file, key_file=config.key_file)
        self._notifier = Notifier(http=http, credential=self._credential)
        self.fleet = Fleet(
            directory=config.node_directory,
            addresses={name: SHARED_ADDRESS if isolated else address for name, address in config.addresses.items()},
            isolated=isolated,
            egress_file=config.egress_file,
            patience=config.patience,
            ended=self._ended,
        )
        self._authenticator = Authenticator(
            http=http,
            userinfo_url=config.userinfo_url,
            claim=config.accounts_claim,
            users_file=config.users_file,
            credential=self._credential,
        )
        self.sites = [self._site(site) for site in config.sites]

    def _site(self, config: SiteConfig) -> Site:
        scheme = "https" if self._config.tls else "http"
        base = f"{scheme}://{self._config.address}:{self._config.port}/{config.name}/rest/core"

        def announce(record: JobRecord) -> None:
            self._notifier.tell(record, f"{base}/jobs/{record.id}")

        jobs = Jobs(
            config=config,
            directory=self._config.directory / config.name,
            fleet=self.fleet,
            environment={"PATH": self._config.path, "SHELL": "/bin/sh", "LANG": "C.UTF-8"},
            announce=announce,
        )
        return Site(config=config, base=base, jobs=jobs, fleet=self.fleet, authenticator=self._authenticator, credential=self._credential)

    def _ended(self, job: str, outcome: Outcome) -> None:
        for site in self.sites:
            if site.jobs.ended(job, outcome):
                return

    def application(self) -> web.Application:
        """The HTTP server."""
        application = web.Application(middlewares=[plain_errors], client_max_size=_DESCRIPTION_LIMIT)
        for site in self.sites:
            below = web.Application(client_max_size=_DESCRIPTION_LIMIT)
            below[DELETIONS] = set()
            for method, path, handler in routes(site):
                below.router.add_route(method, path, site.guarded(handler))
                if not path.endswith("}"):
                    below.router.add_route(method, path + "/", site.guarded(handler))
            application.add_subapp(f"/{site.config.name}/", below)
        return application

    async def resume(self) -> None:
        """Find what an earlier server left."""
        found = await self.fleet.attach_running()
        running = {job: outcome for jobs in found.values() for job, outcome in jobs.items()}
        for site in self.sites:
            site.jobs.resume(running)

    async def warm_up(self) -> None:
        """Start the first node of each site's first partition, so that a first job need not wait for it."""
        for config in self._config.sites:
            try:
                await self.fleet.up(config.partitions[0].hosts[0])
            except OSError as error:
                log.warning("a node does not start: %s", error)

    async def stop(self) -> None:
        """End all jobs and nodes."""
        leaving = asyncio.gather(*(site.jobs.stop() for site in self.sites))
        await self.fleet.leave()
        await leaving
        await self._notifier.close()


def _tls(config: SiteServerConfig) -> ssl.SSLContext | None:
    if not config.tls:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(config.certificate_file, config.key_file)
    return context


async def serve(config: SiteServerConfig, *, isolated: bool) -> None:
    """Until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(10)) as http:
        server = Server(config, isolated=isolated, http=http)
        await server.resume()
        runner = web.AppRunner(server.application(), access_log=None, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, config.address, config.port, ssl_context=_tls(config)).start()
        log.info("sites %s listen on %s:%d", ", ".join(site.name for site in config.sites), config.address, config.port)
        await server.warm_up()
        await stop.wait()
        await server.stop()
        await runner.cleanup()


def main(path: Path) -> None:
    """Run with the configuration in `path`."""
    config = SiteServerConfig.read(path)
    logs.configure("demo-site", file=config.log_file)
    os.umask(0o077)
    config.node_directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    isolated = config.isolation and namespace.available()
    if not isolated:
        log.warning("nodes have no network of their own here: their jobs listen on secret loopback addresses (PORTICO_BIND)")
    asyncio.run(serve(config, isolated=isolated))
