"""A lab's whole life against the demo's site: started, reached through the tunnel, stopped, and all that can come between."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from portico.api import Reachability
from portico.settings.models import UnicoreSystem

from tests.support import backend
from tests.support.backend_process import BackendProcess, event_with, events
from tests.support.demo import RunningDemo
from tests.support.wait import until

from . import labs
from .conftest import LISTEN_WITHIN


async def test_from_start_to_end(juniq: httpx.AsyncClient, demo: RunningDemo, token: str) -> None:
    lab = await labs.start(juniq, token)
    ready = await event_with(juniq, lab, "ready")
    assert (ready.state, ready.reachability, ready.percent) == ("running", "up", 100)
    assert ready.address is not None
    assert await labs.answers(ready.address)
    known = await labs.look(juniq, lab)
    assert (known.state, known.node, known.address) == ("running", "node01", ready.address)

    last = await labs.stop(juniq, lab)
    assert last.message == "Stopped on request."
    assert [labs.status(job) for job in labs.jobs(demo.site.url, token, lab)] == ["FAILED"]
    assert await labs.page(ready.address) is None

    told = [event async for event in events(juniq, lab)]
    assert [event.id for event in told] == list(range(1, len(told) + 1))
    assert [event.percent for event in told] == sorted(event.percent for event in told)
    assert [event.step for event in told if event.step not in ("queued", "starting")] == [
        "submitted",
        "node",
        "tunnel",
        "ready",
        "stopping",
        "stopped",
    ]


async def test_a_stream_goes_on_where_it_was_left(juniq: httpx.AsyncClient, token: str) -> None:
    async with labs.running(juniq, token) as (lab, _):
        first = await event_with(juniq, lab, "node")
        rest = [event async for event in _until_ready(juniq, lab, first.id)]
        assert [event.step for event in rest] == ["tunnel", "ready"]


async def _until_ready(juniq: httpx.AsyncClient, lab: str, after: int) -> Any:
    async for event in events(juniq, lab, after=after):
        yield event
        if event.step == "ready":
            return


async def test_without_a_way_to_report_the_file_in_the_jobs_directory_is_enough(
    systems: list[UnicoreSystem], tmp_path: Path, token: str
) -> None:
    async with backend.running(backend.settings(tmp_path, systems=systems)) as app:
        async with backend.client(app, backend.token("juniq")) as juniq:
            lab = await labs.start(juniq, token)
            ready = await until(lambda: _when(juniq, lab, "running"))
            assert await labs.answers(ready.address)
            await juniq.delete(f"/labs/{lab}")
            await until(lambda: _when(juniq, lab, "ended"))
        await app.state.service.tunnels.close(keep=False)


async def _when(juniq: httpx.AsyncClient, lab: str, state: str) -> Any:
    known = await labs.look(juniq, lab)
    return known if known.state == state else None


async def test_ten_labs_at_once(juniq: httpx.AsyncClient, service: BackendProcess, token: str) -> None:
    async with service.client(backend.token("coec")) as coec:
        users = [(juniq if number % 2 else coec, f"user{number}") for number in range(10)]
        started = [(client, await labs.start(client, token, user=user)) for client, user in users]
        ready = await asyncio.gather(*(event_with(client, lab, "ready") for client, lab in started))
        assert len({event.address for event in ready}) == 10
        ends = await asyncio.gather(*(labs.stop(client, lab) for client, lab in started))
        assert {event.message for event in ends} == {"Stopped on request."}


async def test_a_queued_lab_says_so_and_can_be_cancelled(juniq: httpx.AsyncClient, demo: RunningDemo, token: str) -> None:
    """Fault 11."""
    with held(demo, "devel"):
        lab = await labs.start(juniq, token, partition="devel")
        assert "queue" in (await event_with(juniq, lab, "queued")).message
        assert (await labs.stop(juniq, lab)).message == "Stopped on request."
        assert [labs.status(job) for job in labs.jobs(demo.site.url, token, lab)] == ["FAILED"]


@pytest.mark.parametrize(
    ("profile", "reason", "words"),
    [
        ("short", "The lab ended by itself.", ""),
        ("broken", "Aurora ended the lab", "Its last words: no kernel today"),
        ("missing", "Aurora ended the lab", "Its last words: The lab's command can't be started: /no/such/lab: No such file or directory"),
    ],
)
async def test_a_lab_that_ends_by_itself_says_why(juniq: httpx.AsyncClient, token: str, profile: str, reason: str, words: str) -> None:
    lab = await labs.start(juniq, token, profile=profile)
    last = await labs.end(juniq, lab)
    assert last.message.startswith(reason)
    assert words in last.message


async def test_a_lab_that_never_tells_where_it_listens_is_stopped(service: BackendProcess, juniq: httpx.AsyncClient, token: str) -> None:
    """Hostile input 57 by the way around the report: a file of the lab's own that names a target which is none is not believed."""
    started = [await labs.start(juniq, token, profile=profile) for profile in ("silent", "liar")]
    for lab in started:
        assert f"did not come up within {LISTEN_WITHIN:.0f} seconds" in (await labs.end(juniq, lab)).message
        assert "node" not in [event.step async for event in events(juniq, lab)]
    assert "'localhost' is not a compute node." in {line["message"] for line in service.log if line.get("lab") == started[1]}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"access_token": "no-token-of-anybody"}, "Aurora refuses the login"),
        ({"account": "flame1", "project": "combust"}, "Aurora refuses the login"),
        ({"project": "combust"}, "Aurora refuses the login"),
        ({"partition": "gpus", "gpus": 1}, "Aurora"),
    ],
)
async def test_a_login_that_the_site_refuses_starts_nothing(
    juniq: httpx.AsyncClient, demo: RunningDemo, token: str, changes: dict[str, Any], sentence: str
) -> None:
    """Hostile input 49."""
    lab = await labs.start(juniq, token, **changes)
    last = await labs.end(juniq, lab)
    assert last.message.startswith(sentence)
    assert [labs.status(job) for job in labs.jobs(demo.site.url, token, lab)] in ([], ["FAILED"])


