"""Following a lab through whatever the backend does: only its own word ends a lab."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest
from portico.api import Event
from portico.spawner import follow
from portico.spawner.client import UnavailableError, UnknownLabError
from portico.spawner.eventlog import EventLog
from portico.spawner.follow import FORGOTTEN, Follower

from tests.unit.spawner.test_eventlog import event

Stream = list[Event | Exception | None]
"""What a stream gives; None: it stays open."""


class Streams:
    """A backend whose event streams are written down: each call gives the next one, the last one again and again."""

    def __init__(self, *streams: Stream) -> None:
        self.streams = list(streams)
        self.asked: list[int] = []

    async def events(self, lab: str, *, after: int) -> AsyncGenerator[Event | None, None]:
        self.asked.append(after)
        stream = self.streams.pop(0) if len(self.streams) > 1 else self.streams[0]
        if not stream or not isinstance(stream[0], Exception):
            yield None
        for item in stream:
            if isinstance(item, Exception):
                raise item
            if item is None:
                await asyncio.Event().wait()
            elif item.id > after:
                yield item


async def followed(*streams: Stream, until: Callable[[EventLog, Streams], bool]) -> tuple[EventLog, Streams, list[int]]:
    """The log once the condition holds, the backend, and the events that were told."""
    backend: Any = Streams(*streams)
    log, told = EventLog(), []

    async def tell(item: Event) -> None:
        told.append(item.id)
        if item.id == 13:
            raise RuntimeError("what follows from an event failed")

    follower = Follower(backend, "a" * 32, log, on_event=tell)
    follower.start()
    async with asyncio.timeout(5):
        while not until(log, backend):
            await asyncio.sleep(0)
    follower.stop()
    return log, backend, told


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "PAUSES", (0.0, 0.001))


async def test_a_stream_that_breaks_is_resumed_where_it_was() -> None:
    broken: Stream = [event(1), event(2), UnavailableError("gone")]
    log, backend, told = await followed(broken, [event(1), event(2), event(3, "ended")], until=lambda log, _: log.ended)
    assert backend.asked == [0, 2]
    assert told == [1, 2, 3]
    assert [item.id for item in log.events] == [1, 2, 3]


async def test_a_backend_that_is_away_is_doubt_and_no_end() -> None:
    log, _, _ = await followed(
        [event(1, "running", up="up")], [UnavailableError("away")], until=lambda log, backend: len(backend.asked) > 10
    )
    assert not log.ended
    assert log.reachability.value == "unknown"


async def test_a_backend_that_is_back_is_believed_again() -> None:
    running: Stream = [event(1, "running", up="up"), None]
    away: Stream = [UnavailableError("away")]
    log, _, _ = await followed(
        [event(1, "running", up="up")],
        away,
        away,
        away,
        running,
        until=lambda log, backend: len(backend.asked) > 4 and log.reachability.value == "up",
    )
    assert not log.ended


async def test_one_answer_that_there_is_no_such_lab_is_not_believed_but_three_are() -> None:
    unknown: Stream = [UnknownLabError("no such lab")]
    log, _, _ = await followed(unknown, [event(1), event(2, "ended")], until=lambda log, _: log.ended)
    assert [item.id for item in log.events] == [1, 2]
    log, backend, _ = await followed(unknown, until=lambda log, _: log.ended)
    assert len(backend.asked) == 3
    assert log.latest
    assert log.latest.message == FORGOTTEN


async def test_what_fails_because_of_an_event_does_not_end_the_following() -> None:
    _, _, told = await followed([event(13), event(14, "ended")], until=lambda log, _: log.ended)
    assert told == [13, 14]


async def test_a_stream_that_cannot_be_read_is_asked_for_again() -> None:
    log, _, _ = await followed([RuntimeError("our own mistake")], [event(1, "ended")], until=lambda log, _: log.ended)
    assert log.ended
