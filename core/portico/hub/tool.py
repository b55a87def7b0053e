"""Pages of the product's own, drawn by the base theme as it was installed, whatever a bundle holds.

The page on which a bundle is mended must not depend on the bundle, and the bar above a preview must not be the candidate's to change. So
neither is rendered from a snapshot: templates, texts, scripts and style sheets come from the installed base theme, at addresses of their
own. Of the tenant they take what is checked to be harmless: its colours, its logo and its words for itself.

While a portal has no version that could be live, its own pages are drawn so too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache

from portico.hub.admin.views import AdminPage
from portico.tenants import budget, views
from portico.tenants.bundle import Tenant
from portico.tenants.composition import Candidate, compose
from portico.tenants.environment import Renderer
from portico.tenants.layers import themes_directory
from portico.tenants.snapshot import Snapshot

XSRF = "portico-xsrf-of-this-request"
"""Stands for the token of a form while a page that many get is kept."""
END = "/hub/preview/end"
ADDRESS = "/hub/product/"
"""Static files of the product answer at this address, followed by the digest of them all and the file's path."""
_MARK = "mark.svg"
_BUNDLE: Mapping[str, bytes] = {
    "tenant.toml": f"""
title = "Portico"
contact = "/"
languages = ["en", "de"]
[brand]
logo = "{_MARK}"
favicon = "{_MARK}"
stylesheets = []
""".encode(),
    f"static/{_MARK}": b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><path d="M0 8V0h8v8H6V2H2v6z" fill="#767676"/></svg>\n',
}


class Tool:
    """The base theme, on its own."""

    def __init__(self, candidate: Candidate) -> None:
        self._static = candidate.static
        content = hashlib.sha256()
        for path, data in sorted(candidate.static.items()):
            content.update(f"{path}\n{hashlib.sha256(data).hexdigest()}\n".encode())
        self.digest = content.hexdigest()[:32]
        self._renderer = Renderer(candidate.composition, f"{ADDRESS}{self.digest}/")
        self.tenant = candidate.composition.tenant

    def page(self, common: views.Common, view: views.Page) -> str:
        """One of a portal's pages as HTML; raises what `Renderer.render` raises."""
        return self._renderer.render(common, view)

    def admin(self, common: views.Common, view: AdminPage) -> str:
        """The admin's page as HTML."""
        return self._render("admin.html", common.locale, {**_fields(common), **_fields(view)})

    def bar(self, locale: str, *, over: bool, branch: str, commit: str) -> str:
        """The bar above a preview."""
        values = {
            "over": over,
            "branch": branch,
            "commit": commit,
            "xsrf": XSRF,
            "end_url": END,
            "style": self.asset("css/preview.css"),
            "script": self.asset("js/preview.js"),
        }
        return self._render("parts/preview.html", locale, values)

    def text(self, locale: str, key: str, **values: object) -> str:
        """One of the base theme's texts."""
        return self._renderer.text(locale, key, **values) or key

    def say(self, locale: str, sentence: str) -> str:
        """A sentence of the product's own in the base theme's words; any other text as it is."""
        return self._renderer.say(locale, sentence)

    def asset(self, path: str) -> str:
        """The address of a static file."""
        return self._renderer.asset(path)

    def static_file(self, digest: str, path: str) -> bytes | None:
        """A static file's content; None where there is none of that name and digest."""
        return self._static.get(path) if digest == self.digest else None

    def _render(self, path: str, locale: str, values: Mapping[str, object]) -> str:
        sandbox = self._renderer.sandbox
        with budget.Bound(budget.Rendering(locale=locale)):
            return sandbox.get_template(sandbox.page(path)).render(values)


@cache
def tool() -> Tool:
    """The one of this process; made when it is first needed."""
    return Tool(compose("portico", _BUNDLE, themes_directory()))


@dataclass(frozen=True, slots=True)
class Bare:
    """What draws a portal's pages while it has no snapshot: the base theme, and the tenant's name for a title."""

    tenant: Tenant

    @classmethod
    def of(cls, name: str) -> Bare:
        """How the tenant of that name looks."""
        return cls(tool().tenant.model_copy(update={"title": name, "contact": ""}))

    @property
    def digest(self) -> str:
        """What its pages depend on."""
        return tool().digest

    def render(self, common: views.Common, view: views.Page) -> str:
        """One page as HTML; see `Renderer.render` for what it raises."""
        return tool().page(common, view)

    def has_page(self, name: str) -> bool:
        """It has no own pages."""
        return False

    def asset(self, path: str) -> str:
        """The address of a static file."""
        return tool().asset(path)

    def say(self, locale: str, sentence: str) -> str:
        """A sentence of the product's own in the base theme's words; any other text as it is."""
        return tool().say(locale, sentence)


Look = Snapshot | Bare
"""What draws a portal's pages."""


def _fields(part: object) -> dict[str, object]:
    return {field.name: getattr(part, field.name) for field in fields(part)}  # type: ignore[arg-type]
