"""What the admin's page says, from what the sync wrote down."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from portico.hub.admin.errands import understood
from portico.hub.admin.known import Known
from portico.hub.admin.page import news, place
from portico.hub.tool import tool
from portico.tenants import markup, views
from portico.tenants.findings import Finding
from portico.tenants.history import Entry
from portico.tenants.status import Status

from tests.support.admin_pages import FINE, LIVE, NOW, OLDER, OLDEST, REFUSED, changed, commit, shown, states
from tests.unit.look.test_pages import Page

STATES = states()
USER = views.User("ada", "Ada Lovelace", admin=True)


def rendered(name: str, locale: str = "en") -> str:
    portal = views.Portal("juniq", "JUNIQ", "", "mailto:x@y.example", "X", "/logo.svg", "/favicon.svg")
    return tool().admin(views.Common(portal, "admin", locale=locale, user=USER, xsrf="x"), STATES[name])


@pytest.mark.parametrize("name", STATES)
def test_each_state_is_a_page_without_fault(name: str) -> None:
    html = rendered(name)
    page = Page(html)
    tags = [element.tag for element in page.elements]
    ids = [element.attributes["id"] for element in page.elements if "id" in element.attributes]
    wanted = {
        word
        for element in page.elements
        for key in ("for", "aria-describedby", "aria-labelledby")
        for word in (element.attributes.get(key) or "").split()
    }
    labelled = {element.attributes.get("for") for element in page.elements if element.tag == "label"}
    fields = [element for element in page.elements if element.tag == "input" and element.attributes.get("type") != "hidden"]
    assert markup.check(html) == []
    assert (tags.count("h1"), tags.count("main")) == (1, 1)
    assert len(ids) == len(set(ids))
    assert wanted <= set(ids)
    assert all(field.attributes.get("id") in labelled for field in fields)
    assert "admin_" not in html.replace("admin_version", "")


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("fine", ["Passed", "Nothing newer", "The branch was checked just now."]),
        ("refused", ["Refused: 12 problems", "1 commit ahead", "tenant.toml:14:1", "Visitors keep what is live now."]),
        ("rolled-back", ["Rolled back. This version stays", "3 commits ahead", ">Follow the branch again<"]),
        ("pinned", ["Pinned.", ">Unpin<", "Not known how far ahead"]),
        ("previews", ["summer-school", "/hub/preview/", ">End preview<"]),
        ("preview-refused", ["The branch summer-school can&#39;t be previewed"]),
        ("revoking", ["Revoke this version for good?", ">Revoke for good<"]),
        ("away", ["The sync doesn&#39;t answer", "The repository doesn&#39;t answer."]),
        ("nothing-live", ["Nothing is live.", "Not checked yet", "Nothing has happened yet."]),
    ],
)
def test_each_state_says_what_matters(state: str, words: list[str]) -> None:
    html = rendered(state)
    assert [word for word in words if word not in html] == []


def test_only_a_good_version_that_is_not_live_can_come_back_and_each_once() -> None:
    entries = shown(FINE).history
    assert [entry.version.digest for entry in entries if entry.can_return] == [OLDER, OLDEST]
    assert [entry.version.digest for entry in entries if entry.live] == [LIVE]
    collected = shown(replace(FINE, stored=frozenset({LIVE}))).history
    assert not [entry for entry in collected if entry.can_return]


def test_a_preview_that_is_over_is_not_shown() -> None:
    assert [preview.branch for preview in STATES["previews"].previews] == ["summer-school", "fix/a-branch-with-a-rather-long-name"]


def test_announcements_say_what_they_do_now_and_later() -> None:
    assert [(notice.text.split()[0], notice.standing) for notice in shown(FINE).notices] == [
        ("A", "now"),
        ("Welcome.", "now"),
        ("Maintenance", "later"),
        ("The", "over"),
    ]


@pytest.mark.parametrize("asked", ["", "0" * 32, "d4" * 16, "<b>"])
def test_nothing_is_asked_about_a_version_that_cannot_be_revoked(asked: str) -> None:
    assert shown(FINE, asked=asked).asked is None


@pytest.mark.parametrize(
    ("finding", "text"),
    [
        (Finding("a.html", 7, 3, "x"), "a.html:7:3"),
        (Finding("a.html", 7, 0, "x"), "a.html:7"),
        (Finding("a.html", 0, 0, "x"), "a.html"),
        (Finding("", 0, 0, "x"), ""),
    ],
)
def test_a_place_reads_as_editors_take_it(finding: Finding, text: str) -> None:
    assert place(finding) == text


@pytest.mark.parametrize(
    ("known", "new"),
    [
        (changed(checked_at=NOW + timedelta(hours=1)), False),
        (changed(behind=1), True),
        (changed(hold="pinned"), True),
        (changed(candidate=commit("9")), True),
        (changed(findings=REFUSED.status.findings), True),
        (replace(FINE, live=OLDER), True),
        (replace(FINE, entries=(Entry(event="live", at=NOW), *FINE.entries)), True),
    ],
)
def test_another_look_that_found_nothing_is_no_news(known: Known, new: bool) -> None:
    assert (news(known) != news(FINE)) is new


def test_what_was_written_down_of_another_snapshot_is_not_said_of_the_live_one() -> None:
    page = shown(replace(FINE, live=OLDER))
    assert page.live
    assert (page.live.commit, page.live.subject) == (commit("3")[:12], "Say how to apply for computing time")
    assert (page.live_since, page.behind) == (None, None)


FINDING = {"file": "a", "line": 1, "column": 2, "what": "w", "cure": "c"}


@pytest.mark.parametrize(
    ("do", "answer", "done", "problem", "findings"),
    [
        ("sync", {"candidate": "a", "error": "a:1:2: w", "findings": [FINDING]}, True, "", 0),
        ("sync", {"candidate": "a", "error": "The repository doesn't answer.", "findings": []}, True, "", 0),
        ("sync", {"error": "There is no tenant 'x'."}, False, "There is no tenant 'x'.", 0),
        ("rollback", {"candidate": "a", "error": "a:1:2: w", "findings": [FINDING]}, True, "", 0),
        ("rollback", {"error": "Revoked."}, False, "Revoked.", 0),
        ("preview", {"digest": "a", "commit": "b", "findings": []}, True, "", 0),
        ("preview", {"error": "a:1:2: w", "findings": [FINDING, "odd"]}, False, "", 1),
        ("preview", {"findings": [{"file": 3, "line": "x"}]}, False, "", 1),
    ],
)
def test_the_syncs_answer_is_understood(do: Any, answer: dict[str, Any], done: bool, problem: str, findings: int) -> None:
    outcome = understood(do, answer)
    assert (outcome.done, outcome.problem, len(outcome.findings)) == (done, problem, findings)


def test_a_known_nothing_is_a_page_too() -> None:
    page = shown(Known(Status(tenant="juniq")))
    assert page.live is None
    assert page.check.outcome == "never"
