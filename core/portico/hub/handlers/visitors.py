"""Pages that need no login: landing, own pages, static files, and what isn't there."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import urlencode

from tornado import web

from portico.auth.authenticator import UNOPENED
from portico.auth.logout import LOGGED_OUT
from portico.hub import language, representation
from portico.hub.handlers.base import PortalHandler
from portico.hub.portal import Portal
from portico.tenants.views import LandingPage, OwnPage, Urls
from portico.words import say

_HOME = ("", "/", "/hub", "/hub/", "/hub/home")


class Landing(PortalHandler):
    """`/hub/login`: what is this, may I use it, "Log in"."""

    async def get(self) -> None:
        """The page; whoever is logged in already goes on to where she wanted."""
        if self.current_user:
            self.set_login_cookie(self.current_user)
            self.redirect(self.get_next_url(self.current_user))
            return
        following = self._validate_next_url(self.get_argument("next", ""))
        urls = Urls()
        notice = ""
        if self.live is None and self.previewed is None:
            notice = self.speak(UNOPENED)
        elif self.get_argument("state", "") == LOGGED_OUT:
            notice = self.speak(say("notice_logged_out", "You are logged out."))
        elif following not in _HOME:
            urls = Urls(login=f"{urls.login}?{urlencode({'next': following})}")
            notice = self.speak(say("notice_log_in", "Log in to go on."))
        self.show("landing", LandingPage(notice=notice), urls=urls)

    async def head(self) -> None:
        """As `get`, for probes."""
        await self.get()


class Language(PortalHandler):
    """`/hub/language/<name>`: remember the visitor's language, and lead back to the page from which she came."""

    def get(self, name: str) -> None:
        """404 where the portal doesn't speak it."""
        if name not in self.look.tenant.languages:
            raise web.HTTPError(404)
        self.set_cookie(
            language.COOKIE,
            name,
            expires_days=language.DAYS,
            path="/hub/",
            httponly=True,
            samesite="Lax",
            secure=self.portal.settings.gateway.scheme == "https",
        )
        self.set_header("Cache-Control", "no-store")
        self.redirect(language.back(self.request.headers.get("Referer", ""), self.request.host), status=303)


class Root(PortalHandler):
    """`/hub/`: home, or the landing page."""

    def get(self) -> None:
        """Send on."""
        self.redirect(Urls().home if self.current_user else Urls().landing)


class Own(PortalHandler):
    """`/hub/page/<name>`: a page that the bundle adds."""

    async def get(self, name: str) -> None:
        """The page, logged in or not."""
        if not self.look.has_page(name):
            raise web.HTTPError(404)
        user = self.current_user
        self.show(name, OwnPage(name=name), user=self.viewer(await self.auth_state(user)) if user else None)


class Missing(PortalHandler):
    """Addresses of JupyterHub's own pages that a portal doesn't have, and those that nobody has."""

    async def prepare(self) -> None:
        """404, whatever the method."""
        await super().prepare()
        raise web.HTTPError(404)


class ProxyError(PortalHandler):
    """`/hub/error/<status>`: what the gateway shows when something behind it doesn't answer."""

    def get(self, status: str) -> None:
        """The error page of that status."""
        raise web.HTTPError(int(status) if status in ("404", "503") else 503)


class Brand(web.RequestHandler):
    """`/hub/brand/<digest>/<path>`: a snapshot's static files. Each address answers the same for ever; no login, no database."""

    def set_default_headers(self) -> None:
        """What a file is can't be guessed otherwise, and an SVG that is opened by itself runs nothing."""
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox")

    def get(self, digest: str, path: str) -> None:
        """The file."""
        portal: Portal = self.settings["portal"]
        snapshot = portal.store.snapshot(portal.entry.name, digest)
        file = snapshot.static_file(path) if snapshot else None
        if snapshot is None or file is None:
            raise web.HTTPError(404)
        self.set_header("Content-Type", snapshot.content_type(path))
        self.set_header("Cache-Control", "public, max-age=31536000, immutable")
        kept, packed = snapshot.manifest.files, snapshot.packed_file(path)
        record, smaller = kept[f"static/{path}"], kept.get(f"gzip/{path}")
        about = representation.File(record.sha256, record.size, smaller.size if smaller else None)
        answer = representation.answer(about, {name.lower(): value for name, value in self.request.headers.items()})
        self.set_status(answer.status)
        for name, value in answer.headers.items():
            self.set_header(name, value)
        if answer.status in (HTTPStatus.NOT_MODIFIED, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE):
            return
        try:
            content = (packed if answer.packed and packed else file).read_bytes()
        except FileNotFoundError as error:  # collected or revoked since
            raise web.HTTPError(404) from error
        self.finish(content[answer.start : answer.stop])

    def head(self, digest: str, path: str) -> None:
        """As `get`, without the file."""
        self.get(digest, path)

    def compute_etag(self) -> None:
        """The manifest's digest is the tag; none is computed."""
        return

    def write_error(self, status_code: int, **kwargs: object) -> None:
        """A word: nobody looks at it."""
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(HTTPStatus(status_code).phrase)
