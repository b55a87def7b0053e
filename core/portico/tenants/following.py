"""Follows one repository for the tenants that live in it: looks at its own pace, more slowly while it fails, and at once when woken."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Sequence
from typing import Protocol

from portico.tenants.pace import pause


class Tenant(Protocol):
    """What is followed: one tenant's branch and directory."""

    @property
    def failures(self) -> int:
        """How often in a row its repository didn't answer."""

    def forgive(self) -> None:
        """Treat the repository as healthy again."""

    async def check(self, *, force: bool = False, since: float | None = None) -> object:
        """Look once."""


class Following:
    """The tenants of one repository; they look together, so that one answer serves all."""

    def __init__(self, tenants: Sequence[Tenant], *, interval: float) -> None:
        self._tenants = tuple(tenants)
        self._interval = interval
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look at once, or once more after the look that goes on now."""
        for tenant in self._tenants:
            tenant.forgive()
        self._woken.set()

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            self._woken.clear()
            since = time.monotonic()
            await asyncio.gather(*(tenant.check(since=since) for tenant in self._tenants))
            wait = pause(self._interval, min(tenant.failures for tenant in self._tenants), random.random())  # noqa: S311 -- no secret
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), wait)
