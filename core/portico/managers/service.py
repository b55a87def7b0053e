"""Everything that one backend process holds, put together from the operator's settings, started and ended in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from portico.api import Reachability
from portico.managers.keys import Credentials, Vault
from portico.managers.labs import Labs
from portico.managers.sites import Site
from portico.managers.store import Store
from portico.managers.unicore import UnicoreSite
from portico.settings.models import Settings
from portico.tunnels import TunnelError, TunnelManager

log = logging.getLogger(__name__)

CHECK_INTERVAL = 30.0
"""Seconds between two looks at each site."""


class _Changes:
    """Passes on what the tunnel manager tells: it is made before those who want to know."""

    labs: Labs | None = None

    def __call__(self, lab: str, reachability: Reachability, address: str | None, /) -> None:
        if self.labs is not None:
            self.labs.tunnel_changed(lab)


@dataclass(slots=True)
class Service:
    """The parts, and what runs beside the labs' tasks."""

    settings: Settings
    credentials: Credentials
    store: Store
    sites: Mapping[str, Site]
    tunnels: TunnelManager
    labs: Labs
    watching: list[asyncio.Task[None]] = field(default_factory=list)

    @classmethod
    def build(cls, settings: Settings) -> Service:
        """Put the parts together; raises UnusableSecretError. Nothing runs yet."""
        store = Store(settings.backend.database_url)
        sites: dict[str, Site] = {system.name: UnicoreSite(system) for system in settings.systems}
        changes = _Changes()
        tunnels = TunnelManager(
            {system.name: system.login_node for system in settings.systems},
            settings.state / "tunnels",
            changes,
        )
        labs = Labs(settings, store=store, vault=Vault(settings.backend.encryption_key_file), sites=sites, tunnels=tunnels)
        changes.labs = labs
        return cls(settings, Credentials(settings), store, sites, tunnels, labs)

    async def start(self) -> None:
        """Tables, tunnels, labs, health; in this order."""
        await self.store.open()
        await self.tunnels.start()
        await self.labs.resume()
        self.watching = [asyncio.create_task(self._watch(name), name=f"watch {name}") for name in self.sites]

    def reconfigure(self, settings: Settings) -> None:
        """Serve these tenants from now on; raises UnusableSecretError. The labs of one that is gone run on. Systems stay as they were."""
        self.credentials.replace(settings)
        self.settings = self.settings.model_copy(update={"tenants": settings.tenants})
        self.labs.reconfigure(self.settings)
        log.info("serving %s", ", ".join(tenant.name for tenant in settings.tenants) or "no tenant")

    async def close(self) -> None:
        """End everything of this process. Labs go on, and so do tunnels whose driver can."""
        for task in self.watching:
            task.cancel()
        await asyncio.gather(*self.watching, return_exceptions=True)
        await self.labs.close()
        await self.tunnels.close(keep=True)
        for site in self.sites.values():
            site.close()
        await self.store.close()

    async def _watch(self, system: str) -> None:
        """Keep a site's health fresh, and the connection to its login node at hand."""
        warming = asyncio.create_task(self._warm(system))
        try:
            while True:
                try:
                    await self.sites[system].check()
                except Exception:
                    log.exception("the check of %s failed", system)
                await asyncio.sleep(CHECK_INTERVAL)
        finally:
            warming.cancel()

    async def _warm(self, system: str) -> None:
        try:
            await self.tunnels.warm(system)
        except TunnelError as error:
            log.warning("%s: %s", system, error)
