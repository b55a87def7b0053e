"""Preview links: what is signed, for whom, until when."""

from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from portico.hub.preview import Signer, with_bar

NOW = datetime(2026, 1, 31, 14, 5, tzinfo=UTC)
DIGEST = "a1" * 16
SIGNER = Signer("secret", "juniq")
LINK = SIGNER.sign("link", DIGEST, NOW + timedelta(days=7))


def changed(token: str, at: int, digit: str) -> str:
    return token[:at] + digit + token[at + 1 :]


def test_a_link_says_which_snapshot_and_until_when() -> None:
    ticket = SIGNER.check("link", LINK)
    assert ticket
    assert ticket.digest == DIGEST
    assert [ticket.over(NOW + timedelta(days=days)) for days in (0, 6, 7, 8)] == [False, False, True, True]


@pytest.mark.parametrize(
    ("signer", "purpose", "token"),
    [
        (Signer("secret", "coec"), "link", LINK),
        (Signer("another", "juniq"), "link", LINK),
        (SIGNER, "cookie", LINK),
        (SIGNER, "link", SIGNER.sign("cookie", DIGEST, NOW)),
        (SIGNER, "link", changed(LINK, 0, "b")),
        (SIGNER, "link", changed(LINK, 34, "9")),
        (SIGNER, "link", changed(LINK, len(LINK) - 1, "g")),
        (SIGNER, "link", LINK[:-1]),
        (SIGNER, "link", LINK + "\n"),
        (SIGNER, "link", f"{DIGEST}.9999999999."),
        (SIGNER, "link", f"{DIGEST}.-1.{'0' * 64}"),
        (SIGNER, "link", ""),
        (SIGNER, "link", "ä" * 130),
    ],
)
def test_what_was_signed_for_another_tenant_or_purpose_or_was_changed_is_worth_nothing(signer: Signer, purpose: str, token: str) -> None:
    assert signer.check(purpose, token) is None  # type: ignore[arg-type]


def test_a_signature_does_not_show_the_secret_or_depend_on_when_it_is_made() -> None:
    assert SIGNER.sign("link", DIGEST, NOW) == Signer("secret", "juniq").sign("link", DIGEST, NOW)
    assert "secret" not in LINK


@pytest.mark.parametrize(
    "page", ["<!doctype html><html><!-- <body>", "<textarea>", "<plaintext>", "<title><body>", "<script>", "</body></html>", ""]
)
def test_nothing_that_a_page_begins_with_can_swallow_the_bar(page: str) -> None:
    seen: list[str] = []

    class Elements(HTMLParser):
        def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
            seen.append(tag)

    parser = Elements()
    parser.feed(with_bar(page, "<aside data-bar>End</aside>"))
    assert seen[0] == "aside"
