"""The authenticator of one portal, on oauthenticator's generic OpenID Connect class.

Guarantees:

- PKCE, and identity from the userinfo endpoint over the back channel; an ID token decides nothing here.
- A user name belongs to one subject: another person with the same name is refused.
- Claims are asked again within `auth_refresh_age` and before each start, once at a time per user (a refresh token that is used twice
  kills the session at providers that rotate). What comes back is stored before the next may ask.
- A provider that doesn't answer logs nobody out. One that says no does, and so does leaving the groups that the portal is for.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from jupyterhub.user import User
from oauthenticator.generic import GenericOAuthenticator
from tornado import web
from tornado.httpclient import HTTPClientError
from traitlets import Any as AnyTrait
from traitlets import Bool, Set, Unicode
from traitlets import List as ListTrait

from portico.auth import identity
from portico.auth.logout import LogoutHandler
from portico.words import say

log = logging.getLogger(__name__)

MARGIN = 60.0
"""Seconds of life that an access token must have left; with less it is exchanged first."""
JUST_ASKED = 1.0
"""Seconds for which a good answer serves whoever else asks: a start asks for the form, and JupyterHub asks once more for the same start."""
NOT_ALLOWED = say("login_not_allowed", "Your login is not in one of the groups that this portal is for.")
UNOPENED = say("login_unopened", "This portal has no version to show yet. Only those who look after it can log in; they see why.")
NOT_ANSWERING = say("login_silent", "The place where you log in does not answer. Nothing is wrong with your login; try again in a minute.")


class LoginRefused(web.HTTPError):
    """A login that isn't accepted. `sentence` tells the user why."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(status, sentence)
        self.sentence = sentence


class ProviderRefused(Exception):
    """The provider answered, and the answer is no."""


class ProviderAway(Exception):
    """The provider gave no answer from which anything follows about the user."""


