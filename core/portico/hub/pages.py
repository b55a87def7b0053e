"""Pages as HTML: the snapshot's templates on frozen views, and a plain page where no template can be had.

What a page shows beside its own view is the same for all: portal, language, user, addresses. Pages of people who aren't logged in are the
same for everybody, so they are rendered once for each snapshot and state of the portal.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from collections import OrderedDict
from datetime import UTC, datetime
from functools import partial
from html import escape

from portico.hub import views as hub_views
from portico.hub.portal import Portal
from portico.hub.tool import XSRF, Look
from portico.spawner.desk import AuthState
from portico.tenants import portal as portal_views
from portico.tenants import views
from portico.words import said

KEPT = 256
FAILING = 10.0
"""Seconds until a page whose template failed is tried again."""
VIEWERS = 1000
"""Names of people that are remembered."""

log = logging.getLogger(__name__)


class Pages:
    """Renders one portal's pages."""

    def __init__(self, portal: Portal) -> None:
        self.portal = portal
        self._rendered: OrderedDict[tuple[object, ...], str] = OrderedDict()
        self._failing: OrderedDict[tuple[str, str, str], float] = OrderedDict()
        self._viewers: OrderedDict[str, views.User] = OrderedDict()

    def viewer(self, name: str, state: AuthState | None = None) -> views.User:
        """Who is logged in, as pages show her. Without `state` (an error page has none) as the last page showed her."""
        known = self._viewers.get(name)
        admins = self.portal.entry.admins
        if state is None and known is not None:
            return dataclasses.replace(known, admin=name in admins)
        shown = hub_views.user(name, state, admins=admins)
        if state is not None:
            self._viewers[name] = shown
            self._viewers.move_to_end(name)
            if len(self._viewers) > VIEWERS:
                self._viewers.popitem(last=False)
        return shown

    def common(
        self,
        look: Look,
        *,
        page: str,
        locale: str,
        user: views.User | None = None,
        urls: views.Urls | None = None,
        xsrf: str = XSRF,
    ) -> views.Common:
        """What the page gets beside its own view."""
        portal = self.portal
        return views.Common(
            portal=portal_views.describe(
                look.tenant,
                name=portal.entry.name,
                asset=look.asset,
                identity_provider=said(portal.settings.identity_provider.title, locale, look.tenant.languages),
                now=datetime.now(UTC),
                page=page,
                urls=urls,
                systems=hub_views.systems(
                    look.tenant,
                    portal.entry,
                    portal.settings,
                    portal.systems.known(),
                    locale=locale,
                    speak=partial(look.say, locale),
                ),
                locale=locale,
            ),
            page=page,
            locale=locale,
            user=user,
            urls=urls or views.Urls(),
            xsrf=xsrf,
        )

    def render(self, look: Look, common: views.Common, view: views.Page) -> str:
        """The page; a plain one where its template fails."""
        if common.user is not None or isinstance(view, views.ErrorPage):
            return self._render(look, common, view)
        key = (look.digest, common, view)
        html = self._rendered.get(key)
        if html is None:
            html = self._rendered[key] = self._render(look, common, view)
            if len(self._rendered) > KEPT:
                self._rendered.popitem(last=False)
        return html

    def _render(self, look: Look, common: views.Common, view: views.Page) -> str:
        key = (look.digest, common.page, common.user.name if common.user else "")
        if self._failing.get(key, 0.0) <= time.monotonic():
            try:
                return look.render(common, view)
            except Exception:
                # The snapshot was rehearsed, so this is rare; whatever it is, a visitor gets a page. One that takes all that a page may
                # take isn't tried again for a while, or it would keep the hub from everybody else's.
                log.exception("A template of snapshot %s failed", look.digest)
                self._failing[key] = time.monotonic() + FAILING
                if len(self._failing) > KEPT:
                    self._failing.popitem(last=False)
        return plain(common.portal.title, view, contact=common.portal.contact)


def plain(title: str, view: views.Page, *, contact: str = "") -> str:
    """A page without any template: it says what must be said, and links to what one needs."""
    parts = [f"<h1>{escape(_heading(title, view))}</h1>", *(f"<p>{escape(text)}</p>" for text in _sentences(view) if text)]
    if isinstance(view, views.LandingPage):
        parts.append(f'<p><a href="{views.Urls().login}">Log in</a></p>')
    elif isinstance(view, views.HomePage):
        parts += [f'<p>{escape(lab.title)}: {lab.state} <a href="{escape(lab.open_url)}">Open</a></p>' for lab in view.labs if lab.can_open]
        parts.append(f'<p><a href="{views.Urls().logout}">Log out</a></p>')
    else:
        parts.append(f'<p><a href="{views.Urls().home}">Go on</a></p>')
    if contact:
        parts.append(f'<p><a href="{escape(contact)}">{escape(contact.removeprefix("mailto:"))}</a></p>')
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body><main>{"".join(parts)}</main></body></html>'


def _heading(title: str, view: views.Page) -> str:
    if isinstance(view, views.ErrorPage):
        return view.title
    return view.lab.title if isinstance(view, views.StartPage) else title


def _sentences(view: views.Page) -> list[str]:
    if isinstance(view, views.ErrorPage):
        return [view.what, view.cure, f"Reference: {view.correlation_id}" if view.correlation_id else ""]
    if isinstance(view, views.StartPage):
        return [f"{view.lab.state}: {view.lab.message}"]
    return ["This portal can't show its own pages at the moment. What it does is not affected."]
