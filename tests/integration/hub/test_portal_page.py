"""The page of a portal's admins: who sees it, what it tells, and what it asks the sync for."""

import re
import sqlite3

import pytest

from tests.integration.hub.world import BUNDLE, World, until

AT = "2026-01-31T14:05:00+00:00"
MESSAGE = {
    "file": "templates/home.html",
    "line": 7,
    "column": 3,
    "what": "'labz' is not defined on this page.",
    "cure": "Did you mean 'labs'?",
}
ACTIONS = ("sync", "rollback", "pin", "unpin", "revoke", "preview", "unpreview")


def live(world: World) -> str:
    return world.store.live("juniq") or ""


def test_only_the_portals_admins_find_the_page(world: World) -> None:
    with world.logged_in("ada", "ada") as admin:
        assert 'href="/hub/portal"' in admin.http.get("/hub/home").text
        assert admin.http.get("/hub/portal").status_code == 200
    with world.logged_in() as user:
        assert 'href="/hub/portal"' not in user.http.get("/hub/home").text
        page = user.http.get("/hub/portal")
        assert page.status_code == 403
        assert "Only this portal&#39;s admins may see this." in page.text
        assert user.http.get("/hub/portal/news").status_code == 403
    with world.somebody() as visitor:
        assert visitor.http.get("/hub/portal").url.path == "/hub/login"


@pytest.mark.parametrize("action", ACTIONS)
def test_nobody_else_can_do_anything_there(world: World, action: str) -> None:
    fields = {"digest": live(world), "sure": "yes", "branch": "main"}
    with world.logged_in() as user:
        user.http.get("/hub/home")
        assert user.post(f"/hub/portal/{action}", **fields).status_code == 403
    with world.somebody() as visitor:
        assert visitor.http.post(f"/hub/portal/{action}", data=fields, follow_redirects=False).status_code == 403
    with world.logged_in("ada", "ada") as admin:
        admin.http.get("/hub/portal")
        elsewhere = admin.http.post(f"/hub/portal/{action}", data=fields, follow_redirects=False)
        forged = admin.http.post(f"/hub/portal/{action}", data={**fields, "_xsrf": "x"}, follow_redirects=False)
        assert (elsewhere.status_code, forged.status_code) == (403, 403)
        assert admin.http.get(f"/hub/portal/{action}", params=fields, follow_redirects=False).headers["location"] == "/hub/portal"
    assert world.sync.asked == []


def test_a_portals_admin_has_no_power_over_jupyterhub(world: World) -> None:
    with world.logged_in("ada", "ada") as admin, world.logged_in() as user:
        mine, hers = (person.http.get("/hub/api/user").json() for person in (user, admin))
        assert hers["admin"] is False
        assert {scope.replace("ada", "qubit") for scope in hers["scopes"]} == set(mine["scopes"])
        assert admin.http.get("/hub/api/users/qubit").status_code == 404
        assert admin.http.get("/hub/admin").status_code == 404


def test_who_was_jupyterhubs_admin_once_is_none_after_the_next_start(world: World) -> None:
    with world.logged_in("ada", "ada") as admin:
        world.end_hub()
        with sqlite3.connect(world.state / "hubs" / "juniq" / "jupyterhub.sqlite") as database:
            database.execute("UPDATE users SET admin = 1 WHERE name = 'ada'")
        world.start_hub()
        until(lambda: admin.http.get("/hub/api/user").status_code == 200)
        me = admin.http.get("/hub/api/user").json()
        assert "admin:users" not in me["scopes"]
        assert me["admin"] is False


