"""A lab's events count once and go forward only, in whatever order they come (hostile input 69, fault 28)."""

import asyncio
from datetime import UTC, datetime

import pytest
from portico.api import Event, LabState, Reachability
from portico.spawner.eventlog import EventLog


def event(number: int, state: str = "starting", *, percent: int = 50, up: str = "unknown", address: str | None = None) -> Event:
    return Event(
        id=number,
        at=datetime(2026, 1, 1, tzinfo=UTC),
        state=LabState(state),
        reachability=Reachability(up),
        percent=percent,
        step=state,
        message=f"{state} {number}",
        address=address,
    )


@pytest.mark.parametrize(
    ("sent", "kept", "states", "percents"),
    [
        ([event(1), event(2)], [1, 2], ["starting", "starting"], [50, 50]),
        ([event(1), event(1), event(1)], [1], ["starting"], [50]),
        ([event(2), event(1), event(3)], [2, 3], ["starting", "starting"], [50, 50]),
        ([event(1, percent=80), event(2, percent=20)], [1, 2], ["starting", "starting"], [80, 80]),
        ([event(1, "running"), event(2, "queued")], [1, 2], ["running", "running"], [50, 50]),
        ([event(1, "ended"), event(2, "running")], [1], ["ended"], [50]),
    ],
)
def test_what_is_kept(sent: list[Event], kept: list[int], states: list[str], percents: list[int]) -> None:
    log = EventLog()
    for item in sent:
        log.add(item)
    assert [item.id for item in log.events] == kept
    assert [item.state.value for item in log.events] == states
    assert [item.percent for item in log.events] == percents


def test_what_was_known_before_a_restart_stands_until_news_come() -> None:
    log = EventLog(event(3, "running", up="up", address="127.0.0.1:1000"))
    assert log.address == "127.0.0.1:1000"
    assert log.reachability is Reachability.UNKNOWN
    for number in (1, 2, 3):
        log.add(event(number, "running", up="up", address="127.0.0.1:1000"))
    assert log.reachability is Reachability.UP
    log.add(event(4, "running", up="up", address="127.0.0.1:2000"))
    assert log.address == "127.0.0.1:2000"
    assert log.last_id == 4


def test_knowledge_that_is_not_fresh_says_unknown_but_never_ended() -> None:
    log = EventLog()
    log.add(event(1, "running", up="up"))
    log.connected(False)
    assert log.reachability is Reachability.UNKNOWN
    assert not log.ended
    log.connected(True)
    assert log.reachability is Reachability.UP


def test_an_end_without_an_event_is_written_down() -> None:
    log = EventLog()
    log.add(event(7, "running"))
    log.end("Nobody knows it.")
    assert log.ended
    assert log.latest
    assert (log.latest.id, log.latest.message) == (8, "Nobody knows it.")


async def test_every_reader_hears_of_each_change() -> None:
    log = EventLog()
    readers = [asyncio.ensure_future(log.changed(log.version)) for _ in range(3)]
    await asyncio.sleep(0)
    log.add(event(1))
    await asyncio.wait_for(asyncio.gather(*readers), 1)
    await asyncio.wait_for(log.changed(0), 1)