async def test_an_expired_login_keeps_the_lab_and_a_renewed_one_stops_it(juniq: httpx.AsyncClient, token: str) -> None:
    """Fault 10."""
    lab = await labs.start(juniq, token)
    ready = await event_with(juniq, lab, "ready")
    assert (await juniq.put(f"/labs/{lab}", json=backend.request(access_token="expired"))).status_code == 200
    note = await event_with(juniq, lab, "message", after=ready.id)
    assert "log in again" in note.message
    assert note.state == "running"
    assert ready.address is not None
    assert await labs.answers(ready.address)
    assert (await juniq.delete(f"/labs/{lab}")).status_code == 202
    await until(lambda: _noted(juniq, lab, "so that the lab can be stopped"))
    assert (await labs.stop(juniq, lab, **{"X-Portico-User-Token": token})).message == "Stopped on request."


async def _noted(juniq: httpx.AsyncClient, lab: str, words: str) -> bool:
    known = await labs.look(juniq, lab)
    async for event in events(juniq, lab, after=known.last_event - 1):
        return words in event.message
    return False


async def test_a_dead_login_node_is_told_and_healed_on_the_same_address(juniq: httpx.AsyncClient, demo: RunningDemo, token: str) -> None:
    """Fault 12."""
    async with labs.running(juniq, token) as (lab, address):
        before = (await labs.look(juniq, lab)).last_event
        demo.login_node.process.kill()
        told = await event_with(juniq, lab, "unreachable", after=before)
        assert (told.state, told.reachability) == ("running", Reachability.DOWN)
        demo.login_node.process.start()
        since = time.monotonic()
        healed = await event_with(juniq, lab, "recovered", after=told.id)
        assert time.monotonic() - since < 15
        assert healed.address == address
        assert await labs.answers(address)


