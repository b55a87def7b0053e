"""Takes the forges' web hooks: `POST /hooks/git` at a tenant's own host, passed on by the gateway to a port of the loopback.

A hook wakes the tenant's poller and is answered at once; what is fetched is decided by the operator's settings, never by the hook. Who
calls without the secret gets the same answer whether the tenant exists, has a secret, or not. Each tenant has a budget of its own for
calls, and so have all unknown hosts together; what is above it is turned away before its body is read. Polling goes on beside the hooks,
so that a hook which is lost or turned away costs time and nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets as random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

from aiohttp import web

from portico import logs
from portico.api import PROBLEM_MEDIA_TYPE, Problem
from portico.limiter import TokenBucket
from portico.settings.models import TenantEntry
from portico.tenants.hooks import authentic, pushed_branch, secrets_in

log = logging.getLogger(__name__)

PATH = "/hooks/git"
BODY_LIMIT = 2_000_000
"""Bytes. A push of hundreds of commits fits."""
BODY_SECONDS = 10.0
BODIES = 16
"""Bodies that are read at once."""
RATE, BURST = 1.0, 20.0
"""Calls a second, and at once, for each tenant."""

_TYPES = {403: "forbidden", 404: "not-found", 405: "method-not-allowed", 408: "timeout", 413: "too-large", 429: "too-many-requests"}
_NOBODY = (random.token_hex(32),)
"""What a call is compared with where there is no secret: it fails as any other does, and takes as long."""


def _bucket() -> TokenBucket:
    return TokenBucket(rate=RATE, burst=BURST)


@dataclass
class _Target:
    """Whom a call can reach."""

    entry: TenantEntry
    bucket: TokenBucket = field(default_factory=_bucket)


class Hooks:
    """The calls of all tenants' forges. `wake` is called with the name of a tenant whose branch was pushed to."""

    def __init__(self, entries: Sequence[TenantEntry], wake: Callable[[str], None]) -> None:
        self._targets: Mapping[str, _Target] = {entry.host: _Target(entry) for entry in entries}
        self._wake = wake
        self._unknown = _bucket()
        self._bodies = asyncio.Semaphore(BODIES)

    async def handle(self, request: web.Request) -> web.Response:
        """Answer a request, whatever it is."""
        target = self._targets.get(request.host.partition(":")[0].lower())
        refusal = self._refusal(request, target)
        if refusal is not None:
            return refusal
        try:
            async with asyncio.timeout(BODY_SECONDS), self._bodies:
                body = await request.read()
        except TimeoutError:
            return _problem(request, 408, "The body didn't come in time.")
        except web.HTTPRequestEntityTooLarge:
            return _too_large(request)
        with logs.bind(tenant=target.entry.name if target else None):
            return self._judged(request, target, body, await asyncio.to_thread(_secrets, target.entry if target else None))

    def _refusal(self, request: web.Request, target: _Target | None) -> web.Response | None:
        """What is answered before the body is read."""
        if request.path != PATH:
            return _problem(request, 404, "There is nothing at this address.")
        if request.method != "POST":
            return _problem(request, 405, "A web hook comes by POST.", {"Allow": "POST"})
        if not (target.bucket if target else self._unknown).take():
            return _problem(request, 429, "Too many calls; the repository is looked at anyway.", {"Retry-After": "5"})
        return _too_large(request) if (request.content_length or 0) > BODY_LIMIT else None

    def _judged(self, request: web.Request, target: _Target | None, body: bytes, secrets: Sequence[str]) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        forge = authentic(headers, body, secrets)
        if target is None or forge is None:
            log.warning("a web hook is refused: its signature doesn't fit" if target else "a web hook for an unknown host is refused")
            return _problem(request, 403, "This web hook isn't known here, or it isn't signed with its secret.")
        branch = pushed_branch(forge, headers, body)
        if branch != target.entry.branch:
            return web.json_response({"outcome": "nothing to do: this is no push to the branch that the portal follows"}, status=202)
        log.info("%s says that %s was pushed to", forge, branch)
        self._wake(target.entry.name)
        return web.json_response({"outcome": "the repository is looked at"}, status=202)


def _secrets(entry: TenantEntry | None) -> Sequence[str]:
    """The tenant's secrets, read anew each time, so that a replaced one counts at once."""
    if entry is None or entry.webhook_secret_file is None:
        return _NOBODY
    try:
        return secrets_in(entry.webhook_secret_file.read_text(encoding="utf-8")) or _NOBODY
    except (OSError, ValueError):
        log.warning("the file of the web hook's secret can't be read")
        return _NOBODY


def _too_large(request: web.Request) -> web.Response:
    return _problem(request, 413, f"A web hook may have {BODY_LIMIT:,} bytes; the repository is looked at anyway.")


def _problem(request: web.Request, status: int, detail: str, headers: Mapping[str, str] | None = None) -> web.Response:
    problem = Problem(
        type=f"/problems/{_TYPES[status]}", title=HTTPStatus(status).phrase, status=status, detail=detail, instance=request.path
    )
    body = problem.model_dump_json(exclude_none=True).encode()
    return web.Response(body=body, status=status, headers=headers, content_type=PROBLEM_MEDIA_TYPE)


@contextlib.asynccontextmanager
async def listening(hooks: Hooks, port: int) -> AsyncIterator[None]:
    """Answer at 127.0.0.1:`port` while the context lasts; where somebody has the port, hooks are missed and all else goes on."""
    application = web.Application(client_max_size=BODY_LIMIT)
    application.router.add_route("*", "/{path:.*}", hooks.handle)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, "127.0.0.1", port).start()
        except OSError as error:
            log.error("web hooks can't be taken: %s", error)
        yield
    finally:
        await runner.cleanup()
