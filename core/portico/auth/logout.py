"""Log out here and at the identity provider, and come back to the landing page.

OpenID Connect RP-Initiated Logout 1.0: the browser is sent to the provider's end-session address with the ID token as a hint (the
standard's own way to say whose session; it opens nothing), so that the next person at this browser has to sign in.
"""

from __future__ import annotations

from typing import Any

from oauthenticator.oauth2 import OAuthLogoutHandler
from tornado.httputil import url_concat

LOGGED_OUT = "logged-out"
"""The value of `state` with which the provider sends the browser back."""


class LogoutHandler(OAuthLogoutHandler):  # type: ignore[misc] # oauthenticator has no annotations
    """`/hub/logout`, by a link or by a form."""

    _token_authenticated = False
    _id_token: str | None = None
    _known = False

    async def post(self) -> None:
        """As a form."""
        await self.get()

    async def handle_logout(self) -> None:
        """Take the hint while it is known who is there."""
        await super().handle_logout()
        if self.current_user:
            self._known = True
            state: dict[str, Any] = await self.current_user.get_auth_state() or {}
            self._id_token = state.get("id_token")

    async def render_logout_page(self) -> None:
        """Redirect: to the provider where there is a session to end, else to the landing page."""
        authenticator = self.authenticator
        if not (self._known and authenticator.end_session_url):
            self.redirect(url_concat(authenticator.landing_url, {"state": LOGGED_OUT}))
            return
        arguments = {"client_id": authenticator.client_id, "post_logout_redirect_uri": authenticator.landing_url, "state": LOGGED_OUT}
        if self._id_token:
            arguments["id_token_hint"] = self._id_token
        self.redirect(url_concat(authenticator.end_session_url, arguments))
