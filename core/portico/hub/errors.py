"""What an error page says: pure functions from a status and what is known of the cause to sentences."""

from __future__ import annotations

from portico.tenants.views import ErrorPage

_WORDS = {
    400: ("That didn't work", "Your browser sent something that this portal doesn't understand.", "Go back and try it once more."),
    403: ("Not allowed", "Your login doesn't allow this.", ""),
    404: ("There is no such page", "The address leads nowhere, or to something that isn't yours.", "Go on from the pages of this portal."),
    405: ("That didn't work", "This address can't be used that way.", "Go on from the pages of this portal."),
    413: ("Too much", "What was sent is larger than this portal takes.", ""),
    424: ("The lab isn't running", "Nothing answers at this address now.", "Start the lab again from your labs."),
    429: ("Too many at once", "Many people are starting labs right now.", "Try again in a minute."),
    500: ("Something broke", "That is our fault, not yours. It is written down and somebody looks at it.", "Try again in a minute."),
    503: ("Out of reach", "What should answer here doesn't, at this moment.", "Try again in a minute."),
}
_CAUSES = {
    "xsrf": (
        "This form was open for too long, or it wasn't sent from a page of this portal.",
        "Open the page again and repeat what you did.",
    ),
    "oauth state": ("This login was begun elsewhere, or it is used up already.", "Log in again."),
    "oauth error": ("The place where you log in did not let you in.", "Log in again."),
    "argument state": ("This address is a step of a login, not a page.", "Log in again."),
    "oauth callback": ("This address is a step of a login, not a page.", "Log in again."),
}


def sentence(error: object) -> str:
    """What an exception of ours says to the user; nothing where it is anybody else's."""
    found = getattr(error, "sentence", "")
    return found if isinstance(found, str) else ""


def describe(status: int, message: str = "", *, sentence: str = "", correlation_id: str = "") -> ErrorPage:
    """The page for a status. `message` is whatever an exception says: it is understood, but never shown; `sentence` is shown."""
    known = status if status in _WORDS else 400 if status < 500 else 500
    title, what, cure = _WORDS[known]
    cause = next((words for key, words in _CAUSES.items() if key in message.lower()), None)
    if sentence:
        what, cure = sentence, ""
    elif cause and status < 500:
        what, cure = cause
    return ErrorPage(status=status, title=title, what=what, cure=cure, correlation_id=correlation_id)