def test_the_page_tells_what_is_live_what_was_refused_and_what_was_before(world: World) -> None:
    digest = live(world)
    older = world.candidate(**{"static/older.svg": BUNDLE["static/logo.svg"]})
    world.sync.knows(
        commit="a" * 40, snapshot=digest, activated_at=AT, candidate="b" * 40, checked_at=AT, behind=2, findings=[MESSAGE],
        error="templates/home.html:7:3: no", hold=None,
        history=[
            {"at": AT, "event": "live", "commit": "d" * 40, "digest": older, "subject": "An older one", "by": ""},
            {"at": AT, "event": "live", "commit": "a" * 40, "digest": digest, "subject": "Say <hello>"},
            {"at": AT, "event": "refused", "commit": "b" * 40, "subject": "Break it", "finding": "templates/home.html:7:3: no"},
        ],
    )  # fmt: skip
    with world.logged_in("ada", "ada") as admin:
        page = admin.http.get("/hub/portal").text
    for words in (
        "Say &lt;hello&gt;",
        "aaaaaaaaaaaa",
        "2 commits ahead",
        "templates/home.html:7:3",
        "Did you mean &#39;labs&#39;?",
        "Break it",
    ):
        assert words in page
    assert re.findall(r'action="/hub/portal/rollback".*?name="digest" value="([0-9a-f]+)"', page, re.DOTALL) == [older]


def test_what_the_admin_asks_for_reaches_the_sync_with_her_name(world: World) -> None:
    digest = live(world)
    with world.logged_in("ada", "ada") as admin:
        admin.http.get("/hub/portal")
        for action, fields in (
            ("sync", {}),
            ("rollback", {"digest": digest}),
            ("pin", {"digest": digest}),
            ("unpin", {}),
            ("revoke", {"digest": digest, "sure": "yes"}),
            ("preview", {"branch": "summer/school"}),
            ("unpreview", {"digest": digest}),
        ):
            answer = admin.post(f"/hub/portal/{action}", **fields)
            assert (answer.status_code, answer.headers["location"]) == (303, f"/hub/portal?done={action}")
            fields.pop("sure", None)
            assert world.sync.asked[-1] == {"do": action, "tenant": "juniq", "by": "ada", **fields}
            assert 'role="status"' in admin.http.get(answer.headers["location"]).text
    lines = [line for line in world.log_lines() if line.get("action") == "revoke"]
    assert lines
    assert lines[-1]["user"] == "ada"


def test_a_revocation_is_asked_for_twice(world: World) -> None:
    with world.logged_in("ada", "ada") as admin:
        admin.http.get("/hub/portal")
        answer = admin.post("/hub/portal/revoke", digest=live(world))
        assert world.sync.asked == []
        page = admin.http.get(answer.headers["location"]).text
        assert "Revoke for good" in page
        assert 'name="sure" value="yes"' in page


@pytest.mark.parametrize("branch", ["", "-oProxyCommand=x", "a b", "x" * 101, "../main;", "<b>"])
def test_a_branch_that_cannot_be_one_is_refused_before_the_sync_is_asked(world: World, branch: str) -> None:
    with world.logged_in("ada", "ada") as admin:
        admin.http.get("/hub/portal")
        page = admin.post("/hub/portal/preview", branch=branch)
        assert page.status_code == 400
    assert world.sync.asked == []


@pytest.mark.parametrize("digest", ["", "x", "A" * 32, "../../etc/passwd"])
def test_a_version_that_cannot_be_one_is_refused_before_the_sync_is_asked(world: World, digest: str) -> None:
    with world.logged_in("ada", "ada") as admin:
        admin.http.get("/hub/portal")
        assert admin.post("/hub/portal/rollback", digest=digest).status_code == 400
    assert world.sync.asked == []


def test_what_the_sync_refuses_is_said_on_the_page(world: World) -> None:
    with world.logged_in("ada", "ada") as admin:
        admin.http.get("/hub/portal")
        world.sync.answer = world.sync.says({"error": "That snapshot was revoked."})
        page = admin.post("/hub/portal/rollback", digest=live(world))
        assert page.status_code == 409
        assert "That snapshot was revoked." in page.text
        world.sync.answer = world.sync.says({"error": "x", "findings": [MESSAGE]})
        page = admin.post("/hub/portal/preview", branch="summer")
        assert page.status_code == 422
        assert "templates/home.html:7:3" in page.text
        assert "The branch summer can&#39;t be previewed" in page.text
        world.sync.answer = world.sync.says({"candidate": "b" * 40, "error": "x", "findings": [MESSAGE]})
        assert admin.post("/hub/portal/sync").status_code == 303


