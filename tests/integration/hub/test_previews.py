"""Live previews: whoever follows a signed link sees a branch's candidate for real, and nothing but its looks."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from portico.hub.preview import COOKIE, Signer

from tests.integration.hub.world import BUNDLE, GOOD, World, until
from tests.support.visitor import Visitor

PAGE = b'{% extends "layout.html" %}{% block main %}<h1>Candidate</h1>{% endblock %}'
BAR = "You see a preview of branch summer, commit cccccccccccc."


@pytest.fixture
def digest(world: World) -> str:
    """A candidate that changes all that a bundle may say, kept for a preview."""
    toml = BUNDLE["tenant.toml"].replace(b'title = "JUNIQ"', b'title = "NEXT"').replace(b'"qsim", "train*"', b'"combust"')
    toml += b'[access]\ngroups = ["nobody"]\n[defaults]\nruntime = 77\n'
    digest = world.candidate(**{"tenant.toml": toml, "templates/pages/quantum.html": PAGE, "lab/overrides.json": b'{"x:y": {"z": 1}}'})
    world.sync.previews(digest)
    return digest


def signer(world: World, tenant: str = "juniq") -> Signer:
    return Signer(world.settings.tenants[0].cookie_secret_file.read_text().strip(), tenant)


def link(world: World, digest: str, **changes: float) -> str:
    ends = datetime.now(UTC) + timedelta(**(changes or {"days": 7}))
    return f"/hub/preview/{signer(world).sign('link', digest, ends)}"


@contextlib.contextmanager
def following(world: World, digest: str) -> Iterator[Visitor]:
    with world.somebody() as visitor:
        visitor.http.get(link(world, digest))
        yield visitor


def test_the_admins_page_has_the_link_that_works(world: World, digest: str) -> None:
    with world.logged_in("ada", "ada") as admin:
        found = re.search(r'href="http://[^/"]+(/hub/preview/[^"]+)"', admin.http.get("/hub/portal").text)
    assert found
    with world.somebody() as visitor:
        page = visitor.http.get(found.group(1))
        assert page.url.path == "/hub/login"
        assert "NEXT" in page.text
        assert BAR in page.text


def test_a_follower_sees_the_candidate_on_every_page_and_nobody_else_does(world: World, digest: str) -> None:
    with following(world, digest) as follower, world.somebody() as other:
        for path, status in (("/hub/login", 200), ("/hub/page/quantum", 200), ("/hub/nothing", 404), ("/hub/error/503", 503)):
            page = follower.http.get(path)
            assert page.status_code == status
            assert page.text.startswith('<!doctype html>\n<link rel="stylesheet" href="/hub/product/')
            assert BAR in page.text
            assert f"/hub/brand/{digest}/" in page.text
            assert page.headers["cache-control"] == "no-store"
            plain = other.http.get(path).text
            assert digest not in plain
            assert "preview" not in plain
        assert "Candidate" in follower.http.get("/hub/page/quantum").text
        for address in re.findall(r'(?:href|src)="(/hub/(?:product|brand)/[^"]+)"', follower.http.get("/hub/login").text):
            assert follower.http.get(address).status_code == 200, address


def test_no_link_stands_in_the_log(world: World, digest: str) -> None:
    with following(world, digest):
        until(lambda: any("/hub/preview/***" in str(line.get("path")) for line in world.log_lines()))
    signature = link(world, digest).rsplit(".", 1)[1]
    assert not [line for line in world.log_lines() if signature in str(line) or f"/preview/{digest}" in str(line)]


def test_the_cookie_is_for_the_hubs_pages_alone_and_scripts_cannot_read_it(world: World, digest: str) -> None:
    with world.somebody() as visitor:
        answer = visitor.http.get(link(world, digest), follow_redirects=False)
    cookie = next(value for value in answer.headers.get_list("set-cookie") if value.startswith(COOKIE))
    for attribute in ("HttpOnly", "SameSite=Lax", "Path=/hub/"):
        assert attribute in cookie
    assert "expires" not in cookie.lower()
    assert answer.headers["cache-control"] == "no-store"


def test_a_click_ends_it(world: World, digest: str) -> None:
    with following(world, digest) as follower:
        assert "NEXT" in follower.http.get("/hub/login").text
        assert follower.http.post("/hub/preview/end", data={}, follow_redirects=False).status_code == 403
        assert BAR in follower.http.get("/hub/preview/end").text
        answer = follower.post("/hub/preview/end")
        assert (answer.status_code, answer.headers["location"]) == (303, "/hub/")
        page = follower.http.get("/hub/login").text
        assert "JUNIQ" in page
        assert "preview" not in page


@pytest.mark.parametrize("how", ["ended", "collected", "expired", "another branch's"])
def test_a_preview_that_is_over_falls_back_to_what_is_live_and_says_so_once(world: World, digest: str, how: str) -> None:
    with following(world, digest) as follower:
        if how == "collected":
            world.sync.previews("f" * 32)
        elif how == "expired":
            world.sync.previews(digest, hours=-1)
        elif how == "ended":
            world.sync.knows(previews=[])
        else:
            world.sync.previews(world.store.live("juniq") or "")
        page = follower.http.get("/hub/login").text
        assert "The preview has ended. You see the live portal." in page
        assert "JUNIQ" in page
        assert digest not in page
        assert "preview" not in follower.http.get("/hub/login").text


def test_a_link_whose_preview_is_over_says_so(world: World, digest: str) -> None:
    with world.somebody() as visitor:
        expired = visitor.http.get(link(world, digest, seconds=-1))
        world.sync.knows(previews=[])
        ended = visitor.http.get(link(world, digest))
        for page in (expired, ended):
            assert page.status_code == 410
            assert "This preview has ended." in page.text
            assert COOKIE not in page.headers.get("set-cookie", "")


def test_forged_links_and_cookies_open_nothing(world: World, digest: str) -> None:
    week = datetime.now(UTC) + timedelta(days=7)
    ours, theirs = signer(world), signer(world, "coec")
    guessed = Signer("guessed", "juniq")
    good = ours.sign("link", digest, week)
    changed = ("1" if good.startswith("0") else "0") + good[1:]
    forged = [
        theirs.sign("link", digest, week),
        guessed.sign("link", digest, week),
        ours.sign("cookie", digest, week),
        changed,
        good[:-1],
    ]
    with world.somebody() as visitor:
        for token in forged:
            answer = visitor.http.get(f"/hub/preview/{token}", follow_redirects=False)
            assert answer.status_code == 404
            assert COOKIE not in answer.headers.get("set-cookie", "")
    for cookie in (good, theirs.sign("cookie", digest, week), guessed.sign("cookie", digest, week), "x", "", digest):
        headers = {"Host": "juniq.localhost", "Cookie": f"{COOKIE}={cookie}"}
        page = httpx.get(f"http://127.0.0.1:{world.port}/hub/login", headers=headers).text
        assert digest not in page
        assert "JUNIQ" in page


def test_a_snapshot_that_is_no_preview_is_not_shown_by_a_signature_alone(world: World, digest: str) -> None:
    other = world.candidate(**{"templates/pages/quantum.html": PAGE + b"<!-- secret -->"})
    with world.somebody() as visitor:
        assert visitor.http.get(link(world, other)).status_code == 410


def test_what_a_candidate_decides_beyond_looks_counts_for_nothing(world: World, digest: str) -> None:
    with world.logged_in() as user:
        user.http.get(link(world, digest))
        home = user.http.get("/hub/home")
        assert home.status_code == 200  # its access groups would let nobody in
        assert BAR in home.text
        assert 'value="qsim"' in home.text  # the live filter's project, and not the candidate's
        assert 'value="combust"' not in home.text
        assert 'value="77"' not in home.text
        assert (
            user.start(**{**GOOD, "account": "qubit1", "system": "aurora", "partition": "batch", "project": "combust"}).status_code == 403
        )
        started = user.start(**{**GOOD, "title": "From a preview"})
        assert started.status_code == 303
        name = started.headers["location"].rsplit("/", 1)[1]
        lab = until(lambda: next((lab for lab in world.backend.labs.values() if lab.request["name"] == name), None))
        assert lab.request["overrides"] == {}  # the live snapshot's; the candidate has some
        assert BAR in user.http.get(f"/hub/labs/{name}").text
        user.post(f"/hub/labs/{name}/stop")
    with following(world, digest) as follower:
        page = follower.http.get("/hub/oauth_login")
        assert follower.http.post(str(page.url), data={"sub": "qubit"}).url.path == "/hub/home"


def test_the_bar_comes_before_whatever_a_candidate_writes(world: World) -> None:
    swallowing = b"<!doctype html><html><head><!-- <body> <textarea> {{ portal.title }}"
    digest = world.candidate(**{"templates/landing.html": swallowing})
    world.sync.previews(digest)
    with following(world, digest) as follower:
        page = follower.http.get("/hub/login").text
        assert page.index("data-portico-preview") < page.index("<!-- <body>")


def test_the_admins_page_shows_what_is_live_also_in_a_preview(world: World, digest: str) -> None:
    with world.logged_in("ada", "ada") as admin:
        admin.http.get(link(world, digest))
        page = admin.http.get("/hub/portal").text
        assert BAR in page
        assert f"/hub/brand/{world.store.live('juniq')}/portico-tokens.css" in page
        assert f"/hub/brand/{digest}/" not in page
