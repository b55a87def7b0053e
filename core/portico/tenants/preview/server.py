"""What a browser gets of a preview: the frame with its controls, the page within it, the page's files, and news.

It answers on loopback only, and only where it is asked by a name of this machine, so that no page of the web can look at it through the
browser. Links of a page lead to that page's sample; forms do nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import html
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path, PurePosixPath
from urllib.parse import parse_qs, urlencode, urlsplit

from aiohttp import web

from portico.tenants.assets import CONTENT_TYPES
from portico.tenants.preview.stage import ADDRESS, Shown, Wanted
from portico.tenants.preview.studio import Studio
from portico.tenants.views import Urls

FILES = {"": "text/html", "preview.css": "text/css", "preview.js": "text/javascript"}
"""The frame itself."""
NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
BREATH = 15.0
"""Seconds after which a stream says that it is alive."""
_HERE = Path(__file__).parent / "page"
_FRAME = "default-src 'self'; img-src data:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_PAGE = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
"""As in a hub, but that the frame may show it."""
_URLS = Urls()
_LINKS = {
    _URLS.landing: ("landing", "plain"),
    _URLS.login: ("home", "five-labs"),
    _URLS.home: ("home", "five-labs"),
    _URLS.logout: ("landing", "announcements"),
    "/": ("landing", "plain"),
}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(studio: Studio) -> web.Application:
    """The preview of what a studio follows."""
    made = web.Application(middlewares=[_guard])
    answers = _Answers(studio)
    made.router.add_get("/", answers.frame)
    made.router.add_get("/preview/{file:preview\\.(css|js)}", answers.frame)
    made.router.add_get("/preview/events", answers.events)
    made.router.add_get("/page/{page}/{state}", answers.page)
    made.router.add_get(f"{ADDRESS}{{number:[0-9]+}}/{{path:.+}}", answers.static_file)
    made.router.add_get("/hub/{rest:.*}", answers.link)
    made.router.add_route("POST", "/{rest:.*}", answers.form)
    return made


@contextlib.asynccontextmanager
async def serving(studio: Studio, port: int) -> AsyncIterator[str]:
    """Answer on 127.0.0.1:`port` (0: any that is free); yields the address. Raises OSError where the port is taken."""
    listening = socket.create_server(("127.0.0.1", port))
    runner = web.AppRunner(application(studio), access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    try:
        await web.SockSite(runner, listening).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
    finally:
        await runner.cleanup()


async def run(directory: Path, themes: Path, *, port: int, tell: Callable[[str], None]) -> None:
    """Show the bundle in a directory until this is cancelled. Raises OSError where the port is taken."""
    async with Studio(directory, themes) as studio, serving(studio, port) as address:
        tell(f"{directory.resolve().name} is shown at {address}\nEvery save shows at once; Ctrl+C ends it.")
        await asyncio.Event().wait()


class _Answers:
    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    async def frame(self, request: web.Request) -> web.Response:
        name = request.match_info.get("file", "")
        content = (_HERE / (name or "preview.html")).read_bytes()
        return web.Response(body=content, content_type=FILES[name], charset="utf-8", headers={"Content-Security-Policy": _FRAME})

    async def events(self, request: web.Request) -> web.StreamResponse:
        stream = _stream()
        states = aiter(self._studio.states())
        news = asyncio.ensure_future(anext(states))
        with contextlib.suppress(ConnectionResetError):
            try:
                await stream.prepare(request)
                while True:
                    done, _ = await asyncio.wait([news], timeout=BREATH)
                    if not done:
                        await stream.write(b": still here\n\n")
                        continue
                    await stream.write(f"data: {json.dumps(self._studio.described(news.result()))}\n\n".encode())
                    news = asyncio.ensure_future(anext(states))
            finally:
                news.cancel()
        return stream

    async def page(self, request: web.Request) -> web.Response:
        wanted = Wanted(
            request.match_info["page"],
            request.match_info["state"],
            self._locale(request.query.get("lang", "")),
            request.query.get("as", ""),
        )
        shown = await self._studio.page(wanted)
        status = 200 if shown.html is not None else 500 if shown.findings else 404
        content = shown.html if shown.html is not None else _instead(shown)
        return web.Response(text=content, status=status, content_type="text/html", headers={"Content-Security-Policy": _PAGE})

    async def static_file(self, request: web.Request) -> web.Response:
        path = request.match_info["path"]
        content = self._studio.static_file(int(request.match_info["number"][:12]), path)
        if content is None:
            raise web.HTTPNotFound(text="There is no such file.")
        kind = CONTENT_TYPES.get(PurePosixPath(path).suffix, "application/octet-stream")
        headers = {"Cache-Control": "max-age=31536000, immutable", "Content-Type": kind}
        return web.Response(body=content, headers=headers)

    async def link(self, request: web.Request) -> web.StreamResponse:
        """Where a link of a page leads: to a sample of what it names, in the language and for the person of the page it stands on."""
        if "text/event-stream" in request.headers.get("Accept", ""):
            return await _silence(request)
        path = request.path.rstrip("/") or "/"
        before = _before(request)
        if path.startswith(_URLS.language):
            target, query = before.path, before.query | {"lang": path.removeprefix(_URLS.language)}
            if not target.startswith("/page/"):
                target = "/page/landing/plain"
        elif path.startswith(_URLS.pages):
            target, query = f"/page/{path.removeprefix(_URLS.pages)}/logged-in", before.query
        elif path in _LINKS:
            target, query = "/page/" + "/".join(_LINKS[path]), before.query
        elif path.startswith(_URLS.start):
            target, query = "/page/start/70-percent", before.query
        else:
            return web.Response(status=204)
        raise web.HTTPSeeOther(f"{target}?{urlencode(query)}" if query else target)

    async def form(self, _: web.Request) -> web.Response:
        return web.Response(status=204)

    def _locale(self, asked: str) -> str:
        languages = self._studio.state.languages
        return asked if asked in languages else next(iter(languages), "en")


class _Before:
    """The page on which a link stands."""

    def __init__(self, referer: str) -> None:
        parts = urlsplit(referer)
        self.path = parts.path
        self.query = {key: values[0] for key, values in parse_qs(parts.query).items() if key in ("lang", "as")}


def _before(request: web.Request) -> _Before:
    try:
        return _Before(request.headers.get("Referer", ""))
    except ValueError:
        return _Before("")


@web.middleware
async def _guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        name = urlsplit(f"//{request.host}").hostname
    except ValueError:
        name = None
    if name not in NAMES:
        raise web.HTTPForbidden(text="The preview answers at http://127.0.0.1 only.")
    response = await handler(request)
    if not response.prepared:
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "same-origin")
    return response


def _stream() -> web.StreamResponse:
    """Server-sent events. Whoever asked may be gone before the first byte: ConnectionResetError, which is no fault."""
    return web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})


async def _silence(request: web.Request) -> web.StreamResponse:
    """A stream of a lab's events in which nothing happens."""
    stream = _stream()
    with contextlib.suppress(ConnectionResetError):
        await stream.prepare(request)
        while True:
            await stream.write(b": nothing happens in a preview\n\n")
            await asyncio.sleep(BREATH)
    return stream


def _instead(shown: Shown) -> str:
    """What stands in the place of a page that never could be rendered."""
    said = "".join(f"<li>{html.escape(str(finding))}</li>" for finding in shown.findings)
    words = "<p>This page can't be shown yet.</p>" if said else "<p>The bundle has no such page, or the page no such state.</p>"
    return f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Not shown</title>{words}<ul>{said}</ul></html>'
