"""What every request passes before anything looks at it: correlation id, credential, size and type of the body.

Plain ASGI, outside of FastAPI, so that nobody without a credential gets as far as having a body parsed. Who asks is told by the
credential alone, never by another header.
"""

from __future__ import annotations

import logging
import re
import time
import uuid
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portico.api import CORRELATION_HEADER
from portico.logs import bind
from portico.managers.keys import Credentials
from portico.managers.problems import problem

log = logging.getLogger(__name__)

MAX_BODY = 256 * 1024
MAX_REPORT = 16 * 1024
"""Bytes."""
_CORRELATION = re.compile(r"[A-Za-z0-9._-]{1,64}")
_REPORT = re.compile(r"/labs/[^/]+/report")
_NOTIFY = re.compile(r"/systems/[^/]+/notify/[^/]+")
_OPEN = frozenset({"/health", "/openapi.json"})


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a tenant's hub, the operator, a lab (with a token that is still to be compared), or nobody in particular."""

    tenant: str | None = None
    operator: bool = False
    token: str = ""


class DeniedError(Exception):
    """The request goes no further."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class Entrance:
    """ASGI middleware; leaves a `Caller` in `request.state.caller`."""

    def __init__(self, app: ASGIApp, *, credentials: Credentials) -> None:
        self._app = app
        self._credentials = credentials

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer with a problem document."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get(CORRELATION_HEADER, "")
        correlation = given if _CORRELATION.fullmatch(given) else uuid.uuid4().hex
        with bind(correlation_id=correlation):
            await self._admit(scope, headers, receive, _Answer(send, scope, correlation))

    async def _admit(self, scope: Scope, headers: Headers, receive: Receive, send: _Answer) -> None:
        try:
            caller = self._caller(scope["path"], headers)
            with bind(tenant=caller.tenant):
                body = await _body(scope, headers, receive)
                scope.setdefault("state", {})["caller"] = caller
                await self._app(scope, _again(body, receive), send)
        except DeniedError as denied:
            more = {"WWW-Authenticate": "Bearer"} if denied.status == 401 else {}
            await problem(denied.status, str(denied), instance=scope["path"], headers=more)(scope, receive, send)
        except Exception:
            log.exception("%s %s failed", scope["method"], scope["path"])
            if not send.begun:
                await problem(500, "Something went wrong here. The backend's log tells more.", instance=scope["path"])(scope, receive, send)
        finally:
            send.log()

    def _caller(self, path: str, headers: Headers) -> Caller:
        if path in _OPEN or _NOTIFY.fullmatch(path):
            return Caller()
        scheme, _, token = headers.get("Authorization", "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise DeniedError(401, "This address needs a bearer token.")
        if _REPORT.fullmatch(path):
            return Caller(token=token)
        if self._credentials.operator(token):
            if not path.startswith("/operator/"):
                raise DeniedError(403, "The operator's token opens /operator/ only.")
            return Caller(operator=True)
        tenant = self._credentials.tenant(token)
        if tenant is None:
            raise DeniedError(401, "Nobody has this token.")
        if path.startswith("/operator/"):
            raise DeniedError(403, "This address is the operator's.")
        return Caller(tenant=tenant)


class _Answer:
    """The way out: adds the correlation id, and remembers status and time for the log."""

    def __init__(self, send: Send, scope: Scope, correlation: str) -> None:
        self._send = send
        self._scope = scope
        self._correlation = correlation
        self._began = time.monotonic()
        self._status = 0

    @property
    def begun(self) -> bool:
        """Whether the answer's head is out."""
        return self._status != 0

    async def __call__(self, message: Message) -> None:
        """Send."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            message = {**message, "headers": [*message["headers"], (CORRELATION_HEADER.lower().encode(), self._correlation.encode())]}
        await self._send(message)

    def log(self) -> None:
        """One line for the request, without its query."""
        took = round(1000 * (time.monotonic() - self._began), 1)
        level = logging.DEBUG if self._scope["path"] == "/health" else logging.INFO
        log.log(level, "%s %s %d", self._scope["method"], self._scope["path"], self._status, extra={"milliseconds": took})


async def _body(scope: Scope, headers: Headers, receive: Receive) -> bytes:
    """The whole body, bounded; raises DeniedError."""
    if scope["method"] not in ("PUT", "POST", "PATCH", "DELETE"):
        return b""
    limit = MAX_REPORT if _REPORT.fullmatch(scope["path"]) else MAX_BODY
    declared = headers.get("Content-Length", "0")
    if declared.isdecimal() and int(declared) > limit:
        raise DeniedError(413, f"The body may have {limit} bytes at most.")
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise DeniedError(413, f"The body may have {limit} bytes at most.")
        more = message.get("more_body", False)
    if size and not _NOTIFY.fullmatch(scope["path"]) and headers.get("Content-Type", "").partition(";")[0].strip() != "application/json":
        raise DeniedError(415, "The body must be application/json.")
    return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body once more, then what the server has to say."""
    given = False

    async def once() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return once
