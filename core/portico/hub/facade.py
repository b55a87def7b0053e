"""What stands where JupyterHub keeps its Jinja environments: its own pages never show, and errors look like the tenant's.

JupyterHub asks for a template by name and renders it with its own objects. Only texts are taken from those; the page is the portal's.
"""

from __future__ import annotations

from typing import Any

from jinja2 import TemplateNotFound
from tornado import web

from portico.hub import errors, views
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
        snapshot = self._pages.portal.snapshot()
        status = int(values.get("status_code") or 500)
        view = errors.describe(status, str(values.get("message") or ""), sentence=errors.sentence(values.get("exception")))
        if snapshot is None:
            return self._pages.render(None, None, view)
        name = getattr(values.get("user"), "name", None)
        common = self._pages.common(
            snapshot,
            page="error",
            locale=snapshot.tenant.languages[0],
            user=views.user(name, None, admins=self._pages.portal.entry.admins) if name else None,
            xsrf=str(values.get("xsrf") or ""),
        )
        return self._pages.render(snapshot, common, view)

    async def render_async(self, **values: Any) -> str:
        """As `render`."""
        return self.render(**values)
