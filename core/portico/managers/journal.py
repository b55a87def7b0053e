"""What one lab's record says, kept in the store and told to whoever follows: the only place where a lab's record changes.

A change is in the database before anybody hears of it. Changes take turns, and none is left half done when its caller is cancelled.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import replace
from typing import TypeVar

from portico.api import LabState
from portico.managers.feed import Feed
from portico.managers.keys import Secrets, Vault
from portico.managers.lifecycle import Fact, advance
from portico.managers.sites import Login
from portico.managers.store import Record, Store, event_of, moved

log = logging.getLogger(__name__)
Done = TypeVar("Done")


class Journal:
    """A lab's record, its secrets, its events."""

    def __init__(self, record: Record, *, store: Store, vault: Vault) -> None:
        self.record = record
        self.feed = Feed()
        self._store = store
        self._vault = vault
        self._secrets = vault.open(record.sealed) if record.sealed else None
        self._turn = asyncio.Lock()

    @property
    def secrets(self) -> Secrets:
        """What is kept for the site; only while the lab hasn't ended."""
        if self._secrets is None:
            raise LookupError(f"nothing is kept of the ended lab {self.record.id}")
        return self._secrets

    @property
    def login(self) -> Login:
        """As whom the site is asked now."""
        return Login(self.secrets.access_token, self.record.choice)

    async def tell(self, fact: Fact) -> bool:
        """Record a fact and publish its event; whether it told anything new. Database errors pass through, with nothing changed."""
        return await _whole(self._tell(fact))

    async def submitted(self, job: str) -> None:
        """Keep the job's address; the environment isn't needed any more."""
        await _whole(self._keep(job, Secrets(self.secrets.access_token)))

    async def renew(self, secrets: Secrets) -> None:
        """Keep a renewed login."""
        await _whole(self._keep(self.record.job, secrets))

    async def _tell(self, fact: Fact) -> bool:
        async with self._turn:
            standing = advance(self.record.standing, fact)
            if standing is None:
                return False
            changed = moved(self.record, standing)
            if standing.state is LabState.ENDED:
                changed = replace(changed, sealed=None)
            await self._store.move(changed)
            self.record = changed
            if changed.sealed is None:
                self._secrets = None
            event = event_of(changed)
            self.feed.publish(event)
            log.info("%s: %s", event.step, event.message, extra={"state": event.state.value, "event": event.id})
            return True

    async def _keep(self, job: str | None, secrets: Secrets) -> None:
        async with self._turn:
            changed = replace(self.record, job=job, sealed=self._vault.seal(secrets))
            await self._store.keep(changed)
            self.record, self._secrets = changed, secrets


async def _whole(change: Coroutine[object, object, Done]) -> Done:
    """Await a change that goes on to its end even if the caller is cancelled meanwhile."""
    return await asyncio.shield(asyncio.ensure_future(change))