class PorticoAuthenticator(GenericOAuthenticator):  # type: ignore[misc] # oauthenticator has no annotations
    """Logs in, keeps the claims fresh, logs out."""

    logout_handler = LogoutHandler

    groups_claim = Unicode("groups", help="The claim that lists a user's groups.").tag(config=True)
    accounts_claim = Unicode("hpc_infos_attribute", help="The claim that lists a user's HPC accounts.").tag(config=True)
    end_session_url = Unicode(help="Where the provider ends a browser's session; empty: nowhere.").tag(config=True)
    landing_url = Unicode(help="The portal's landing page, absolute: where a logout comes back to.").tag(config=True)
    access: Callable[[], list[str] | None] = AnyTrait(
        list, help="Answers the groups whose members may log in (none: everybody), or None while that isn't known."
    ).tag(config=True)
    always_in = Set(
        Unicode(), help="Users who may log in whatever groups the portal asks for: its admins, who must be able to mend that."
    ).tag(config=True)
    page_handlers = ListTrait(help="The portal's own pages: they stand before JupyterHub's.").tag(config=True)

    enable_auth_state = Bool(True).tag(config=True)
    enable_pkce = Bool(True).tag(config=True)
    basic_auth = Bool(True, help="The way to show a client's secret that every provider must know (RFC 6749, 2.3.1).").tag(config=True)
    manage_groups = Bool(True).tag(config=True)
    refresh_pre_spawn = Bool(True).tag(config=True)
    auth_refresh_strict = Bool(True, help="A user who was disabled loses her API tokens too.").tag(config=True)
    any_allow_config = Bool(True, help="Who may log in is the tenant's to say, see `access`.").tag(config=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._flights: dict[str, asyncio.Task[bool]] = {}

    def get_handlers(self, app: object) -> list[tuple[Any, ...]]:
        """The portal's pages, then login, callback and logout."""
        return [*self.page_handlers, *super().get_handlers(app)]

    # Login

    async def authenticate(self, handler: Any, data: object = None, **kwargs: Any) -> dict[str, Any]:
        """Exchange the code, ask for the claims, and make sure that the name is this person's."""
        try:
            model: dict[str, Any] = await super().authenticate(handler, data, **kwargs)
        except ProviderRefused as error:
            raise LoginRefused(
                403, say("login_unconfirmed", "The place where you log in did not confirm this login. Log in again.")
            ) from error
        except ProviderAway as error:
            raise LoginRefused(503, NOT_ANSWERING) from error
        user = handler.find_user(model["name"])
        known = await user.get_auth_state() if user is not None else None
        if known and known.get("subject") != model["auth_state"]["subject"]:
            log.warning("Somebody else has the name %s already", model["name"])
            raise LoginRefused(
                403, say("login_name_taken", "The user name {name} belongs to somebody else at this portal.", name=model["name"])
            )
        return model

    async def check_allowed(self, username: str, auth_model: dict[str, Any] | None) -> bool:
        """Whether the groups let this user in."""
        if auth_model is None:
            # JupyterHub asks so about users in its database; whoever logs in is asked about below.
            return True
        if username in self.always_in or self._lets_in(auth_model["auth_state"]["groups"]):
            return True
        raise LoginRefused(403, UNOPENED if self.access() is None else NOT_ALLOWED)

    def is_admin(self, handler: Any, authentication: Mapping[str, Any]) -> bool:
        """Nobody is: a portal has no page and no right for JupyterHub's admins."""
        return False

    def user_info_to_username(self, user_info: identity.Claims) -> str:
        """The hub's name of this user."""
        try:
            return identity.user_name(user_info.get(self.username_claim))
        except identity.UnusableName as error:
            raise LoginRefused(403, error.sentence) from error

    def build_auth_state_dict(self, token_info: dict[str, Any], user_info: identity.Claims) -> dict[str, Any]:
        """What is kept, encrypted, of a login: the tokens, and the claims that decide something."""
        name = str(user_info.get(self.username_claim, ""))
        lifetime = token_info.get("expires_in")
        return {
            "access_token": token_info["access_token"],
            "refresh_token": token_info.get("refresh_token"),
            "id_token": token_info.get("id_token"),
            "token_type": token_info.get("token_type", "Bearer"),
            "expires_at": time.time() + lifetime if isinstance(lifetime, int | float) else token_info.get("expires_at"),
            "subject": identity.subject(user_info, name),
            "display_name": identity.display_name(user_info, name),
            "groups": identity.groups(user_info.get(self.groups_claim)),
            "accounts": user_info.get(self.accounts_claim),
        }

    async def get_user_groups(self, auth_state: dict[str, Any]) -> set[str]:
        """The groups for JupyterHub's own groups."""
        return set(auth_state["groups"])

    # What the provider answers

    async def get_token_info(self, handler: object, params: dict[str, Any]) -> dict[str, Any]:
        """Ask the token endpoint; raises ProviderRefused or ProviderAway."""
        try:
            return dict(await super().get_token_info(handler, params))
        except HTTPClientError as error:
            if _oauth_error(error) == "invalid_grant":
                raise ProviderRefused("invalid_grant") from error
            raise ProviderAway(f"the token endpoint answers {error.code}") from error
        except web.HTTPError as error:
            # Some providers describe an error with status 200.
            raise (ProviderRefused if error.status_code == 403 else ProviderAway)("no access token was returned") from error
        except (OSError, ValueError, TypeError) as error:
            raise ProviderAway(str(error)) from error

    async def token_to_user(self, token_info: dict[str, Any]) -> dict[str, Any]:
        """Ask the userinfo endpoint; raises ProviderRefused or ProviderAway."""
        try:
            claims = await super().token_to_user({"token_type": "Bearer", **token_info})
        except HTTPClientError as error:
            if error.code in (400, 401, 403):
                raise ProviderRefused(f"userinfo answers {error.code}") from error
            raise ProviderAway(f"userinfo answers {error.code}") from error
        except (OSError, ValueError) as error:
            raise ProviderAway(str(error)) from error
        if not isinstance(claims, dict):
            raise ProviderAway("userinfo answers no JSON object")
        return claims

    # Staying logged in

    async def refresh_user(self, user: User, handler: object = None, **_: Any) -> bool:
        """Ask for the claims again; whoever asks meanwhile for the same user gets the same answer. False: she must log in again."""
        flight = self._flights.get(user.name)
        if flight is None:
            flight = self._flights[user.name] = asyncio.create_task(self._refresh(user), name=f"refresh {user.name}")
            flight.add_done_callback(lambda done: self._landed(user.name, done))
        return await asyncio.shield(flight)

    def _landed(self, name: str, flight: asyncio.Task[bool]) -> None:
        """Forget an answer: a good one after a moment, any other at once."""
        good = not flight.cancelled() and flight.exception() is None and flight.result()
        if good:
            flight.get_loop().call_later(JUST_ASKED, self._flights.pop, name, None)
        else:
            self._flights.pop(name, None)

    async def _refresh(self, user: User) -> bool:
        state = await user.get_auth_state()
        if not state or not state.get("access_token"):
            return False
        try:
            fresh = await self._fresh_state(user, state)
        except ProviderAway as error:
            log.warning("The claims of %s are not refreshed: %s", user.name, error)
            return True
        except ProviderRefused as error:
            log.info("The login of %s is over: %s", user.name, error)
            return False
        if fresh["subject"] != state.get("subject", fresh["subject"]):
            log.warning("The provider answers with another person for %s", user.name)
            return False
        # Stored here and not by each request that waits, so that no older answer can replace a newer one.
        await user.save_auth_state(fresh)
        user.sync_groups(fresh["groups"])
        if user.name not in self.always_in and not self._lets_in(fresh["groups"], unknown=True):
            log.info("%s is no longer in the groups of this portal", user.name)
            return False
        return True

    async def _fresh_state(self, user: User, state: dict[str, Any]) -> dict[str, Any]:
        """The state with claims of now, and with new tokens where the old ones are used up."""
        expires_at = state.get("expires_at")
        renewable = bool(state.get("refresh_token"))
        if renewable and expires_at and expires_at - time.time() < MARGIN:
            state, renewable = await self._renewed(user, state), False
        try:
            claims = await self.token_to_user(state)
        except ProviderRefused:
            if not renewable:
                raise
            state = await self._renewed(user, state)
            claims = await self.token_to_user(state)
        return self.build_auth_state_dict(state, claims)

    async def _renewed(self, user: User, state: dict[str, Any]) -> dict[str, Any]:
        """The state with tokens got for the refresh token, stored at once: the old one may be worth nothing from now on."""
        tokens = await self.get_token_info(None, self.build_refresh_token_request_params(state["refresh_token"]))
        lifetime = tokens.pop("expires_in", None)
        renewed = {**state, **{key: value for key, value in tokens.items() if key in state and value}}
        renewed["expires_at"] = time.time() + lifetime if isinstance(lifetime, int | float) else None
        await user.save_auth_state(renewed)
        return renewed

    def _lets_in(self, groups: list[str], *, unknown: bool = False) -> bool:
        """Whether these groups may log in; `unknown` is the answer while nobody can say."""
        wanted = self.access()
        if wanted is None:
            return unknown
        return not wanted or bool(set(wanted) & set(groups))


def _oauth_error(error: HTTPClientError) -> str:
    """The `error` of an OAuth error document (RFC 6749, 5.2), or an empty text."""
    if error.response is None or not 400 <= error.code < 500:
        return ""
    try:
        return str(json.loads(error.response.body).get("error", ""))
    except (ValueError, AttributeError):
        return ""
