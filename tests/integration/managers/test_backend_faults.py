"""What a lab survives: a backend that is killed at any moment, a site that is away, an answer that is lost."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
from collections.abc import Iterator

import httpx
import pytest

from tests.support import backend
from tests.support.backend_process import BackendProcess, event_with, events
from tests.support.demo import Process, RunningDemo
from tests.support.wait import until

from . import labs


@contextlib.contextmanager
def frozen(process: Process) -> Iterator[None]:
    """Within, the process takes connections and answers nothing."""
    os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process.pid, signal.SIGCONT)


def rows(service: BackendProcess) -> list[tuple[str, str, str | None]]:
    """Id, state and job of every lab in the database."""
    with contextlib.closing(sqlite3.connect(service.settings.state / "backend.sqlite")) as database:
        return database.execute("SELECT id, state, job FROM labs").fetchall()


async def test_a_killed_backend_finds_its_lab_again_and_stops_it(own_service: BackendProcess, demo: RunningDemo, token: str) -> None:
    """Bar 6, with the driver openssh: the page answers all the time."""
    async with own_service.client() as client:
        lab = await labs.start(client, token)
        ready = await event_with(client, lab, "ready")
        assert ready.address is not None
        own_service.kill()
        assert await labs.answers(ready.address)
        own_service.start()
        assert await labs.answers(ready.address)
        known = await labs.look(client, lab)
        assert (known.state, known.address) == ("running", ready.address)
        assert (await labs.stop(client, lab)).message == "Stopped on request."
        assert [labs.status(job) for job in labs.jobs(demo.site.url, token, lab)] == ["FAILED"]
        assert await labs.page(ready.address) is None


async def test_an_orderly_end_leaves_labs_running_and_waits_for_no_stream(own_service: BackendProcess, token: str) -> None:
    async with own_service.client() as client:
        lab = await labs.start(client, token)
        stream = events(client, lab)
        async for event in stream:
            if event.address is not None and event.step == "ready":
                address = event.address
                break
        assert own_service.stop() == 0
        assert await labs.answers(address)
        assert [event async for event in stream] == []
        own_service.start()
        await labs.stop(client, lab)


@pytest.mark.parametrize("when", ["the site has it", "nobody has it"])
async def test_killed_while_submitting_there_is_one_job_in_the_end(
    own_service: BackendProcess, demo: RunningDemo, token: str, when: str
) -> None:
    """Faults 5 and 6; and the row is there before the job is."""
    async with own_service.client() as client:
        with frozen(demo.site.process):
            lab = await labs.start(client, token)
            assert rows(own_service) == [(lab, "submitted", None)]
            if when == "the site has it":  # what it was sent before, it works on afterwards
                await until(lambda: _connected(demo))
            own_service.kill()
        own_service.start()
        assert await labs.answers((await event_with(client, lab, "ready")).address or "")
        assert len(labs.jobs(demo.site.url, token, lab)) == 1
        await labs.stop(client, lab)


def _connected(demo: RunningDemo) -> bool:
    """Whether somebody has a connection to the site."""
    port = f":{demo.plan.site_port:04X} "
    with open("/proc/net/tcp") as table:
        return sum(1 for line in table if port in line and " 01 " in line) > 0


async def test_a_stop_is_tried_until_the_site_confirms_it(own_service: BackendProcess, demo: RunningDemo, token: str) -> None:
    """Fault 8: the row stays, even over a restart of the backend."""
    async with own_service.client() as client:
        lab = await labs.start(client, token)
        await event_with(client, lab, "ready")
        with frozen(demo.site.process):
            assert (await client.delete(f"/labs/{lab}")).status_code == 202
            note = await event_with(client, lab, "message")
            assert note.state == "stopping"
            assert "tried again" in note.message
            own_service.kill()
            own_service.start()
            assert (await labs.look(client, lab)).state == "stopping"
        assert (await labs.end(client, lab)).message == "Stopped on request."
        assert [labs.status(job) for job in labs.jobs(demo.site.url, token, lab)] == ["FAILED"]


async def test_a_site_that_is_away_ends_no_lab(juniq: httpx.AsyncClient, demo: RunningDemo, token: str) -> None:
    """Fault 9, and the health of the system says so."""
    async with labs.running(juniq, token) as (lab, address):
        with frozen(demo.site.process):
            note = await event_with(juniq, lab, "message")
            assert note.state == "running"
            assert "The lab is kept." in note.message
            assert await labs.answers(address)
            systems = {system["name"]: system for system in (await juniq.get("/systems")).json()}
            assert systems["aurora"]["health"] == "down"
            assert systems["aurora"]["message"]
        await until(lambda: _healthy(juniq))


async def _healthy(juniq: httpx.AsyncClient) -> bool:
    return next(system for system in (await juniq.get("/systems")).json() if system["name"] == "aurora")["health"] == "up"


async def test_a_start_whose_answer_is_lost_is_one_job(juniq: httpx.AsyncClient, demo: RunningDemo, token: str) -> None:
    """Faults 7 and 26: the site takes the jobs after everybody has stopped waiting; meanwhile the backend answers at once."""
    async with labs.running(juniq, token):  # so that the backend knows the site's links, and sends jobs first of all
        pass
    with frozen(demo.site.process):
        started = [await labs.start(juniq, token) for _ in range(3)]
        assert (await juniq.get("/labs", timeout=1)).status_code == 200
        for lab in started:
            assert "Trying again." in (await event_with(juniq, lab, "message")).message
    for lab in started:
        await event_with(juniq, lab, "ready")
        await labs.stop(juniq, lab)
        assert len(labs.jobs(demo.site.url, token, lab)) == 1


async def test_a_repeated_start_is_one_job(juniq: httpx.AsyncClient, demo: RunningDemo, token: str) -> None:
    """Hostile input 45 and fault 7: the answer is lost, the hub asks again, at once and from many sides."""
    lab = backend.lab_id()
    body = backend.request(access_token=token, profile="trivial")
    first = await juniq.put(f"/labs/{lab}", json=body)
    with contextlib.suppress(httpx.ReadTimeout):
        await juniq.put(f"/labs/{lab}", json=body, timeout=httpx.Timeout(5, read=0.0001))
    again = [await juniq.put(f"/labs/{lab}", json=body) for _ in range(3)]
    assert [answer.status_code for answer in (first, *again)] == [201, 200, 200, 200]
    await event_with(juniq, lab, "ready")
    await labs.stop(juniq, lab)
    assert len(labs.jobs(demo.site.url, token, lab)) == 1


async def test_a_job_that_the_site_forgot_has_ended(juniq: httpx.AsyncClient, demo: RunningDemo, token: str) -> None:
    lab = await labs.start(juniq, token)
    await event_with(juniq, lab, "ready")
    labs.jobs(demo.site.url, token, lab)[0].delete()
    assert (await labs.end(juniq, lab)).message == "Aurora no longer knows the lab's job."


async def test_a_locked_database_loses_no_stop(own_service: BackendProcess, token: str) -> None:
    """Fault 21: an error that says so, and nothing half done."""
    async with own_service.client() as client:
        lab = await labs.start(client, token)
        await event_with(client, lab, "ready")
        with contextlib.closing(sqlite3.connect(own_service.settings.state / "backend.sqlite", isolation_level=None)) as database:
            database.execute("BEGIN EXCLUSIVE")
            answer = await client.delete(f"/labs/{lab}")
            assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unavailable")
            database.execute("ROLLBACK")
        assert (await labs.look(client, lab)).state == "running"
        assert (await labs.stop(client, lab)).message == "Stopped on request."
