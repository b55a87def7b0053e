"""Which language a page speaks: what the visitor chose, else what her browser asks for, else the portal's first. Pure functions.

A choice is a cookie for a year, made by following a link of the page (`/hub/language/de`); no script and no login is needed. So a page that
answers in several languages differs by two headers of the request, and says so in `Vary`.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

COOKIE = "portico-language"
DAYS = 365
VARY = "Accept-Language, Cookie"


def choose(cookie: str, header: str, offered: Sequence[str]) -> str:
    """One of the offered languages, of which the first is the portal's own."""
    return cookie if cookie in offered else accepted(header, offered)


def accepted(header: str, offered: Sequence[str]) -> str:
    """The best of the offered languages for an `Accept-Language` header, RFC 9110, 12.5.4."""
    wanted = []
    for part in header[:400].split(","):
        tag, _, parameter = part.strip().partition(";")
        try:
            quality = float(parameter.strip().removeprefix("q=")) if parameter else 1.0
        except ValueError:
            continue
        wanted.append((quality, tag.strip().lower().split("-")[0]))
    best = sorted((item for item in wanted if item[1] in offered and item[0] > 0), key=lambda item: -item[0])
    return best[0][1] if best else offered[0]


def back(referer: str, host: str) -> str:
    """The page of this portal (at `host`, with its port) from which a visitor comes, as a path; the start where it is another's."""
    try:
        place = urlsplit(referer[:2000])
    except ValueError:
        return "/hub/"
    if place.netloc != host or not place.path.startswith("/hub/") or place.path.startswith("/hub/language/"):
        return "/hub/"
    return place.path + (f"?{place.query}" if place.query else "")
