"""`/hub/preview/...`: a browser that follows a preview's link sees that candidate's pages, until its user ends that."""

from __future__ import annotations

from http import HTTPStatus

from tornado import web

from portico.hub.handlers.base import PortalHandler, Refusing
from portico.hub.preview import COOKIE
from portico.hub.tool import tool
from portico.tenants.snapshot import Snapshot
from portico.words import say

FORGED = say("preview_forged", "This preview link isn't one of this portal's. Ask for it again.")
OVER = say("preview_ended", "This preview has ended. Ask for a new link.")


class FollowPreview(PortalHandler):
    """`/hub/preview/<token>`: logged in or not."""

    def get(self, token: str) -> None:
        """Mark this browser and show it the portal; 404 for a link that isn't ours, 410 for one whose preview is over."""
        previewed = self.portal.previewed("link", token)
        if previewed is None:
            raise Refusing(404, FORGED)
        if previewed.kept is None:
            raise Refusing(410, OVER)
        kept = previewed.kept
        self.set_cookie(
            COOKIE,
            self.portal.signer.sign("cookie", kept.digest, kept.until),
            path="/hub/",
            httponly=True,
            samesite="Lax",
            secure=self.portal.settings.gateway.scheme == "https",
        )
        self.set_header("Cache-Control", "no-store")
        self.redirect("/hub/")


class EndPreview(PortalHandler):
    """`POST /hub/preview/end`: the bar's button."""

    def post(self) -> None:
        """Forget it, and show what is live."""
        self.clear_cookie(COOKIE, path="/hub/")
        self.redirect("/hub/", status=303)

    def get(self) -> None:
        """Nothing ends by an address alone."""
        self.redirect("/hub/")


class Product(web.RequestHandler):
    """`/hub/product/<digest>/<path>`: static files of the product's own pages. Each address answers the same for ever."""

    def set_default_headers(self) -> None:
        """As for a tenant's files."""
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox")

    def get(self, digest: str, path: str) -> None:
        """The file."""
        data = tool().static_file(digest, path)
        if data is None:
            raise web.HTTPError(404)
        self.set_header("Content-Type", Snapshot.content_type(path))
        self.set_header("Cache-Control", "public, max-age=31536000, immutable")
        self.finish(data)

    def write_error(self, status_code: int, **kwargs: object) -> None:
        """A word: nobody looks at it."""
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(HTTPStatus(status_code).phrase)
