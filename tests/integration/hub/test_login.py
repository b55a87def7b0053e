"""Login, staying logged in, logout (hostile inputs 71 to 80)."""

import re
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.integration.hub.world import BUNDLE, GOOD, QUBIT, World, log_in

MEMBERS_ONLY = BUNDLE["tenant.toml"] + b'[access]\ngroups = ["quantum"]\n'


def test_a_login_goes_over_the_provider_with_pkce_and_ends_at_home(world: World) -> None:
    with world.somebody() as visitor:
        away = visitor.http.get("/hub/oauth_login", follow_redirects=False).headers["location"]
        asked = parse_qs(urlsplit(away).query)
        assert asked["code_challenge_method"] == ["S256"]
        page = log_in(visitor, "qubit")
        assert page.url.path == "/hub/home"
        assert "Quantum developer" in page.text


def test_whoever_wanted_a_page_gets_there_after_the_login(world: World) -> None:
    with world.somebody() as visitor:
        landing = visitor.http.get("/hub/labs/x")
        assert landing.url.path == "/hub/login"
        assert "Log in to go on." in landing.text
        link = re.search(r'href="(/hub/oauth_login[^"]*)"', landing.text)
        assert link
        page = visitor.http.get(link.group(1))
        assert visitor.http.post(str(page.url), data={"sub": "qubit"}).url.path == "/hub/labs/x"


@pytest.mark.parametrize("target", ["//evil.example/", "https://evil.example/", "/\\evil.example/"])
def test_a_login_never_leads_elsewhere(world: World, target: str) -> None:
    with world.somebody() as visitor:
        page = visitor.http.get("/hub/oauth_login", params={"next": target})
        answer = visitor.http.post(str(page.url), data={"sub": "qubit"})
        assert answer.url.host == "juniq.localhost"


@pytest.mark.parametrize(
    "query", ["", "?code=x", "?code=x&state=y", "?error=access_denied&error_description=No", "?code=x&state=eyJzdGF0ZV9pZCI6ICJ4In0="]
)
def test_a_callback_that_belongs_to_no_login_is_refused_in_the_tenants_look(world: World, query: str) -> None:
    with world.somebody() as visitor:
        answer = visitor.http.get(f"/hub/oauth_callback{query}")
        assert answer.status_code == 400
        assert "JUNIQ" in answer.text
        assert "Log in again." in answer.text


def test_a_callback_is_good_once(world: World) -> None:
    with world.somebody() as visitor:
        page = visitor.http.get("/hub/oauth_login")
        callback = visitor.http.post(str(page.url), data={"sub": "qubit"}, follow_redirects=False).headers["location"]
        state = next(cookie for cookie in visitor.http.cookies.jar if cookie.name == "oauthenticator-state")
        assert visitor.http.get(callback).status_code == 200
        assert visitor.http.get(callback).status_code == 400
        again = visitor.http.get(callback, headers={"Cookie": f"oauthenticator-state={state.value}"})
        assert again.status_code in (400, 403, 503)
        assert "JUNIQ" in again.text


@pytest.mark.parametrize("name", ["", "../qubit", "qu bit", "qübit", "\uff51ubit", ["qubit"], None, "a" * 200, "root\n"])
def test_a_name_that_could_be_mistaken_is_refused(world: World, name: object) -> None:
    world.claims("strange", {"preferred_username": name})
    with world.somebody() as visitor:
        answer = log_in(visitor, "strange")
        assert answer.status_code == 403
        assert "JUNIQ" in answer.text


def test_two_people_never_share_a_name(world: World) -> None:
    world.claims("impostor", {"preferred_username": "QUBIT"})
    with world.logged_in(), world.somebody() as visitor:
        answer = log_in(visitor, "impostor")
        assert answer.status_code == 403
        assert "belongs to somebody else" in answer.text


@pytest.mark.parametrize("claim", [None, "qubit1,BOREALIS,qsim,q@example.org", ["x"], [["y"]], {"a": 1}, 7, [None]])
def test_whatever_the_claim_of_accounts_is_the_login_works(world: World, claim: object) -> None:
    world.claims("claimant", {"preferred_username": "claimant", "groups": claim, "hpc_infos_attribute": claim})
    with world.logged_in("claimant", "claimant") as visitor:
        page = visitor.http.get("/hub/home")
        assert page.status_code == 200
        assert ('value="borealis"' in page.text) == isinstance(claim, str)


def test_claims_are_fresh_at_each_start(world: World) -> None:
    world.claims("changing", {**QUBIT, "preferred_username": "changing"})
    with world.logged_in("changing", "changing") as visitor:
        world.claims("changing", {"preferred_username": "changing"})
        answer = visitor.start(**GOOD)
        assert answer.status_code == 403
        assert "without an account" in answer.text


def test_who_is_disabled_at_the_provider_starts_nothing_any_more(world: World) -> None:
    world.claims("leaver", {**QUBIT, "preferred_username": "leaver"})
    with world.logged_in("leaver", "leaver") as visitor:
        httpx.post(f"{world.idp}/users/leaver/revoke-tokens").raise_for_status()
        answer = visitor.start(**GOOD)
        assert answer.status_code == 302
        assert answer.headers["location"].startswith("/hub/login")
        api = visitor.http.post("/hub/api/users/leaver/servers/x", json=GOOD, headers={"X-XSRFToken": visitor.xsrf})
        assert api.status_code == 403


def test_a_group_that_is_left_ends_the_login_at_the_next_refresh(world: World) -> None:
    world.publish(**{"tenant.toml": MEMBERS_ONLY})
    try:
        world.claims("member", {**QUBIT, "preferred_username": "member"})
        with world.logged_in("member", "member") as visitor:
            world.claims("member", {"preferred_username": "member", "groups": []})
            assert visitor.start(**GOOD).status_code == 302
        with world.somebody() as stranger:
            answer = log_in(stranger, "member")
            assert answer.status_code == 403
            assert "not in one of the groups" in answer.text
    finally:
        world.publish()


def test_a_logout_ends_the_session_here_and_at_the_provider(world: World) -> None:
    with world.logged_in() as visitor:
        answer = visitor.http.get("/hub/logout", follow_redirects=False)
        target = urlsplit(answer.headers["location"])
        assert f"{target.scheme}://{target.netloc}" == world.idp
        asked = parse_qs(target.query)
        assert asked["post_logout_redirect_uri"] == [f"http://juniq.localhost:{world.port}/hub/login"]
        assert asked["id_token_hint"]
        back = visitor.http.get(asked["post_logout_redirect_uri"][0], params={"state": asked["state"][0]})
        assert "You are logged out." in back.text
        assert visitor.http.get("/hub/home").url.path == "/hub/login"


def test_tokens_stand_in_no_log_and_no_page(world: World) -> None:
    with world.logged_in() as visitor:
        pages = "".join(visitor.http.get(path).text for path in ("/hub/home", "/hub/page/quantum", "/hub/nothing"))
        log = (world.state / "logs" / "hub-juniq.jsonl").read_text()
        for secret in ("client", "backend", "crypt", "cookie"):
            value = (world.directory / secret).read_text()
            assert value not in pages
            assert value not in log
        assert "access_token" not in pages
        assert not re.search(r"[?&](code|state|_xsrf)=[^*]", log)
