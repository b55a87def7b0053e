"""Error pages tell what happened and what to do, and nothing that an exception holds."""

import pytest
from portico.auth.authenticator import LoginRefused
from portico.hub import errors
from portico.spawner.spawner import StartRefused


@pytest.mark.parametrize(
    ("status", "message", "words"),
    [
        (404, "", "leads nowhere"),
        (403, "'_xsrf' argument missing from POST", "open for too long"),
        (400, "OAuth state mismatch", "begun elsewhere"),
        (400, "Missing argument state", "a step of a login"),
        (403, "secret internals", "doesn't allow this"),
        (500, "Traceback: password=hunter2", "our fault"),
        (418, "", "doesn't understand"),
        (599, "", "our fault"),
    ],
)
def test_a_status_becomes_a_sentence(status: int, message: str, words: str) -> None:
    page = errors.describe(status, message)
    assert words in page.what
    assert page.status == status
    assert message not in (page.what, page.cure) or not message


@pytest.mark.parametrize("error", [LoginRefused(403, "100 % yours."), StartRefused(403, "100 % yours.")])
def test_our_own_sentences_are_shown_as_they_are(error: Exception) -> None:
    assert errors.describe(403, "anything", sentence=errors.sentence(error)).what == "100 % yours."


def test_nobody_elses_are() -> None:
    assert errors.sentence(ValueError("secret")) == ""
