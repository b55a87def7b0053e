"""Where the supervisor answers: a socket in the state directory for `portico status`, and the operator's page behind a password."""

from __future__ import annotations

import base64
import contextlib
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from portico.supervisor.status import Status

OPERATOR = "operator"
"""The name that the operator's page asks for, beside the password."""

_POLICY = "default-src 'none'; style-src 'self'; img-src data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_pages = Environment(loader=PackageLoader("portico.supervisor", "pages"), autoescape=True, undefined=StrictUndefined)

Ask = Callable[[], Awaitable[Status]]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def _local(ask: Ask) -> web.Application:
    async def status(_: web.Request) -> web.Response:
        return web.json_response(text=(await ask()).model_dump_json())

    app = web.Application()
    app.router.add_get("/status", status)
    return app


def _operator(ask: Ask, password: str) -> web.Application:
    expected = base64.b64encode(f"{OPERATOR}:{password}".encode()).decode()
    stylesheet = Path(__file__).parent / "pages" / "operator.css"

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get("Authorization", "").removeprefix("Basic ")
        if not hmac.compare_digest(given.encode(), expected.encode()):
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="Portico operator", charset="UTF-8"'})
        response = await handler(request)
        response.headers.update({"Content-Security-Policy": _POLICY, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"})
        return response

    async def page(_: web.Request) -> web.Response:
        html = _pages.get_template("operator.html").render(status=await ask())
        return web.Response(text=html, content_type="text/html")

    async def status(_: web.Request) -> web.Response:
        # The demo's passwords stay out of what a browser may keep.
        return web.json_response(text=(await ask()).model_dump_json(exclude={"users"}))

    async def style(_: web.Request) -> web.FileResponse:
        return web.FileResponse(stylesheet)

    app = web.Application(middlewares=[guard])
    app.router.add_get("/", page)
    app.router.add_get("/status", status)
    app.router.add_get("/operator.css", style)
    return app


@contextlib.asynccontextmanager
async def serving(ask: Ask, *, socket: Path, port: int, password: str) -> AsyncIterator[None]:
    """Answer on the Unix socket (mode 0600: this user only) and on 127.0.0.1:`port`."""
    runners = [web.AppRunner(_local(ask), access_log=None), web.AppRunner(_operator(ask, password), access_log=None)]
    for runner in runners:
        await runner.setup()
    try:
        socket.unlink(missing_ok=True)
        await web.UnixSite(runners[0], str(socket)).start()
        socket.chmod(0o600)
        await web.TCPSite(runners[1], "127.0.0.1", port).start()
        yield
    finally:
        for runner in runners:
            await runner.cleanup()
        socket.unlink(missing_ok=True)
