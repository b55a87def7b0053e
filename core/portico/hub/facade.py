"""What stands where JupyterHub keeps its Jinja environments: its own pages never show, and errors look like the tenant's.

JupyterHub asks for a template by name and renders it with its own objects. Only texts are taken from those; the page is the portal's.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from jinja2 import TemplateNotFound
from tornado import web

from portico.hub import errors, language
from portico.hub.pages import Pages


class Facade:
    """Serves as `jinja2_env` and as `jinja2_env_sync`."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def __deepcopy__(self, memo: object) -> Facade:
        """Traitlets copies what stands in a configuration; this is shared."""
        return self

    def get_template(self, name: str) -> ErrorTemplate:
        """The error page; TemplateNotFound for `404.html` and its kin, upon which JupyterHub asks for `error.html`."""
        if name == "error.html":
            return ErrorTemplate(self._pages)
        if name.removesuffix(".html").isdigit():
            raise TemplateNotFound(name)
        # A page of JupyterHub's that this portal doesn't have: token, admin, share, confirmation of other people's servers.
        raise web.HTTPError(404)


class ErrorTemplate:
    """`error.html`, as JupyterHub renders it."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def render(self, **values: Any) -> str:
        """The page. Of what JupyterHub puts in, the status, the cause, the user's name and the form token are read."""
        portal = self._pages.portal
        look = portal.snapshot() or portal.bare
        status = int(values.get("status_code") or 500)
        message, ours = str(values.get("message") or ""), errors.sentence(values.get("exception"))
        handler = _handler(values)
        locale = _language(handler, look.tenant.languages)
        view = errors.describe(status, message, sentence=ours, speak=partial(look.say, locale))
        name = getattr(values.get("user"), "name", None)
        common = self._pages.common(
            look,
            page="error",
            locale=locale,
            user=self._pages.viewer(name) if name else None,
            xsrf=str(values.get("xsrf") or ""),
        )
        return self._pages.render(look, common, view)

    async def render_async(self, **values: Any) -> str:
        """As `render`."""
        return self.render(**values)


def _handler(values: dict[str, Any]) -> web.RequestHandler | None:
    """Who renders: JupyterHub passes no request to its templates, but a method of its handler's."""
    handler = getattr(values.get("static_url"), "__self__", None)
    return handler if isinstance(handler, web.RequestHandler) else None


def _language(handler: web.RequestHandler | None, offered: Sequence[str]) -> str:
    """The page's language, and said so in its headers."""
    if handler is None:
        return offered[0]
    chosen = language.choose(handler.get_cookie(language.COOKIE, "") or "", handler.request.headers.get("Accept-Language", ""), offered)
    handler.set_header("Content-Language", chosen)
    handler.add_header("Vary", language.VARY)
    return chosen
