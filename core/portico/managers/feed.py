"""A lab's events, live, to whoever follows them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from portico.api import Event, LabState
from portico.managers.store import Store

BACKLOG = 256
"""Events that wait for one slow reader; after that it reads from the store again."""


class Feed:
    """Hands each event of a lab to all who follow it. `close` ends them, so that the service can stop."""

    def __init__(self) -> None:
        self._readers: set[asyncio.Queue[Event | None]] = set()

    def publish(self, event: Event) -> None:
        """Tell everybody. Never waits: a reader that is too slow is told to look into the store."""
        for queue in self._readers:
            if queue.full():
                while not queue.empty():
                    queue.get_nowait()
            queue.put_nowait(event)

    def close(self) -> None:
        """End all streams."""
        for queue in self._readers:
            while not queue.empty():
                queue.get_nowait()
            queue.put_nowait(None)

    async def follow(self, store: Store, lab: str, *, after: int, heartbeat: float) -> AsyncIterator[Event | None]:
        """The events with ids greater than `after`: first from the store, then live; None each `heartbeat` seconds without one.

        Ends after `ended`. No event is missed or told twice: the reader is registered before the store is read, and a gap in the ids
        is filled from the store.
        """
        queue: asyncio.Queue[Event | None] = asyncio.Queue(BACKLOG)
        self._readers.add(queue)
        try:
            last = after
            pending = await store.events(lab, after=last)
            while True:
                for event in pending:
                    yield event
                    last = event.id
                    if event.state is LabState.ENDED:
                        return
                try:
                    async with asyncio.timeout(heartbeat):
                        newest = await queue.get()
                except TimeoutError:
                    pending = []
                    yield None
                    continue
                if newest is None:
                    return
                in_order = newest.id == last + 1
                pending = [newest] if in_order else [] if newest.id <= last else await store.events(lab, after=last)
        finally:
            self._readers.discard(queue)
