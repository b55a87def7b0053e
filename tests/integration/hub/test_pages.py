"""The pages of a portal, from outside."""

import re

import pytest

from tests.integration.hub.world import TENANT, World, log_in

MISSING = [f"/hub/{path}" for path in ("token", "admin", "accept-share?code=x", "nothing", "page/nothing", "labs/nothing")]
OUTSIDE = [f"{up}/manifest.json" for up in ("..", "%2e%2e", "%252e%252e")] + ["x%00.svg", "/etc/passwd", "nothing.svg"]
LAYOUT = b'{% extends "layout.html" %}{% block main %}<h1>'


def test_the_landing_page_is_the_tenants_and_leads_to_the_login(world: World) -> None:
    with world.somebody() as visitor:
        page = visitor.http.get("/")
        assert page.status_code == 200
        assert "JUNIQ" in page.text
        assert "/hub/oauth_login" in page.text
        assert "Borealis" in page.text


def test_a_portal_without_a_version_has_pages_and_lets_its_admins_alone_in(world: World) -> None:
    world.store.deactivate(TENANT)
    try:
        with world.logged_in("ada", "ada") as admin:
            home = admin.http.get("/hub/home").text
            assert "This portal is being set up" in home
            assert 'href="/hub/portal"' in home
        with world.somebody() as visitor:
            page = visitor.http.get("/hub/login", headers={"Accept-Language": "de"}).text
            assert "Dieses Portal hat noch keine Fassung" in page
            files = re.findall(r'(?:href|src)="(/hub/product/[^"]+)"', page)
            assert files
            assert {visitor.http.get(file).status_code for file in files} == {200}
            refused = log_in(visitor, "qubit")
            assert refused.status_code == 403
            assert "This portal has no version to show yet." in refused.text
            missing = visitor.http.get("/hub/nothing")
            assert (missing.status_code, "There is no such page" in missing.text) == (404, True)
    finally:
        world.publish()


def test_every_page_forbids_what_it_does_not_need(world: World) -> None:
    with world.logged_in() as visitor:
        for path in ("/hub/home", "/hub/page/quantum", "/hub/labs/nothing", "/hub/error/503"):
            headers = visitor.http.get(path).headers
            policy = headers["content-security-policy"]
            assert "default-src 'self'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "base-uri 'none'" in policy
            assert "unsafe-inline" not in policy
            assert headers["x-content-type-options"] == "nosniff"
            assert re.fullmatch(r"[0-9a-f]{32}", headers["x-correlation-id"])


def test_a_returning_browser_gets_the_new_look_with_its_next_page(world: World) -> None:
    with world.logged_in() as visitor:
        before = visitor.http.get("/hub/page/quantum").text
        world.publish(**{"templates/pages/quantum.html": LAYOUT + b"New words</h1>{% endblock %}"})
        after = visitor.http.get("/hub/page/quantum").text
        world.publish()
        assert "Quantum systems" in before
        assert "New words" in after
        digests = [re.findall(r"/hub/brand/([0-9a-f]{32})/", page) for page in (before, after)]
        assert [len(set(found)) for found in digests] == [1, 1]
        assert digests[0][0] != digests[1][0]
        for digest in (digests[0][0], digests[1][0]):
            assert visitor.http.get(f"/hub/brand/{digest}/logo.svg").status_code == 200


def test_a_template_that_fails_at_serving_still_leaves_a_page(world: World) -> None:
    world.publish(**{"templates/landing.html": b"{{ 1 // 0 }}"})
    try:
        with world.somebody() as visitor:
            page = visitor.http.get("/hub/login")
            assert page.status_code == 200
            assert "/hub/oauth_login" in page.text
    finally:
        world.publish()


def test_a_portal_without_a_snapshot_says_so(world: World) -> None:
    link = world.state / "snapshots" / "juniq" / "current"
    digest = link.readlink()
    link.unlink()
    try:
        with world.somebody() as visitor:
            page = visitor.http.get("/hub/login")
            assert page.status_code == 200
            assert "/hub/oauth_login" in page.text
            assert visitor.http.get("/hub/nothing").status_code == 404
    finally:
        link.symlink_to(digest)


@pytest.mark.parametrize("path", MISSING)
def test_what_a_portal_does_not_have_is_missing_in_its_own_look(world: World, path: str) -> None:
    with world.logged_in() as visitor:
        page = visitor.http.get(path)
        assert page.status_code == 404
        assert "There is no such page" in page.text
        assert "JupyterHub" not in page.text
        assert "Quantum developer" in page.text


def test_an_own_page_answers_without_a_login(world: World) -> None:
    with world.somebody() as visitor:
        page = visitor.http.get("/hub/page/quantum")
        assert page.status_code == 200
        assert "Quantum systems" in page.text


def test_a_page_speaks_the_browsers_language(world: World) -> None:
    with world.somebody() as visitor:
        german = visitor.http.get("/hub/login", headers={"Accept-Language": "de-DE,de;q=0.9,en;q=0.5"}).text
        french = visitor.http.get("/hub/login", headers={"Accept-Language": "fr"}).text
        assert '<html lang="de"' in german
        assert '<html lang="en"' in french


def test_a_static_file_may_be_kept_for_ever_and_runs_nothing(world: World) -> None:
    with world.somebody() as visitor:
        address = re.search(r'src="(/hub/brand/[^"]+/logo\.svg)"', visitor.http.get("/hub/login").text)
        assert address
        answer = visitor.http.get(address.group(1))
        assert answer.headers["content-type"] == "image/svg+xml"
        assert "immutable" in answer.headers["cache-control"]
        assert "sandbox" in answer.headers["content-security-policy"]
        assert visitor.http.get(address.group(1), headers={"If-None-Match": answer.headers["etag"]}).status_code == 304


@pytest.mark.parametrize("path", OUTSIDE)
def test_only_a_snapshots_own_files_are_served(world: World, path: str) -> None:
    """Hostile input 3."""
    with world.somebody() as visitor:
        snapshot = world.store.current("juniq")
        assert snapshot
        assert visitor.http.get(f"/hub/brand/{snapshot.digest}/{path}").status_code in (302, 400, 404)
        assert visitor.http.get(f"/hub/brand/{'0' * 32}/logo.svg").status_code == 404
