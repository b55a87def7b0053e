"""How the systems are, as the backend last said: known without waiting.

A page never waits for a slow backend. What is known is given at once and renewed behind it; only a hub that knows nothing yet waits, and
no longer than `PATIENCE`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping

from portico.api import Health, System
from portico.spawner.client import BackendClient, BackendError

FRESH = 3.0
"""Seconds for which an answer is good."""
STALE = 60.0
"""Seconds after which it says nothing any more."""
PATIENCE = 0.2

log = logging.getLogger(__name__)


class Systems:
    """The systems by name."""

    def __init__(self, backend: BackendClient) -> None:
        self._backend = backend
        self._known: dict[str, System] = {}
        self._asked: float | None = None
        self._answered: float | None = None
        self._task: asyncio.Task[None] | None = None

    def __deepcopy__(self, memo: object) -> Systems:
        """Traitlets copies what stands in a configuration; this is shared."""
        return self

    def known(self) -> Mapping[str, System]:
        """What is known now; renews it in the background where it isn't fresh."""
        now = time.monotonic()
        if self._task is None and (self._asked is None or now - self._asked > FRESH):
            self._asked = now
            self._task = asyncio.create_task(self._ask(), name="systems")
        if self._answered is not None and now - self._answered > STALE:
            return {name: system.model_copy(update={"health": Health.UNKNOWN, "message": ""}) for name, system in self._known.items()}
        return self._known

    async def get(self) -> Mapping[str, System]:
        """What is known; the first time, after a moment for the backend to answer."""
        known = self.known()
        if self._answered is None and self._task is not None:
            await asyncio.wait({self._task}, timeout=PATIENCE)
            known = self._known
        return known

    async def _ask(self) -> None:
        try:
            self._known = {system.name: system for system in await self._backend.systems()}
            self._answered = time.monotonic()
        except BackendError as error:
            log.info("The systems' health is unknown: %s", error)
        finally:
            self._task = None
