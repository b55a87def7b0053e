"""Follows one repository for all that live in it: looks at its own pace, more slowly while it fails, and at once when woken."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence

from portico.tenants.git import Repository
from portico.tenants.pace import pause


class Followed(ABC):
    """What is followed: one tenant's branch and directory, or the operator's list of tenants."""

    _repository: Repository | None = None
    """None until it was opened."""

    @property
    def failures(self) -> int:
        """How often in a row the repository didn't answer."""
        return 0 if self._repository is None else self._repository.failures

    def forgive(self) -> None:
        """Don't wait any longer for a repository that failed."""
        if self._repository is not None:
            self._repository.mirror.forgive()

    @abstractmethod
    async def check(self, *, force: bool = False, since: float | None = None) -> object:
        """Look once."""


class Following:
    """What lives in one repository is looked at together, so that one answer serves all."""

    def __init__(self, followed: Sequence[Followed], *, interval: float) -> None:
        self._followed = tuple(followed)
        self._interval = interval
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look at once, or once more after the look that goes on now."""
        for each in self._followed:
            each.forgive()
        self._woken.set()

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            self._woken.clear()
            since = time.monotonic()
            await asyncio.gather(*(each.check(since=since) for each in self._followed))
            wait = pause(self._interval, min(each.failures for each in self._followed), random.random())  # noqa: S311 -- no secret
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), wait)
