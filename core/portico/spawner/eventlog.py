"""What is known of one lab: its events, and whether the knowledge is fresh.

Guarantees, whatever arrives in whatever order: an event counts once, percent and state never go backwards, nothing follows `ended`.
Readers wait for the next change; any number of them may.
"""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import UTC, datetime

from portico.api import Event, LabState, Reachability
from portico.words import parts

KEPT = 200
"""Events that are remembered of a lab."""


class EventLog:
    """The events of one lab."""

    def __init__(self, latest: Event | None = None) -> None:
        """`latest`: what was known before a restart; it stands until a newer event comes, but the stream is read from its beginning."""
        self._events: deque[Event] = deque(maxlen=KEPT)
        self._latest = latest
        self._fresh = latest is None
        self._waiters: set[asyncio.Future[None]] = set()
        self.version = 0
        """Grows with each change."""

    @property
    def events(self) -> tuple[Event, ...]:
        """The events so far, oldest first."""
        return tuple(self._events)

    @property
    def latest(self) -> Event | None:
        """The newest event."""
        return self._latest

    @property
    def last_id(self) -> int:
        """The id after which a stream goes on."""
        return self._events[-1].id if self._events else 0

    @property
    def ended(self) -> bool:
        """Whether the backend said, with authority, that nothing of the lab runs any more."""
        return self._latest is not None and self._latest.state is LabState.ENDED

    @property
    def address(self) -> str | None:
        """`host:port` of the lab, once known; None again where its tunnel is gone for good."""
        return self._latest.address if self._latest else None

    @property
    def reachability(self) -> Reachability:
        """Whether the lab answers; `unknown` as well while the backend can't be asked."""
        if self._latest is None or not (self._fresh or self.ended):
            return Reachability.UNKNOWN
        return self._latest.reachability

    def add(self, event: Event) -> bool:
        """Take an event in; False where it is old or comes after the end."""
        if event.id <= self.last_id or self.ended:
            return False
        event = self._forward(event)
        self._events.append(event)
        if self._latest is None or event.id >= self._latest.id:
            self._latest = event
        self._fresh = True
        self._changed()
        return True

    def end(self, reason: str) -> None:
        """Write the end down where no event tells it: the lab never reached the backend, or the backend has forgotten it."""
        after = max(self.last_id, self._latest.id if self._latest else 0)
        known = self._latest
        self._latest = Event(
            id=after + 1,
            at=datetime.now(UTC),
            state=LabState.ENDED,
            reachability=Reachability.DOWN,
            percent=known.percent if known else 0,
            step="ended",
            message=str(reason),
            said=list(parts(reason)),
        )
        self._events.append(self._latest)
        self._changed()

    def connected(self, fresh: bool) -> None:
        """Whether the events come in now."""
        if fresh != self._fresh:
            self._fresh = fresh
            self._changed()

    async def changed(self, since: int) -> None:
        """Wait until `version` is another than `since`."""
        while self.version == since:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
            try:
                await waiter
            finally:
                self._waiters.discard(waiter)

    def _forward(self, event: Event) -> Event:
        before = self._latest
        if before is None or event.id <= before.id:
            # Events that were known before a restart come again; they are in order among themselves.
            before = self._events[-1] if self._events else None
        if before is None:
            return event
        state = event.state if event.state.rank >= before.state.rank else before.state
        return event.model_copy(update={"percent": max(event.percent, before.percent), "state": state})

    def _changed(self) -> None:
        self.version += 1
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
