"""What a hub concludes from the backend's answers, and from silence."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port
from portico import logs
from portico.api import Choice, LabRequest
from portico.spawner.client import BackendClient, BackendError, RefusalError, UnavailableError, UnknownLabError
from pydantic import SecretStr

LAB = "a" * 32
PROBLEM = "application/problem+json"
Serve = Callable[[web.Response | Callable[[web.Request], Awaitable[web.StreamResponse]]], Awaitable[BackendClient]]


def problem(status: int, *, detail: str = "Why not.", field: str | None = None) -> web.Response:
    body = {"type": "/problems/x", "title": "X", "status": status, "detail": detail, "field": field}
    return web.Response(status=status, body=json.dumps(body).encode(), content_type=PROBLEM)


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """A real server that gives one answer to everything, and a client of it."""
    made: list[TestServer | BackendClient] = []

    async def start(answer: web.Response | Callable[[web.Request], Awaitable[web.StreamResponse]]) -> BackendClient:
        async def respond(request: web.Request) -> web.StreamResponse:
            return await answer(request) if callable(answer) else answer

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", respond)
        server = TestServer(app)
        await server.start_server()
        client = BackendClient(str(server.make_url("")), SecretStr("secret-token"))
        made.extend((client, server))
        return client

    yield start
    for item in made:
        await item.close()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (problem(403, field="choice.project"), RefusalError),
        (problem(400), RefusalError),
        (problem(409), RefusalError),
        (problem(404), UnknownLabError),
        (web.Response(status=404, text="not ours"), UnavailableError),
        (web.Response(status=403, text="a proxy's"), UnavailableError),
        (problem(401), UnavailableError),
        (problem(429), UnavailableError),
        (problem(500), UnavailableError),
        (problem(503), UnavailableError),
        (web.Response(status=200, text="no JSON"), UnavailableError),
        (web.json_response({"id": LAB}), UnavailableError),
        (web.Response(status=302, headers={"Location": "http://elsewhere/"}), UnavailableError),
    ],
)
async def test_an_answer_is_a_refusal_an_unknown_lab_or_nothing_at_all(
    serve: Serve, answer: web.Response, error: type[BackendError]
) -> None:
    client = await serve(answer)
    with pytest.raises(BackendError) as raised:
        await client.get_lab(LAB)
    assert type(raised.value) is error


async def test_a_refusal_names_the_field_as_the_form_calls_it(serve: Serve) -> None:
    client = await serve(problem(403, detail="Not this project.", field="choice.project"))
    with pytest.raises(RefusalError) as raised:
        await client.get_lab(LAB)
    assert (raised.value.field, raised.value.sentence, raised.value.status) == ("project", "Not this project.", 403)


async def test_a_backend_that_nobody_reaches_has_surely_heard_nothing() -> None:
    client = BackendClient(f"http://127.0.0.1:{unused_port()}", SecretStr("x"))
    with pytest.raises(UnavailableError) as raised:
        await client.systems()
    assert not raised.value.delivered
    await client.close()


async def test_a_connection_that_breaks_leaves_it_open(serve: Serve) -> None:
    async def hang_up(request: web.Request) -> web.StreamResponse:
        assert request.transport
        request.transport.abort()
        return web.Response()

    client = await serve(hang_up)
    with pytest.raises(UnavailableError) as raised:
        await client.get_lab(LAB)
    assert raised.value.delivered


async def test_every_call_carries_the_tenants_credential_and_the_correlation_id(serve: Serve) -> None:
    seen: list[web.Request] = []

    async def remember(request: web.Request) -> web.StreamResponse:
        seen.append(request)
        await request.read()
        return problem(503)

    client = await serve(remember)
    request = LabRequest(
        user="qubit", name="x", choice=Choice(system="s", account="a", project="p", partition="q"), access_token=SecretStr("users-token")
    )
    with logs.bind(correlation_id="c" * 32), pytest.raises(UnavailableError):
        await client.put_lab(LAB, request)
    with pytest.raises(UnavailableError):
        await client.delete_lab(LAB, access_token="users-token")
    put, delete = seen
    assert put.headers["Authorization"] == "Bearer secret-token"
    assert put.headers["X-Correlation-ID"] == "c" * 32
    assert (await put.json())["access_token"] == "users-token"
    assert delete.headers["X-Portico-User-Token"] == "users-token"
    assert len(delete.headers["X-Correlation-ID"]) == 32


async def test_events_come_as_they_are_written_from_where_one_was(serve: Serve) -> None:
    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        first = int(request.headers["Last-Event-ID"]) + 1
        body = {"at": "2026-01-01T00:00:00Z", "state": "queued", "reachability": "unknown", "percent": 1, "step": "queued", "message": "ä"}
        for number in (first, first + 1):
            await response.write(f": a comment\n\nid: {number}\ndata: {json.dumps({**body, 'id': number})}\n\n".encode())
        return response

    client = await serve(stream)
    items = [item async for item in client.events(LAB, after=4)]
    assert [item.id if item else None for item in items] == [None, 5, 6]
