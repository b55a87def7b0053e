"""Keep an event log in step with the backend, from a lab's start to its end.

The stream is resumed where it broke off, with growing pauses while the backend is away; meanwhile the log says that its knowledge isn't
fresh. Nothing but the backend's own `ended`, or its word that it has no such lab, ends a lab here.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable

from portico.api import Event
from portico.spawner.client import BackendClient, BackendError, UnknownLabError
from portico.spawner.eventlog import EventLog
from portico.words import say

PAUSES = (0.05, 0.2, 0.5, 1.0, 2.0)
"""Seconds between attempts; the last one stays."""
STEADY = 1.0
"""Seconds that a stream must have stood to make up for failures before."""
TRIES = 3
"""Answers that there is no such lab, one after the other, until it is believed."""
FORGOTTEN = say("end_forgotten", "The backend has no record of this lab any more, so nothing of it runs.")

log = logging.getLogger(__name__)


class Follower:
    """Reads one lab's events into its log and tells each new one to `on_event`."""

    def __init__(self, backend: BackendClient, lab: str, events: EventLog, *, on_event: Callable[[Event], Awaitable[None]]) -> None:
        self._backend = backend
        self._lab = lab
        self._events = events
        self._on_event = on_event
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; a second call changes nothing."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"follow {self._lab}")

    def stop(self) -> None:
        """Leave the lab to itself."""
        task, self._task = self._task, None
        if task is not None and task is not asyncio.current_task():
            task.cancel()

    async def _run(self) -> None:
        failures = unknown = 0
        while not self._events.ended:
            began = time.monotonic()
            try:
                async with contextlib.aclosing(self._backend.events(self._lab, after=self._events.last_id)) as stream:
                    async for event in stream:
                        unknown = 0
                        self._events.connected(True)
                        await self._take(event)
            except UnknownLabError:
                # Once may be a question that overtook our own PUT of a moment ago.
                unknown += 1
                if unknown == TRIES:
                    self._events.end(FORGOTTEN)
                    await self._tell()
                    return
            except Exception as error:
                if not isinstance(error, BackendError):
                    # Ours to mend; meanwhile the lab is followed on.
                    log.exception("The events of lab %s can't be read", self._lab)
                log.info("The events of lab %s are interrupted: %s", self._lab, error)
            if self._events.ended:
                return
            if time.monotonic() - began > STEADY:
                failures = 0
            if failures:
                # A backend that was restarted is back at the second attempt: nobody needs to see that.
                self._events.connected(False)
            await asyncio.sleep(PAUSES[min(failures, len(PAUSES) - 1)])
            failures += 1

    async def _take(self, event: Event | None) -> None:
        if event is not None and self._events.add(event):
            await self._tell()

    async def _tell(self) -> None:
        latest = self._events.latest
        if latest is None:
            return
        try:
            await self._on_event(latest)
        except Exception:
            log.exception("What follows from an event of lab %s failed", self._lab)