async def test_a_tunnel_can_be_built_again(juniq: httpx.AsyncClient, token: str) -> None:
    async with labs.running(juniq, token) as (lab, address):
        assert [tunnel["reachability"] for tunnel in (await juniq.get("/tunnels")).json()] == ["up"]
        assert (await juniq.post(f"/tunnels/{lab}/restart")).status_code == 202
        await until(lambda: labs.answers(address))


async def test_nobody_else_can_touch_a_running_lab(service: BackendProcess, juniq: httpx.AsyncClient, token: str) -> None:
    """Hostile inputs 44 and 59."""
    async with labs.running(juniq, token) as (lab, address), service.client(backend.token("coec")) as coec:
        for method, path in (("GET", ""), ("GET", "/events"), ("DELETE", ""), ("PUT", "")):
            body = backend.request() if method == "PUT" else None
            assert (await coec.request(method, f"/labs/{lab}{path}", json=body)).status_code == 404
        assert (await coec.post(f"/tunnels/{lab}/restart")).status_code == 404
        assert (await coec.get("/tunnels")).json() == []
        assert await labs.answers(address)


async def test_what_a_lab_may_report(service: BackendProcess, juniq: httpx.AsyncClient, demo: RunningDemo, token: str) -> None:
    """Hostile inputs 56, 57, 64 to 68."""

    async def report(lab: str, bearer: str, **body: Any) -> int:
        async with service.client(bearer) as client:
            return (await client.post(f"/labs/{lab}/report", json=body)).status_code

    async with labs.running(juniq, token) as (running, _):
        with held(demo, "devel"):
            lab = await labs.start(juniq, token, partition="devel", profile="silent")
            await event_with(juniq, lab, "queued")
            own = labs.imported(labs.jobs(demo.site.url, token, lab)[0])["report"]["token"]
            known = (await juniq.get("/operator/tunnels")).status_code
            assert known == 403
            target = next(tunnel for tunnel in (await juniq.get("/tunnels")).json() if tunnel["lab"] == running)
            for body, status in (
                ({"node": "node02", "port": 22}, 400),
                ({"node": "node02", "port": 70000}, 400),
                ({"node": "127.0.0.1", "port": 4000}, 400),
                ({"node": "localhost", "port": 4000}, 400),
                ({"node": "metadata", "port": 4000}, 400),
                ({"node": "-oproxycommand=x", "port": 4000}, 400),
                ({"node": target["node"], "port": target["port"]}, 400),
                ({"failed": True}, 400),
                ({"message": "x" * 2001}, 400),
                ({"message": "<script>alert(1)</script>"}, 204),
            ):
                assert await report(lab, own, **body) == status, body
            assert (await labs.look(juniq, lab)).state == "queued"
            assert await report(running, own, message="hello") == 403
            assert await report(lab, backend.token("juniq"), message="hello") == 403
            assert await report(backend.lab_id(), own, message="hello") == 404

            # As many at once as a lab would never need: how many get through depends on the machine, that not all do doesn't.
            statuses = await asyncio.gather(*(report(lab, own, message=f"{number} done") for number in range(200)))
            assert set(statuses) == {204, 429}
            await labs.stop(juniq, lab)
            assert await report(lab, own, message="late") == 410
        messages = [event.message async for event in events(juniq, lab)]
        assert "<script>alert(1)</script>" in messages


@contextlib.contextmanager
def held(demo: RunningDemo, partition: str) -> Iterator[None]:
    """Within, jobs of this partition wait."""
    hold = demo.site.hold(partition)
    hold.parent.mkdir(parents=True, exist_ok=True)
    hold.touch()
    try:
        yield
    finally:
        hold.unlink()


async def test_no_secret_is_logged(service: BackendProcess, juniq: httpx.AsyncClient, token: str) -> None:
    """Hostile input 51."""
    async with labs.running(juniq, token, environment={"JUPYTERHUB_API_TOKEN": "hubs-api-token"}):
        pass
    log = (service.settings.state / "logs" / "backend.jsonl").read_text()
    assert token not in log
    assert "hubs-api-token" not in log
    assert backend.token("juniq") not in log
    assert {"tenant", "user", "lab", "correlation_id"} <= {key for line in service.log for key in line}
