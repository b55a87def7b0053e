"""A portal speaks its visitor's language: in its pages, its refusals and its live events."""

from __future__ import annotations

import json

import httpx
import pytest
from portico.api import LabState
from portico.words import say

from tests.integration.hub.test_labs import start
from tests.integration.hub.world import GOOD, World, until
from tests.support.visitor import Visitor

GERMAN = {"Accept-Language": "de-DE,de;q=0.9"}
ENGLISH = {"Accept-Language": "en"}


@pytest.mark.parametrize(("headers", "language"), [(GERMAN, "de"), (ENGLISH, "en"), ({"Accept-Language": "fr"}, "en")])
def test_a_page_says_which_language_it_speaks_and_by_what_that_differs(world: World, headers: dict[str, str], language: str) -> None:
    with world.somebody() as visitor:
        page = visitor.http.get("/hub/login", headers=headers)
    assert page.headers["content-language"] == language
    assert page.headers["vary"] == "Accept-Language, Cookie"


def test_a_visitor_chooses_and_the_portal_remembers(world: World) -> None:
    with world.somebody() as visitor:
        before = visitor.http.get("/hub/page/quantum", headers=ENGLISH)
        assert 'href="/hub/language/de" lang="de" hreflang="de"' in before.text
        there = f"{visitor.address}/hub/page/quantum"
        answer = visitor.http.get("/hub/language/de", headers={**ENGLISH, "Referer": there}, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/hub/page/quantum")
        cookie = answer.headers["set-cookie"]
        assert all(part in cookie for part in ("portico-language=de", "SameSite=Lax", "HttpOnly", "Path=/hub/", "expires="))
        assert visitor.http.get("/hub/page/quantum", headers=ENGLISH).headers["content-language"] == "de"
        assert "Diese Seite gibt es nicht" in visitor.http.get("/hub/nothing", headers=ENGLISH).text


def test_a_language_that_the_portal_does_not_speak_can_not_be_chosen(world: World) -> None:
    with world.somebody() as visitor:
        assert visitor.http.get("/hub/language/fr", follow_redirects=False).status_code == 404


def test_a_choice_never_leads_elsewhere(world: World) -> None:
    with world.somebody() as visitor:
        for referer in ("https://evil.example/hub/home", f"{visitor.address}@evil.example/hub/"):
            answer = visitor.http.get("/hub/language/de", headers={"Referer": referer}, follow_redirects=False)
            assert answer.headers["location"] == "/hub/"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/hub/nothing", "Diese Seite gibt es nicht"),
        ("/hub/error/503", "Nicht erreichbar"),
        ("/hub/oauth_callback?code=x&state=y", "Melden Sie sich noch einmal an"),
        ("/hub/login?state=logged-out", "Sie sind abgemeldet."),
    ],
)
def test_what_goes_wrong_is_said_in_german(world: World, path: str, words: str) -> None:
    with world.somebody() as visitor:
        page = visitor.http.get(path, headers=GERMAN)
    assert words in page.text
    assert '<html lang="de"' in page.text
    assert page.headers["content-language"] == "de"


def test_the_form_refuses_in_german_and_the_api_in_english(world: World) -> None:
    with world.logged_in() as visitor:
        visitor.http.headers.update(GERMAN)
        assert "Sie haben kein Projekt ctest" in post(visitor, project="ctest").text
        assert "lässt 1 bis" in post(visitor, nodes=99).text
        headers = {"X-XSRFToken": visitor.xsrf}
        answer = visitor.http.post("/hub/api/users/qubit/servers/x", json={**GOOD, "project": "ctest"}, headers=headers)
        assert answer.json()["fields"]["project"].startswith("You have no project ctest")


def post(visitor: Visitor, **changes: object) -> httpx.Response:
    return visitor.post("/hub/start", **{**GOOD, **changes})


def test_one_lab_tells_each_reader_in_her_language(world: World) -> None:
    with world.logged_in() as visitor:
        name = start(visitor, "Two languages")
        lab = world.lab(name)
        world.backend.tell(lab, LabState.STARTING, message=say("step_node", "Running on {node}.", node="node11"))
        world.backend.tell(lab, LabState.STARTING, message="The lab's own words.")
        read: dict[str, list[str]] = {}
        for language, headers in (("de", GERMAN), ("en", ENGLISH)):
            read[language] = live(visitor, name, headers)
        assert read["de"][-2:] == ["Läuft auf node11.", "The lab's own words."]
        assert read["en"][-2:] == ["Running on node11.", "The lab's own words."]
        assert "Läuft auf node11." in visitor.http.get(f"/hub/labs/{name}", headers=GERMAN).text
        world.backend.tell(lab, LabState.ENDED, message=say("end_by_itself", "The lab ended by itself."))
        until(lambda: "Das Lab hat sich selbst beendet." in visitor.http.get("/hub/home", headers=GERMAN).text)
        assert "The lab ended by itself." in visitor.http.get("/hub/home", headers=ENGLISH).text


def live(visitor: Visitor, name: str, headers: dict[str, str]) -> list[str]:
    """What the live events of a lab say, up to its own words."""
    said: list[str] = []
    with visitor.http.stream("GET", f"/hub/labs/{name}/events", headers=headers, timeout=30) as answer:
        for line in answer.iter_lines():
            if line.startswith("data:"):
                said.append(json.loads(line.removeprefix("data:"))["message"])
                if "own words" in said[-1]:
                    break
    return said
