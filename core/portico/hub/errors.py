"""What an error page says: pure functions from a status and what is known of the cause to sentences."""

from __future__ import annotations

from typing import NamedTuple

from portico.hub.views import Speak
from portico.tenants.views import ErrorPage
from portico.words import Sentence, say


class _Words(NamedTuple):
    title: Sentence
    what: Sentence
    cure: Sentence | None = None


_WORDS = {
    400: _Words(
        say("error_400_title", "That didn't work"),
        say("error_400_what", "Your browser sent something that this portal doesn't understand."),
        say("error_400_cure", "Go back and try it once more."),
    ),
    403: _Words(say("error_403_title", "Not allowed"), say("error_403_what", "Your login doesn't allow this.")),
    404: _Words(
        say("error_404_title", "There is no such page"),
        say("error_404_what", "The address leads nowhere, or to something that isn't yours."),
        say("error_404_cure", "Go on from the pages of this portal."),
    ),
    405: _Words(
        say("error_405_title", "That didn't work"),
        say("error_405_what", "This address can't be used that way."),
        say("error_405_cure", "Go on from the pages of this portal."),
    ),
    413: _Words(say("error_413_title", "Too much"), say("error_413_what", "What was sent is larger than this portal takes.")),
    424: _Words(
        say("error_424_title", "The lab isn't running"),
        say("error_424_what", "Nothing answers at this address now."),
        say("error_424_cure", "Start the lab again from your labs."),
    ),
    429: _Words(
        say("error_429_title", "Too many at once"),
        say("error_429_what", "Many people are starting labs right now."),
        say("error_429_cure", "Try again in a minute."),
    ),
    500: _Words(
        say("error_500_title", "Something broke"),
        say("error_500_what", "That is our fault, not yours. It is written down and somebody looks at it."),
        say("error_500_cure", "Try again in a minute."),
    ),
    503: _Words(
        say("error_503_title", "Out of reach"),
        say("error_503_what", "What should answer here doesn't, at this moment."),
        say("error_503_cure", "Try again in a minute."),
    ),
}
_LOG_IN_AGAIN = say("error_log_in_again", "Log in again.")
_LOGIN_STEP = say("error_login_step", "This address is a step of a login, not a page.")
_CAUSES = {
    "xsrf": (
        say("error_xsrf_what", "This form was open for too long, or it wasn't sent from a page of this portal."),
        say("error_xsrf_cure", "Open the page again and repeat what you did."),
    ),
    "oauth state": (say("error_login_begun", "This login was begun elsewhere, or it is used up already."), _LOG_IN_AGAIN),
    "oauth error": (say("error_login_denied", "The place where you log in did not let you in."), _LOG_IN_AGAIN),
    "argument state": (_LOGIN_STEP, _LOG_IN_AGAIN),
    "oauth callback": (_LOGIN_STEP, _LOG_IN_AGAIN),
}


def sentence(error: object) -> str:
    """What an exception of ours says to the user; nothing where it is anybody else's."""
    found = getattr(error, "sentence", "")
    return found if isinstance(found, str) else ""


def describe(status: int, message: str = "", *, sentence: str = "", correlation_id: str = "", speak: Speak = str) -> ErrorPage:
    """The page for a status, in the language of `speak`.

    `message` is whatever an exception says: it is understood, but never shown; `sentence` is shown.
    """
    known = status if status in _WORDS else 400 if status < 500 else 500
    title, what, cure = _WORDS[known]
    key = str(known)
    cause = next((name for name in _CAUSES if name in message.lower()), None)
    if sentence:
        return ErrorPage(status=status, title=speak(title), what=speak(sentence), correlation_id=correlation_id, key=key)
    if cause and status < 500:
        (what, cure), key = _CAUSES[cause], cause.replace(" ", "_")
    return ErrorPage(
        status=status, title=speak(title), what=speak(what), cure=speak(cure) if cure else "", correlation_id=correlation_id, key=key
    )
