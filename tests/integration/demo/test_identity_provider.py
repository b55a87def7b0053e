"""The demo's identity provider is an honest one: what it must refuse it refuses, and its tokens outlive its process."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from portico.demo.catalogue import USERS

from tests.support.demo import RunningIdp, password_of, running_idp, sign_in_fields


@pytest.fixture(scope="module")
def idp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningIdp]:
    with running_idp(tmp_path_factory.mktemp("idp")) as running:
        yield running


class Portal:
    """An OpenID Connect client and the browser of its user."""

    def __init__(self, idp: RunningIdp) -> None:
        self.idp = idp
        self.browser = httpx.Client(base_url=idp.url)
        self.verifier = secrets.token_urlsafe(48)
        digest = hashlib.sha256(self.verifier.encode()).digest()
        self.challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def request(self, **changes: str | None) -> dict[str, str]:
        """An authorization request; None leaves a parameter out."""
        query: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self.idp.client_id,
            "redirect_uri": self.idp.redirect_uri,
            "scope": "openid profile email",
            "state": "a state",
            "nonce": "a nonce",
            "code_challenge": self.challenge,
            "code_challenge_method": "S256",
            **changes,
        }
        return {name: value for name, value in query.items() if value is not None}

    def ask(self, **changes: str | None) -> httpx.Response:
        return self.browser.get("/authorize", params=self.request(**changes))

    def sign_in(self, user: str = "qubit", password: str | None = None) -> httpx.Response:
        page = self.ask()
        return self.browser.post(page.url, data=sign_in_fields(page.text, user, password))

    def code(self, user: str = "qubit") -> str:
        return code_of(self.sign_in(user))

    def exchange(self, code: str, **changes: str | None) -> httpx.Response:
        return self.grant(
            **{
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": self.idp.redirect_uri,
                "code_verifier": self.verifier,
                **changes,
            }
        )

    def refresh(self, token: str, **changes: str | None) -> httpx.Response:
        return self.grant(**{"grant_type": "refresh_token", "refresh_token": token, **changes})

    def grant(self, **fields: str | None) -> httpx.Response:
        """Ask the token endpoint, as this client unless told otherwise; None leaves a field out."""
        form = {"client_id": self.idp.client_id, "client_secret": self.idp.client_secret, **fields}
        return self.browser.post("/token", data={name: value for name, value in form.items() if value is not None})

    def tokens(self, user: str = "qubit") -> dict[str, Any]:
        return dict(self.exchange(self.code(user)).json())

    def userinfo(self, token: str) -> httpx.Response:
        return httpx.get(f"{self.idp.url}/userinfo", headers={"Authorization": f"Bearer {token}"})


@pytest.fixture
def portal(idp: RunningIdp) -> Portal:
    return Portal(idp)


def code_of(answer: httpx.Response) -> str:
    assert answer.status_code in (302, 303), answer.text
    return parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]


# -- the page -------------------------------------------------------------------------------------------------------------------------


def test_the_page_asks_for_username_and_password(portal: Portal) -> None:
    page = portal.ask()

    assert page.status_code == 200
    for label in ("Username", "Password"):
        (field,) = re.findall(rf'<label for="(\w+)">{label}</label>', page.text)
        assert f'id="{field}"' in page.text
    assert re.search(r"<button[^>]*>Sign in</button>", page.text)
    assert "no-store" in page.headers["cache-control"]
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert portal.browser.get("/provider.css").headers["content-type"].startswith("text/css")


@pytest.mark.parametrize(
    ("user", "password"), [("qubit", "wrong"), ("nobody", "wrong"), ("", ""), ("qubit", ""), ("qubit", password_of("flame"))]
)
def test_a_wrong_password_and_an_unknown_name_read_the_same(portal: Portal, user: str, password: str) -> None:
    answer = portal.sign_in(user, password)

    assert answer.status_code in (200, 401)
    assert "location" not in answer.headers
    assert not portal.browser.cookies
    assert "Username or password is wrong." in answer.text


def test_what_was_typed_is_text_in_the_page(portal: Portal) -> None:
    answer = portal.sign_in('"><script>alert(1)</script>', "x")

    assert "<script>" not in answer.text


def test_a_session_signs_in_without_a_password(portal: Portal) -> None:
    portal.code()

    assert code_of(portal.ask())


# -- who may ask ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "unknown"},
        {"client_id": None},
        {"redirect_uri": None},
        {"redirect_uri": "http://evil.example/hub/oauth_callback"},
        {"redirect_uri": "APPENDED"},
        {"code_challenge": None},
        {"code_challenge_method": None},
        {"code_challenge_method": "plain"},
        {"response_type": "token"},
    ],
    ids=str,
)
def test_an_authorization_request_that_is_no_good_goes_nowhere(portal: Portal, changes: dict[str, str | None]) -> None:
    if changes.get("redirect_uri") == "APPENDED":
        changes = {"redirect_uri": portal.idp.redirect_uri + "/more"}

    answer = portal.ask(**changes)

    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert "<form" not in answer.text


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_verifier": None}, "invalid_grant"),
        ({"code_verifier": "w" * 43}, "invalid_grant"),
        ({"code": "guessed"}, "invalid_grant"),
        ({"redirect_uri": "http://coec.localhost/hub/oauth_callback"}, "invalid_grant"),
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_secret": None}, "invalid_client"),
        ({"client_id": "portal-coec"}, "invalid_client"),
        ({"client_id": "portal-coec", "client_secret": "secret-of-coec"}, "invalid_grant"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
    ids=str,
)
def test_a_code_is_exchanged_for_nobody_else(portal: Portal, changes: dict[str, str | None], error: str) -> None:
    code = portal.code()

    answer = portal.exchange(**{"code": code, **changes})

    assert answer.status_code in (400, 401)
    assert answer.json()["error"] == error
    assert "access_token" not in answer.text


def test_a_code_works_once(portal: Portal) -> None:
    code = portal.code()
    assert portal.exchange(code).status_code == 200

    again = portal.exchange(code)

    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


# -- what one gets --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("user", USERS, ids=lambda user: user.name)
def test_userinfo_tells_groups_and_accounts(portal: Portal, user: Any) -> None:
    claims = portal.userinfo(portal.tokens(user.name)["access_token"]).json()

    assert claims["sub"]
    assert claims["name"]
    assert claims["preferred_username"] == user.name
    assert claims["email"] == user.email
    assert claims["groups"] == list(user.groups)
    assert claims["hpc_infos_attribute"] == user.claim
    assert all(len(line.split(",")) == 4 for line in claims["hpc_infos_attribute"])


def test_the_id_token_is_signed_with_the_published_key(portal: Portal) -> None:
    tokens = portal.tokens()
    discovery = portal.browser.get("/.well-known/openid-configuration").json()
    keys = jwt.PyJWKSet.from_dict(portal.browser.get(urlsplit(discovery["jwks_uri"]).path).json())

    claims = jwt.decode(tokens["id_token"], keys.keys[0].key, algorithms=["RS256"], audience=portal.idp.client_id, issuer=portal.idp.issuer)
    assert (claims["nonce"], claims["sub"]) == ("a nonce", "qubit")
    assert tokens["token_type"] == "Bearer"


@pytest.mark.parametrize("token", ["wrong", "ID", "REFRESH"])
def test_userinfo_wants_an_access_token(portal: Portal, token: str) -> None:
    tokens = portal.tokens()
    token = {"ID": tokens["id_token"], "REFRESH": tokens["refresh_token"]}.get(token, token)

    assert portal.userinfo(token).status_code == 401


def test_a_refresh_token_gives_a_new_access_token_to_its_client_only(portal: Portal) -> None:
    tokens = portal.tokens()

    fresh = portal.refresh(tokens["refresh_token"])

    assert fresh.status_code == 200
    assert portal.userinfo(fresh.json()["access_token"]).status_code == 200
    assert portal.refresh(tokens["access_token"]).status_code == 400
    assert portal.refresh(tokens["refresh_token"], client_id="portal-coec", client_secret="secret-of-coec").status_code == 400


# -- the end of a session -------------------------------------------------------------------------------------------------------------


def test_logging_out_ends_session_and_tokens(portal: Portal) -> None:
    tokens = portal.tokens()

    portal.browser.get("/logout")

    assert portal.ask().status_code == 200
    assert "<form" in portal.ask().text
    assert portal.userinfo(tokens["access_token"]).status_code == 401
    assert portal.refresh(tokens["refresh_token"]).status_code == 400


@dataclass(frozen=True)
class Way:
    target: str
    followed: bool


@pytest.mark.parametrize(
    "way",
    [
        Way("PORTAL/", followed=True),
        Way("PORTAL/hub/login?x=1", followed=True),
        Way("http://evil.example/", followed=False),
        Way("PORTAL.evil.example/", followed=False),
        Way("PORTAL@evil.example/", followed=False),
        Way("//evil.example/", followed=False),
        Way("javascript:alert(1)", followed=False),
        Way("", followed=False),
    ],
    ids=lambda way: way.target or "nothing",
)
def test_a_log_out_leads_back_to_a_portal_only(portal: Portal, way: Way) -> None:
    target = way.target.replace("PORTAL", portal.idp.redirect_uri.removesuffix("/hub/oauth_callback"))

    answer = portal.browser.get("/logout", params={"post_logout_redirect_uri": target})

    if way.followed:
        assert answer.headers["location"] == target
    else:
        assert (answer.status_code, "location" in answer.headers) == (200, False)
        assert "signed out" in answer.text


def test_tokens_and_sessions_outlive_the_process_and_log_outs_too(tmp_path_factory: pytest.TempPathFactory) -> None:
    with running_idp(tmp_path_factory.mktemp("restarted")) as idp:
        staying, leaving = Portal(idp), Portal(idp)
        kept, ended = staying.tokens(), leaving.tokens("flame")
        leaving.browser.get("/logout")

        idp.process.kill()
        idp.process.start()

        assert staying.userinfo(kept["access_token"]).status_code == 200
        assert staying.refresh(kept["refresh_token"]).status_code == 200
        assert code_of(staying.ask())
        assert leaving.userinfo(ended["access_token"]).status_code == 401
        assert "qubit-demo" not in idp.process.log
