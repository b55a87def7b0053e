"""The language of a page: a visitor's choice, her browser's wish, the portal's own."""

import pytest
from portico.hub.language import accepted, back, choose


@pytest.mark.parametrize(
    ("header", "offered", "chosen"),
    [
        ("", ["en", "de"], "en"),
        ("de", ["en", "de"], "de"),
        ("de-AT,de;q=0.9,en;q=0.8", ["en", "de"], "de"),
        ("fr, en;q=0.5, de;q=0.7", ["en", "de"], "de"),
        ("de;q=0", ["en", "de"], "en"),
        ("fr", ["de"], "de"),
        ("de;q=x,en", ["de", "en"], "en"),
        ("*", ["de", "en"], "de"),
        ("," * 10_000, ["de", "en"], "de"),
    ],
)
def test_a_page_speaks_the_best_language_that_there_is(header: str, offered: list[str], chosen: str) -> None:
    assert accepted(header, offered) == chosen


@pytest.mark.parametrize(
    ("cookie", "header", "chosen"),
    [("de", "en", "de"), ("", "de", "de"), ("fr", "de", "de"), ("fr", "", "en"), ("de; Path=/", "", "en")],
)
def test_what_a_visitor_chose_goes_before_what_her_browser_asks_for(cookie: str, header: str, chosen: str) -> None:
    assert choose(cookie, header, ["en", "de"]) == chosen


HERE = "juniq.example.org:8443"


@pytest.mark.parametrize(
    ("referer", "path"),
    [
        (f"https://{HERE}/hub/page/systems", "/hub/page/systems"),
        (f"https://{HERE}/hub/login?next=%2Fhub%2Fhome", "/hub/login?next=%2Fhub%2Fhome"),
        ("", "/hub/"),
        ("https://evil.example/hub/home", "/hub/"),
        (f"https://{HERE}@evil.example/hub/home", "/hub/"),
        (f"https://{HERE}/user/qubit/lab/", "/hub/"),
        (f"https://{HERE}//evil.example/hub/", "/hub/"),
        (f"https://{HERE}/hub/language/de", "/hub/"),
        ("http://[", "/hub/"),
        ("javascript:alert(1)", "/hub/"),
    ],
)
def test_a_choice_leads_back_to_a_page_of_this_portal_and_nowhere_else(referer: str, path: str) -> None:
    assert back(referer, HERE) == path
