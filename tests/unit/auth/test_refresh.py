"""Staying logged in: what each answer of the provider does to a session (hostile inputs 76 to 78).

The provider's answers are given, since no provider fails on demand; the login itself is tried with a real one in tests/integration/hub.
"""

import asyncio
import time
from typing import Any

import pytest
from portico.auth.authenticator import PorticoAuthenticator, ProviderAway, ProviderRefused

CLAIMS = {"sub": "1", "preferred_username": "qubit", "groups": ["quantum"], "hpc_infos_attribute": ["new"]}
STATE = {
    "access_token": "old",
    "refresh_token": "refresh-1",
    "id_token": "id",
    "token_type": "Bearer",
    "expires_at": None,
    "subject": "1",
    "display_name": "Q",
    "groups": ["quantum"],
    "accounts": ["old"],
}


class Provider(PorticoAuthenticator):
    """Gives the answers that it is told to, in order; the last one again and again."""

    def answer(self, *, userinfo: list[Any], tokens: list[Any] | None = None) -> None:
        self.userinfo, self.tokens = userinfo, tokens or []
        self.asked: list[str] = []

    async def token_to_user(self, token_info: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(f"userinfo {token_info['access_token']}")
        await asyncio.sleep(0)
        return self._next(self.userinfo)

    async def get_token_info(self, handler: object, params: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(f"token {params['refresh_token']}")
        await asyncio.sleep(0)
        return self._next(self.tokens)

    @staticmethod
    def _next(answers: list[Any]) -> Any:
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)


class Person:
    """The part of JupyterHub's user that the authenticator touches."""

    def __init__(self, state: dict[str, Any] | None) -> None:
        self.name, self.admin, self.state = "qubit", False, state
        self.groups: list[str] = []

    async def get_auth_state(self) -> dict[str, Any] | None:
        return dict(self.state) if self.state else None

    async def save_auth_state(self, state: dict[str, Any]) -> None:
        await asyncio.sleep(0)
        self.state = state

    def sync_groups(self, groups: list[str]) -> None:
        self.groups = groups


FRESH = {"access_token": "new", "refresh_token": "refresh-2", "expires_in": 300}
SOON = {**STATE, "expires_at": time.time() + 5}


@pytest.mark.parametrize(
    ("case", "state", "userinfo", "tokens", "stays", "token", "asked"),
    [
        ("all is well", STATE, [CLAIMS], [], True, "old", 1),
        ("no state", None, [CLAIMS], [], False, None, 0),
        ("the provider is away", STATE, [ProviderAway("503")], [], True, "old", 1),
        ("the token is used up", STATE, [ProviderRefused("401"), CLAIMS], [FRESH], True, "new", 3),
        ("it is used up soon", SOON, [CLAIMS], [FRESH], True, "new", 2),
        ("and the provider is away", STATE, [ProviderRefused("401")], [ProviderAway("503")], True, "old", 2),
        ("and so is the refresh token", STATE, [ProviderRefused("401")], [ProviderRefused("invalid_grant")], False, "old", 2),
        ("the user is disabled", STATE, [ProviderRefused("401")], [FRESH], False, "new", 3),
        ("there is no refresh token", {**STATE, "refresh_token": None}, [ProviderRefused("401")], [], False, "old", 1),
        ("it is somebody else", STATE, [{**CLAIMS, "sub": "2"}], [], False, "old", 1),
    ],
)
async def test_only_a_provider_that_says_no_ends_a_session(
    case: str, state: dict[str, Any] | None, userinfo: list[Any], tokens: list[Any], stays: bool, token: str | None, asked: int
) -> None:
    provider, person = Provider(), Person(state)
    provider.answer(userinfo=list(userinfo), tokens=list(tokens))
    assert await provider.refresh_user(person) is stays, case
    assert (person.state or {}).get("access_token") == token
    assert len(provider.asked) == asked


async def test_parallel_requests_of_one_user_make_one_refresh() -> None:
    provider, person = Provider(), Person(dict(SOON))
    provider.answer(userinfo=[CLAIMS], tokens=[FRESH, ProviderRefused("a refresh token that is used twice")])
    assert all(await asyncio.gather(*(provider.refresh_user(person) for _ in range(20))))
    assert provider.asked == ["token refresh-1", "userinfo new"]


async def test_fresh_claims_are_stored_and_the_groups_follow() -> None:
    provider, person = Provider(), Person(dict(STATE))
    provider.answer(userinfo=[{**CLAIMS, "groups": "training"}])
    assert await provider.refresh_user(person)
    assert person.state
    assert person.state["accounts"] == ["new"]
    assert person.groups == ["training"]


@pytest.mark.parametrize(
    ("access", "stays"), [([], True), (["quantum"], True), (["others"], False), (["others", "quantum"], True), (None, True)]
)
async def test_who_leaves_the_portals_groups_is_logged_out(access: list[str] | None, stays: bool) -> None:
    provider, person = Provider(access=lambda: access), Person(dict(STATE))
    provider.answer(userinfo=[CLAIMS])
    assert await provider.refresh_user(person) is stays


async def test_new_tokens_are_kept_even_where_the_claims_then_fail() -> None:
    provider, person = Provider(), Person(dict(SOON))
    provider.answer(userinfo=[ProviderAway("503")], tokens=[FRESH])
    assert await provider.refresh_user(person)
    assert person.state
    assert person.state["refresh_token"] == "refresh-2"


async def test_a_good_answer_serves_the_same_start_twice_and_a_bad_one_is_asked_again() -> None:
    provider, person = Provider(), Person(dict(STATE))
    provider.answer(userinfo=[CLAIMS])
    assert await provider.refresh_user(person)
    assert await provider.refresh_user(person)
    assert provider.asked == ["userinfo old"]

    stranger = Provider()
    stranger.answer(userinfo=[{**CLAIMS, "sub": "2"}])
    assert not await stranger.refresh_user(person)
    assert not await stranger.refresh_user(person)
    assert stranger.asked == ["userinfo old", "userinfo old"]