@pytest.mark.parametrize("answer", [b"", b"no JSON\n", b"[]\n", b'{"error": '])
def test_a_sync_that_says_nothing_that_can_be_understood_gives_a_sentence(world: World, answer: bytes) -> None:
    world.sync.answer = lambda request: answer
    with world.logged_in("ada", "ada") as admin:
        admin.http.get("/hub/portal")
        page = admin.post("/hub/portal/sync")
        assert page.status_code == 503
        assert "The sync doesn&#39;t answer" in page.text
        assert "Live now" in page.text


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"tenant": "juniq", "previews": [3, {}], "behind": "x", "hold": 7}', b"\xff"])
def test_files_that_are_torn_tell_nothing_and_break_nothing(world: World, content: bytes) -> None:
    world.sync.knows(history=[])
    (world.state / "sync" / "juniq.json").write_bytes(content)
    (world.state / "history" / "juniq.jsonl").write_bytes(content + b"\n" + content)
    with world.logged_in("ada", "ada") as admin:
        assert admin.http.get("/hub/portal").status_code == 200


def test_the_page_is_there_whatever_the_bundle_overrides(world: World) -> None:
    hostile = {
        "templates/layout.html": b"{{ 1 // 0 }}",
        "templates/admin.html": b"Theirs",
        "templates/parts/navigation.html": b"{{ 1 // 0 }}",
        "static/css/admin.css": b".admin { display: none }",
        "static/css/frame.css": b"main { display: none }",
    }
    world.publish(**hostile)
    try:
        with world.logged_in("ada", "ada") as admin:
            page = admin.http.get("/hub/portal")
            assert page.status_code == 200
            assert "Live now" in page.text
            sheets = re.findall(r'<link rel="stylesheet" href="([^"]+)"', page.text)
            assert [sheet for sheet in sheets if not sheet.startswith("/hub/product/")] == [f"/hub/brand/{live(world)}/portico-tokens.css"]
            assert all("display: none }" not in admin.http.get(sheet).text.partition("main {")[2][:20] for sheet in sheets)
            assert all(admin.http.get(sheet).status_code == 200 for sheet in sheets)
    finally:
        world.publish()


def test_the_page_is_there_before_anything_is_live_and_its_admin_gets_in(world: World) -> None:
    link = world.state / "snapshots" / "juniq" / "current"
    digest = link.readlink()
    link.unlink()
    try:
        with world.logged_in("ada", "ada") as admin:
            page = admin.http.get("/hub/portal")
            assert page.status_code == 200
            assert "Nothing is live." in page.text
    finally:
        link.symlink_to(digest)


def test_an_admin_whom_the_bundle_locks_out_still_gets_in(world: World) -> None:
    world.publish(**{"tenant.toml": BUNDLE["tenant.toml"] + b'[access]\ngroups = ["typo"]\n'})
    try:
        with world.logged_in("ada", "ada") as admin:
            assert admin.http.get("/hub/portal").status_code == 200
    finally:
        world.publish()


def test_news_are_one_word_that_changes_with_them(world: World) -> None:
    with world.logged_in("ada", "ada") as admin:
        world.sync.knows(checked_at=AT, candidate="a" * 40)
        first = admin.http.get("/hub/portal/news").json()["news"]
        assert f'data-admin-version="{first}"' in admin.http.get("/hub/portal").text
        world.sync.knows(checked_at="2026-01-31T15:05:00+00:00", candidate="a" * 40)
        assert admin.http.get("/hub/portal/news").json()["news"] == first
        world.sync.knows(checked_at=AT, candidate="b" * 40)
        assert admin.http.get("/hub/portal/news").json()["news"] != first
