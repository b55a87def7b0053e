"""Every error of the backend as an RFC 9457 problem document: a stable type, a sentence, the field, the correlation id.

What was sent is never repeated in an error: it may hold a credential.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from portico.api import PROBLEM_MEDIA_TYPE, Problem
from portico.logs import bound, redact
from portico.managers.labs import ForeignTokenError, NoSuchLabError, NotAdmittedError, StoppedError, TooManyReportsError
from portico.managers.store import LimitReachedError
from portico.tunnels import TargetError

log = logging.getLogger(__name__)

TYPES: Mapping[int, str] = {
    400: "invalid",
    401: "unauthenticated",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    409: "conflict",
    410: "stopped",
    413: "too-large",
    415: "unsupported-media-type",
    429: "too-many-requests",
    500: "internal",
    503: "unavailable",
}
"""The type of each status, unless a more telling one is given."""


def problem(
    status: int,
    detail: str,
    *,
    kind: str | None = None,
    field: str | None = None,
    instance: str = "",
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A problem document as an HTTP answer. `kind` is the last part of its type."""
    document = Problem(
        type=f"/problems/{kind or TYPES.get(status, 'other')}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=redact(detail),
        instance=instance,
        correlation_id=bound().get("correlation_id", ""),
        field=field,
    )
    return Response(document.model_dump_json(exclude_none=True), status, dict(headers or {}), PROBLEM_MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Have every error of the application answered here."""
    handlers: dict[type[Exception], Callable[[Request, Any], Response]] = {
        NoSuchLabError: lambda request, error: _answer(request, 404, "There is no such lab.", kind="no-such-lab"),
        NotAdmittedError: _refusing,
        LimitReachedError: lambda request, error: _answer(
            request, 409, "You have as many labs as this portal allows. Stop one of them first.", kind="too-many-labs"
        ),
        ForeignTokenError: lambda request, error: _answer(request, 403, "This token isn't the lab's."),
        StoppedError: lambda request, error: _answer(request, 410, "The lab is stopping or has ended."),
        TooManyReportsError: lambda request, error: _answer(
            request, 429, "The lab reports more often than it may.", headers={"Retry-After": "1"}
        ),
        TargetError: lambda request, error: _answer(request, 400, str(error), field="node", kind="no-such-node"),
        SQLAlchemyError: _unavailable,
        RequestValidationError: _invalid,
        HTTPException: _http,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, _asynchronous(handler))


def _asynchronous(handler: Callable[[Request, Any], Response]) -> Callable[[Request, Exception], Coroutine[Any, Any, Response]]:
    """In the event loop: a function of the plain kind would be sent to a thread."""

    async def handle(request: Request, error: Exception) -> Response:
        return handler(request, error)

    return handle


def _answer(request: Request, status: int, detail: str, **more: Any) -> Response:
    return problem(status, detail, instance=request.url.path, **more)


def _refusing(request: Request, error: NotAdmittedError) -> Response:
    refusal = error.refusal
    kind = "not-granted" if refusal.status == 403 else "invalid"
    return _answer(request, refusal.status, refusal.detail, kind=kind, field=refusal.field)


def _unavailable(request: Request, error: SQLAlchemyError) -> Response:
    log.error("the database fails: %s", type(error).__name__, exc_info=error)
    return _answer(request, 503, "The backend can't reach its database at the moment. Try again.", headers={"Retry-After": "1"})


def _invalid(request: Request, error: RequestValidationError) -> Response:
    first = error.errors()[0]
    place = [str(part) for part in first["loc"] if part not in ("body", "path", "query", "header")]
    if first["type"] == "json_invalid":
        return _answer(request, 400, "The body isn't JSON.", kind="malformed")
    return _answer(request, 400, str(first["msg"]), field=".".join(place) or None)


def _http(request: Request, error: HTTPException) -> Response:
    detail = "There is nothing at this address." if error.status_code == 404 else str(error.detail)
    return _answer(request, error.status_code, detail, headers=error.headers)
