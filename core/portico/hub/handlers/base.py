"""What the portal's handlers share: one snapshot for the whole request, a correlation id, pages and errors in the tenant's look."""

from __future__ import annotations

import contextlib
import uuid
from functools import cached_property
from typing import Any

from jupyterhub.handlers.base import BaseHandler
from jupyterhub.user import User
from sqlalchemy.exc import SQLAlchemyError
from tornado import web

from portico import logs
from portico.api import CORRELATION_HEADER
from portico.hub import errors, language
from portico.hub.pages import Pages
from portico.hub.portal import Portal, Previewed
from portico.hub.preview import COOKIE, with_bar
from portico.hub.tool import XSRF, Look, tool
from portico.spawner.desk import AuthState
from portico.tenants import views as tenant_views
from portico.tenants.snapshot import Snapshot

BODY = 64 * 1024
"""Bytes of a form or a JSON document that a handler looks at."""


class Refusing(web.HTTPError):
    """An error whose message is a sentence for the user."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(status, sentence)
        self.sentence = sentence


class PortalHandler(BaseHandler):  # type: ignore[misc] # jupyterhub has no annotations
    """Base of the portal's own pages. Cookies only: scripts use JupyterHub's API."""

    _token_authenticated = False

    async def prepare(self) -> None:
        """Bind what the log says of this request, and refuse what is too large before it is looked at."""
        self.correlation_id = uuid.uuid4().hex
        self._bound = contextlib.ExitStack()
        self._bound.enter_context(logs.bind(correlation_id=self.correlation_id))
        self.set_header(CORRELATION_HEADER, self.correlation_id)
        await super().prepare()
        if self.current_user:
            self._bound.enter_context(logs.bind(user=self.current_user.name))
        if len(self.request.body) > BODY:
            raise web.HTTPError(413)

    def on_finish(self) -> None:
        """Let go of what `prepare` bound."""
        super().on_finish()
        with contextlib.suppress(AttributeError, ValueError):
            self._bound.close()

    @property
    def portal(self) -> Portal:
        """What this hub's parts share."""
        portal: Portal = self.settings["portal"]
        return portal

    @property
    def pages(self) -> Pages:
        """The renderer."""
        pages: Pages = self.settings["pages"]
        return pages

    @cached_property
    def live(self) -> Snapshot | None:
        """The snapshot that is live. All that a bundle decides beyond looks comes from it: who may log in, what may be started and how."""
        return self.portal.snapshot()

    @cached_property
    def previewed(self) -> Previewed | None:
        """The preview that this browser follows; None where it follows none."""
        token = self.get_cookie(COOKIE, "")
        return self.portal.previewed("cookie", token) if token else None

    @cached_property
    def look(self) -> Look:
        """What draws this request's pages from first byte to last: the previewed snapshot, else the live one, else the base theme."""
        return (self.previewed.snapshot if self.previewed else None) or self.live or self.portal.bare

    @cached_property
    def language(self) -> str:
        """The page's language, one of the bundle's: what the visitor chose, else the best for this browser."""
        return language.choose(
            self.get_cookie(language.COOKIE, ""), self.request.headers.get("Accept-Language", ""), self.look.tenant.languages
        )

    def speak(self, sentence: str) -> str:
        """A sentence of the product's own in the page's language; any other text as it is."""
        return self.look.say(self.language, sentence)

    async def auth_state(self, user: User) -> AuthState:
        """What the login said, decrypted."""
        return await user.get_auth_state() or {}

    def viewer(self, state: AuthState) -> tenant_views.User:
        """Who is logged in, as pages show her."""
        return self.pages.viewer(self.current_user.name, state)

    def show(
        self,
        page: str,
        view: tenant_views.Page,
        *,
        user: tenant_views.User | None = None,
        urls: tenant_views.Urls | None = None,
        status: int = 200,
    ) -> None:
        """Answer with a page."""
        common = self.pages.common(self.look, page=page, locale=self.language, user=user, urls=urls)
        html = self.pages.render(self.look, common, view)
        self.answer(html, status=status, private=user is not None)

    def answer(self, html: str, *, status: int = 200, private: bool) -> None:
        """Send a page, below the bar where it is a preview's; `private` pages are kept nowhere."""
        if self.previewed is not None:
            html = with_bar(html, self._bar(self.previewed))
        # The token of a form needs a cookie, so it is made only for pages that have a form.
        if XSRF in html:
            html = html.replace(XSRF, self.xsrf_token.decode("ascii"))
        self.set_status(status)
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Content-Language", self.language)
        self.add_header("Vary", language.VARY)
        self.set_header("Cache-Control", "no-store" if private or self.previewed else "no-cache")
        self.finish(html)

    def _bar(self, previewed: Previewed) -> str:
        """The bar above this preview. Once it has ended, this is the last page that says so."""
        if previewed.kept is None:
            self.clear_cookie(COOKIE, path="/hub/")
            return tool().bar(self.language, over=True, branch="", commit="")
        return tool().bar(self.language, over=False, branch=previewed.kept.branch, commit=previewed.kept.commit[:12])

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """An error page, which never raises another error."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, SQLAlchemyError):
            self.db.rollback()
        if not hasattr(self, "_jupyterhub_user"):
            self._jupyterhub_user = None
        for key, value in (getattr(error, "headers", None) or {}).items():
            self.set_header(key, str(value))
        correlation_id = getattr(self, "correlation_id", "")
        if correlation_id:
            self.set_header(CORRELATION_HEADER, correlation_id)
        message = str(error.get_message() or "") if isinstance(error, web.HTTPError) else ""
        view = errors.describe(status_code, message, sentence=errors.sentence(error), correlation_id=correlation_id, speak=self.speak)
        user = self.pages.viewer(self.current_user.name) if self.current_user else None
        self.show("error", view, user=user, status=status_code)

    def named(self, name: str) -> User:
        """The user who is logged in, if she has a lab of that name; else 404."""
        user: User = self.current_user
        if not name or name not in user.orm_spawners:
            raise web.HTTPError(404)
        return user
