"""`/hub/portal`: the page for this portal's admins, and what they can do there. Nobody else gets an answer but 403."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, datetime

from jupyterhub.user import User
from tornado import web

from portico.hub.admin import errands, known
from portico.hub.admin.known import Known
from portico.hub.admin.page import messages, news, page
from portico.hub.admin.views import AdminPage, Tried
from portico.hub.handlers.base import PortalHandler, Refusing
from portico.hub.tool import tool
from portico.tenants import views
from portico.tenants.status import Preview
from portico.tenants.stylesheets import TOKENS
from portico.tenants.views import Urls
from portico.words import say

NOT_AN_ADMIN = say("admin_not_you", "Only this portal's admins may see this. Ask your operator if you should be one.")
_DIGEST = re.compile(r"[0-9a-f]{32}")
_BRANCH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,99}")
_BAD_BRANCH = say("admin_bad_branch", "A branch's name begins with a letter or a digit and has letters, digits, '.', '_', '/' and '-'.")
_OF_A_VERSION = ("rollback", "pin", "revoke", "unpreview")


class AdminHandler(PortalHandler):
    """What the handlers of this page share."""

    def admin(self) -> User:
        """The admin who asks; raises 403 for everybody else."""
        user: User = self.current_user
        if user.name not in self.portal.entry.admins:
            raise Refusing(403, NOT_AN_ADMIN)
        return user

    async def known(self) -> Known:
        """What the sync wrote down."""
        portal = self.portal
        return await asyncio.to_thread(known.read, portal.settings.state, portal.entry.name, portal.store)

    async def show_admin(
        self, *, status: int = 200, asked: str = "", said: str = "", problem: str = "", tried: Tried | None = None
    ) -> None:
        """The page."""
        user = self.viewer(await self.auth_state(self.current_user))
        view = page(
            await self.known(),
            self.live.tenant if self.live else None,
            branch=self.portal.entry.branch,
            now=datetime.now(UTC),
            link=self._link,
            tokens=self.live.asset(TOKENS) if self.live else "",
            asked=asked,
            said=said,
            problem=problem,
            tried=tried,
        )
        self.answer(self._html(view, user), status=status, private=True)

    def _html(self, view: AdminPage, user: views.User) -> str:
        common = self.pages.common(self.live or self.portal.bare, page="admin", locale=self.language, user=user)
        return tool().admin(common, view)

    def _link(self, kept: Preview) -> str:
        return f"{self.portal.address}/hub/preview/{self.portal.signer.sign('link', kept.digest, kept.until)}"


class Admin(AdminHandler):
    """The page itself."""

    @web.authenticated
    async def get(self) -> None:
        """As it is now; with `revoke` it asks once more."""
        self.admin()
        said = self.get_argument("done", "")
        await self.show_admin(asked=self.get_argument("revoke", ""), said=said if said in Act.DO else "")


class News(AdminHandler):
    """`/hub/portal/news`: `{"news": "<text that changes>"}`, for the page's script."""

    @web.authenticated
    async def get(self) -> None:
        """What is known now, as one word."""
        self.admin()
        self.set_header("Content-Type", "application/json")
        self.set_header("Cache-Control", "no-store")
        self.finish(json.dumps({"news": news(await self.known())}))


class Act(AdminHandler):
    """`POST /hub/portal/<action>`: ask the sync, and show the page again."""

    DO: tuple[errands.Do, ...] = ("sync", "rollback", "pin", "unpin", "revoke", "preview", "unpreview")

    @web.authenticated
    async def post(self, name: str) -> None:
        """Do it as this user."""
        user = self.admin()
        do = next(known for known in self.DO if known == name)
        arguments: dict[str, str] = {}
        if do in _OF_A_VERSION:
            arguments["digest"] = self._digest()
        if do == "revoke" and self.get_body_argument("sure", "") != "yes":
            self.redirect(f"{Urls().portal}?revoke={arguments['digest']}#asked", status=303)
            return
        if do == "preview":
            arguments["branch"] = branch = self.get_body_argument("branch", "")
            if not _BRANCH.fullmatch(branch):
                await self.show_admin(status=400, tried=Tried(branch[:100], problem=self.speak(_BAD_BRANCH)))
                return
        outcome = await errands.ask(self.portal.settings.state, do, tenant=self.portal.entry.name, by=user.name, **arguments)
        if outcome.done:
            self.redirect(f"{Urls().portal}?done={do}", status=303)
        elif do == "preview" and not outcome.away:
            tried = Tried(arguments["branch"], messages(outcome.findings), self.speak(outcome.problem))
            await self.show_admin(status=422, tried=tried)
        else:
            await self.show_admin(status=503 if outcome.away else 409, problem=self.speak(outcome.problem))

    @web.authenticated
    def get(self, name: str) -> None:
        """Nothing is done by an address alone."""
        self.admin()
        self.redirect(Urls().portal)

    def _digest(self) -> str:
        digest: str = self.get_body_argument("digest", "")
        if not _DIGEST.fullmatch(digest):
            raise web.HTTPError(400)
        return digest
