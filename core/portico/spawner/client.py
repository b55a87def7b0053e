"""The backend's REST API as a hub uses it.

Guarantees: every call is bounded in time and carries the tenant's credential and a correlation id. Whatever goes wrong becomes one of
three errors, which differ in what may be concluded: `RefusalError` (the backend said no), `UnknownLabError` (it has no such lab of this
tenant) and `UnavailableError` (nobody could ask, nothing may be concluded). One client, with one pool of connections, serves a whole hub.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from types import TracebackType
from typing import TypeVar

import aiohttp
from pydantic import SecretStr, TypeAdapter, ValidationError

from portico.api import CORRELATION_HEADER, PROBLEM_MEDIA_TYPE, USER_TOKEN_HEADER, Event, Lab, LabRequest, Problem, System
from portico.logs import bound
from portico.words import say

CONNECT = 2.0
"""Seconds to reach the backend."""
ANSWER = 10.0
"""Seconds for calls that answer from the backend's records."""
SILENCE = 45.0
"""Seconds without a byte after which an event stream counts as dead; the backend sends a comment far more often."""
LONGEST_LINE = 2**20
"""Bytes of one line of an event stream."""

_lab = TypeAdapter(Lab)
_systems = TypeAdapter(list[System])
_anything: TypeAdapter[object] = TypeAdapter(object)
_T = TypeVar("_T")


class BackendError(Exception):
    """A call failed. `problem` is the backend's own explanation, where there is one."""

    def __init__(self, message: str, problem: Problem | None = None) -> None:
        super().__init__(message)
        self.problem = problem

    @property
    def sentence(self) -> str:
        """What a user can be told."""
        if self.problem and self.problem.type == "/problems/too-many-labs":
            return say("start_too_many", "You have as many labs as this portal allows. Stop one of them first.")
        return self.problem.detail or self.problem.title if self.problem else str(self)


class RefusalError(BackendError):
    """The backend understood and said no."""

    @property
    def status(self) -> int:
        """The HTTP status of the answer, 400 to 499."""
        return self.problem.status if self.problem else 400

    @property
    def field(self) -> str:
        """The field that it names, without the part of the body that it stands in: `choice.project` is `project`."""
        return (self.problem.field or "").rsplit(".", 1)[-1] if self.problem else ""


class UnknownLabError(BackendError):
    """The backend has no such lab of this tenant. It forgets a lab only after it has surely ended."""


class UnavailableError(BackendError):
    """The backend did not answer, or not sensibly. `delivered` is False where the request surely never reached it."""

    def __init__(self, message: str, problem: Problem | None = None, *, delivered: bool = True) -> None:
        super().__init__(message, problem)
        self.delivered = delivered


class BackendClient:
    """Talks to the backend as one tenant."""

    def __init__(self, url: str, token: SecretStr) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._session: aiohttp.ClientSession | None = None

    def __deepcopy__(self, memo: object) -> BackendClient:
        """Traitlets copies what stands in a configuration; there is one client all the same."""
        return self

    async def put_lab(self, lab: str, request: LabRequest) -> Lab:
        """Start the lab of this id, or find it started already."""
        return await self._call("PUT", f"/labs/{lab}", _lab, body=request.model_dump_json())

    async def get_lab(self, lab: str) -> Lab:
        """The lab as the backend knows it."""
        return await self._call("GET", f"/labs/{lab}", _lab)

    async def delete_lab(self, lab: str, *, access_token: str | None) -> None:
        """Record that the lab is to stop; the backend then stops it however long that takes. A fresh token of the user's helps it."""
        await self._call("DELETE", f"/labs/{lab}", _anything, headers={USER_TOKEN_HEADER: access_token} if access_token else {})

    async def systems(self) -> list[System]:
        """The systems and how they are."""
        return await self._call("GET", "/systems", _systems)

    async def events(self, lab: str, *, after: int) -> AsyncGenerator[Event | None, None]:
        """The lab's events with ids greater than `after`, as they come; ends when the backend ends the stream.

        The first item is None: the stream stands, even if nothing is new.
        """
        headers = self._headers({"Accept": "text/event-stream", "Last-Event-ID": str(after)})
        timeout = aiohttp.ClientTimeout(sock_connect=CONNECT, sock_read=SILENCE)
        with _AsBackendErrors():
            async with self._http().get(f"{self._url}/labs/{lab}/events", headers=headers, timeout=timeout) as response:
                if response.status != 200:
                    raise _failure(response.status, response.content_type, await response.read())
                yield None
                async for data in _messages(response.content):
                    yield Event.model_validate_json(data)

    async def close(self) -> None:
        """Give the connections back."""
        if self._session is not None:
            await self._session.close()

    def _http(self) -> aiohttp.ClientSession:
        """Made at the first call, in the event loop of the process that uses it."""
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0)
            self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), read_bufsize=LONGEST_LINE)
        return self._session

    def _headers(self, more: dict[str, str]) -> dict[str, str]:
        correlation = bound().get("correlation_id") or uuid.uuid4().hex
        return {"Authorization": f"Bearer {self._token.get_secret_value()}", CORRELATION_HEADER: correlation, **more}

    async def _call(
        self, method: str, path: str, answer: TypeAdapter[_T], *, body: str | None = None, headers: dict[str, str] | None = None
    ) -> _T:
        more = {**(headers or {}), **({"Content-Type": "application/json"} if body is not None else {})}
        timeout = aiohttp.ClientTimeout(total=ANSWER, sock_connect=CONNECT)
        with _AsBackendErrors():
            async with self._http().request(
                method, self._url + path, data=body, headers=self._headers(more), timeout=timeout, allow_redirects=False
            ) as response:
                content = await response.read()
                if 200 <= response.status < 300:
                    return answer.validate_json(content or b"null")
                raise _failure(response.status, response.content_type, content)


async def _messages(lines: aiohttp.StreamReader) -> AsyncIterator[str]:
    """The data of each server-sent event. Ids stand in the data as well, so only the data matters."""
    data: list[str] = []
    async for raw in lines:
        line = raw.decode().rstrip("\r\n")
        if line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
        elif not line and data:
            yield "\n".join(data)
            data = []


class _AsBackendErrors:
    """Whatever aiohttp, JSON or pydantic raise within means: nobody could ask."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
            raise UnavailableError("The portal's backend can't be reached.", delivered=False) from error
        if isinstance(error, asyncio.TimeoutError):
            raise UnavailableError("The portal's backend doesn't answer in time.") from error
        if isinstance(error, aiohttp.ClientError | ValidationError | ValueError):
            raise UnavailableError("The portal's backend gave no sensible answer.") from error


def _failure(status: int, content_type: str, content: bytes) -> BackendError:
    problem = None
    if content_type == PROBLEM_MEDIA_TYPE:
        try:
            problem = Problem.model_validate_json(content)
        except ValidationError:
            problem = None
    message = f"The portal's backend answers with {status}."
    if status == 404 and problem is not None:
        return UnknownLabError(message, problem)
    # A credential that doesn't fit, or too many requests, say nothing about a lab.
    if problem is None or status >= 500 or status in (401, 408, 429):
        return UnavailableError(message, problem)
    return RefusalError(message, problem)
