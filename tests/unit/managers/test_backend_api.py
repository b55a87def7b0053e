"""The backend's REST API from outside, with a site that doesn't answer: hostile inputs 38, 39, 42 to 48, 50 to 52."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from portico.api import PROBLEM_MEDIA_TYPE, Event

from tests.support import backend
from tests.support.wait import until

JUNIQ, COEC = backend.token("juniq"), backend.token("coec")


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[Any]:
    async with backend.running(backend.settings(tmp_path)) as app:
        yield app


@pytest.fixture
async def juniq(app: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with backend.client(app, JUNIQ) as client:
        yield client


@pytest.fixture
async def coec(app: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with backend.client(app, COEC) as client:
        yield client


def problem(answer: httpx.Response) -> tuple[int, str, str | None]:
    """Status, type and field, of what must be a whole problem document."""
    assert answer.headers["content-type"] == PROBLEM_MEDIA_TYPE
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["detail"]
    assert body["correlation_id"] == answer.headers["x-correlation-id"]
    return answer.status_code, body["type"].removeprefix("/problems/"), body.get("field")


LAB = "5c" * 16


@pytest.mark.parametrize(
    ("method", "path", "token", "status"),
    [
        ("GET", "/labs", None, 401),
        ("PUT", f"/labs/{LAB}", None, 401),
        ("GET", "/labs", "wrong-token", 401),
        ("GET", "/nowhere", None, 401),
        ("POST", f"/labs/{LAB}/report", None, 401),
        ("GET", "/operator/labs", None, 401),
        ("GET", "/operator/labs", JUNIQ, 403),
        ("GET", "/labs", backend.OPERATOR_TOKEN, 403),
        ("GET", f"/labs/{LAB}", JUNIQ, 404),
        ("GET", f"/labs/{LAB}/events", JUNIQ, 404),
        ("DELETE", f"/labs/{LAB}", JUNIQ, 404),
        ("POST", f"/tunnels/{LAB}/restart", JUNIQ, 404),
        ("GET", "/labs/..%2F..%2Fetc", JUNIQ, 404),
        ("GET", "/labs/NOT-AN-ID", JUNIQ, 400),
        ("POST", "/labs", JUNIQ, 405),
    ],
)
async def test_who_may_ask_what(app: Any, method: str, path: str, token: str | None, status: int) -> None:
    async with backend.client(app, token) as client:
        assert problem(await client.request(method, path))[0] == status


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        (b"{", "application/json", (400, "malformed", None)),
        (b"", "application/json", (400, "invalid", None)),
        (b"[]", "application/json", (400, "invalid", None)),
        (b"[" * 100_000, "application/json", (400, None, None)),
        (b'{"a":1}', "text/plain", (415, "unsupported-media-type", None)),
        (b'{"a":1}', "", (415, "unsupported-media-type", None)),
        (b" " * 300_000, "application/json", (413, "too-large", None)),
    ],
)
async def test_bodies_that_are_none(
    juniq: httpx.AsyncClient, body: bytes, content_type: str, expected: tuple[int, str | None, str | None]
) -> None:
    status, kind, field = problem(await juniq.put(f"/labs/{LAB}", content=body, headers={"Content-Type": content_type}))
    assert (status, kind if expected[1] else None, field) == expected


async def test_a_body_without_a_declared_length_is_bounded_as_well(juniq: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 10_000

    answer = await juniq.put(f"/labs/{LAB}", content=endless(), headers={"Content-Type": "application/json"})
    assert problem(answer)[0] == 413


@pytest.mark.parametrize(
    ("changes", "status", "field"),
    [
        ({"system": "nowhere"}, 403, "choice.system"),
        ({"partition": "nowhere"}, 403, "choice.partition"),
        ({"profile": "nowhere"}, 400, "choice.profile"),
        ({"nodes": 5}, 400, "choice.nodes"),
        ({"nodes": -1}, 400, "choice.nodes"),
        ({"nodes": 1.5}, 400, "choice.nodes"),
        ({"runtime": 1e9}, 400, "choice.runtime"),
        ({"project": "a\r\nb"}, 400, "choice.project"),
        ({"account": "a,b"}, 400, "choice.account"),
        ({"user": "../x"}, 400, "user"),
        ({"name": "Über"}, 400, "name"),
        ({"prefix": "/a b/"}, 400, "prefix"),
        ({"environment": {"lower": "x"}}, 400, None),
        ({"environment": {f"A{n}": "x" for n in range(101)}}, 400, "environment"),
        ({"more": 1}, 400, "more"),
        ({"tenant": "coec"}, 400, "tenant"),
    ],
)
async def test_a_start_that_is_refused_names_the_field(
    juniq: httpx.AsyncClient, changes: dict[str, Any], status: int, field: str | None
) -> None:
    answer = await juniq.put(f"/labs/{LAB}", json=backend.request(**changes))
    found = problem(answer)
    assert found[0] == status
    assert found[2] == field or (field is None and (found[2] or "").startswith("environment"))
    assert "users-access-token" not in answer.text
    assert (await juniq.get("/labs", params={"ended": True})).json() == []


async def test_not_a_number_is_refused(juniq: httpx.AsyncClient) -> None:
    body = json.dumps(backend.request(nodes=float("nan")))
    answer = await juniq.put(f"/labs/{LAB}", content=body, headers={"Content-Type": "application/json"})
    assert problem(answer)[0] == 400


async def test_a_start_is_recorded_and_answered_at_once_and_repeats_change_nothing(juniq: httpx.AsyncClient) -> None:
    lab = backend.lab_id()
    first = await juniq.put(f"/labs/{lab}", json=backend.request())
    again = await juniq.put(f"/labs/{lab}", json=backend.request(partition="gpus", gpus=1, user="other", access_token="renewed"))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["state"] == "submitted"
    assert again.json()["choice"] == first.json()["choice"]
    assert again.json()["user"] == "qubit"
    assert "environment" not in first.json()
    assert len((await juniq.get("/labs")).json()) == 1


async def test_a_site_that_does_not_answer_ends_the_start_with_a_reason(juniq: httpx.AsyncClient) -> None:
    lab = backend.lab_id()
    await juniq.put(f"/labs/{lab}", json=backend.request())
    told = [Event.model_validate_json(line[6:]) async for line in lines(juniq, lab) if line.startswith("data: ")]
    assert [event.id for event in told] == list(range(1, len(told) + 1))
    assert told[0].step == "submitted"
    assert told[-1].state == "ended"
    assert "Aurora doesn't answer" in told[-1].message
    rest = [line async for line in lines(juniq, lab, after=told[-2].id) if line.startswith("id: ")]
    assert rest == [f"id: {told[-1].id}"]
    assert [line async for line in lines(juniq, lab, after=told[-1].id)] == []


async def lines(client: httpx.AsyncClient, lab: str, after: int = 0) -> AsyncIterator[str]:
    async with client.stream("GET", f"/labs/{lab}/events", headers={"Last-Event-ID": str(after)}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        async for line in answer.aiter_lines():
            yield line


async def test_a_lab_that_never_reached_its_site_stops_at_once(juniq: httpx.AsyncClient) -> None:
    lab = backend.lab_id()
    await juniq.put(f"/labs/{lab}", json=backend.request())
    assert (await juniq.delete(f"/labs/{lab}", headers={"X-Portico-User-Token": "renewed"})).status_code == 202

    async def ended() -> bool:
        return (await juniq.get(f"/labs/{lab}")).json()["state"] == "ended"

    await until(ended)
    assert (await juniq.delete(f"/labs/{lab}")).status_code == 200


async def test_a_foreign_lab_does_not_exist(juniq: httpx.AsyncClient, coec: httpx.AsyncClient) -> None:
    lab = backend.lab_id()
    await juniq.put(f"/labs/{lab}", json=backend.request())
    before = (await juniq.get(f"/labs/{lab}")).json()
    for answer in (
        await coec.get(f"/labs/{lab}"),
        await coec.get(f"/labs/{lab}", headers={"X-Portico-Tenant": "juniq", "X-Forwarded-User": "qubit"}),
        await coec.put(f"/labs/{lab}", json=backend.request(user="flame")),
        await coec.delete(f"/labs/{lab}"),
        await coec.get(f"/labs/{lab}/events"),
        await coec.post(f"/tunnels/{lab}/restart"),
    ):
        assert problem(answer)[:2] == (404, "no-such-lab")
    assert problem(await coec.post(f"/labs/{lab}/report", json={"node": "node01", "port": 4000}))[0] == 403
    assert (await coec.get("/labs")).json() == []
    after = (await juniq.get(f"/labs/{lab}")).json()
    assert (after["user"], after["choice"]) == (before["user"], before["choice"])


async def test_the_limit_of_a_user_holds(juniq: httpx.AsyncClient) -> None:
    answers = [await juniq.put(f"/labs/{backend.lab_id()}", json=backend.request()) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [201, 201, 201, 409]
    assert problem(answers[3])[1] == "too-many-labs"


async def test_a_correlation_id_goes_through(juniq: httpx.AsyncClient) -> None:
    answer = await juniq.get("/labs", headers={"X-Correlation-ID": "abc-123"})
    assert answer.headers["x-correlation-id"] == "abc-123"
    made = (await juniq.get("/labs", headers={"X-Correlation-ID": "two words"})).headers["x-correlation-id"]
    assert len(made) == 32


async def test_systems_are_those_that_the_tenant_is_granted(tmp_path: Path) -> None:
    systems = [backend.system("aurora"), backend.system("borealis")]
    async with backend.running(backend.settings(tmp_path, systems=systems)) as app:
        names = {}
        for tenant in backend.TENANTS:
            async with backend.client(app, backend.token(tenant)) as client:
                names[tenant] = [system["name"] for system in (await client.get("/systems")).json()]
        async with backend.client(app, backend.OPERATOR_TOKEN) as operator:
            everything = (await operator.get("/operator/systems")).json()
    assert names == {"juniq": ["aurora", "borealis"], "coec": ["aurora"]}
    assert {"name", "kind", "health", "tunnel"} <= everything[0].keys()


async def test_the_operator_sees_all_labs(app: Any, juniq: httpx.AsyncClient, coec: httpx.AsyncClient) -> None:
    ids = [backend.lab_id(), backend.lab_id()]
    await juniq.put(f"/labs/{ids[0]}", json=backend.request())
    await coec.put(f"/labs/{ids[1]}", json=backend.request(user="flame"))
    async with backend.client(app, backend.OPERATOR_TOKEN) as operator:
        labs = (await operator.get("/operator/labs")).json()
    assert [(lab["id"], lab["tenant"], lab["user"], lab["system"]) for lab in labs] == [
        (ids[0], "juniq", "qubit", "aurora"),
        (ids[1], "coec", "flame", "aurora"),
    ]


async def test_anybody_may_hint_and_nothing_is_believed(app: Any) -> None:
    async with backend.client(app, None) as nobody:
        answer = await nobody.post(f"/systems/aurora/notify/{backend.lab_id()}", content=b"\xff not json")
    assert answer.status_code == 204


async def test_the_api_describes_itself(app: Any) -> None:
    async with backend.client(app, None) as nobody:
        paths = (await nobody.get("/openapi.json")).json()["paths"]
    assert {"/labs/{lab}", "/labs/{lab}/events", "/labs/{lab}/report", "/systems", "/tunnels", "/operator/labs"} <= paths.keys()


async def test_no_secret_reaches_the_database_in_the_clear(tmp_path: Path) -> None:
    configuration = backend.settings(tmp_path)
    async with backend.running(configuration) as app, backend.client(app, JUNIQ) as juniq:
        environment = {"JUPYTERHUB_API_TOKEN": "hubs-api-token"}
        await juniq.put(f"/labs/{backend.lab_id()}", json=backend.request(environment=environment))
        stored = b"".join(path.read_bytes() for path in tmp_path.glob("backend.sqlite*"))
    assert b"qsim" in stored
    assert b"users-access-token" not in stored
    assert b"hubs-api-token" not in stored
