"""What may not stand in a page, wherever in the templates it came from: things that run, load or send elsewhere.

The Content-Security-Policy of the portal forbids the same to the browser; here the author is told.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import NamedTuple

_OUTSIDE = re.compile(r"\s*([a-z][a-z0-9+.-]*:|[/\\]{2})", re.IGNORECASE)
_SCRIPT = re.compile(r"[\x00-\x20]*(javascript|vbscript|data)\s*:", re.IGNORECASE)
_REFUSED = {
    "base": "Remove it.",
    "iframe": "Link to the page instead.",
    "frame": "Link to the page instead.",
    "object": "Use <img> or <video>.",
    "embed": "Use <img> or <video>.",
    "applet": "Remove it.",
    "foreignobject": "Remove it.",
}
_LOADING = frozenset({"src", "srcset", "poster", "data", "background", "manifest"})


class Objection(NamedTuple):
    """What is wrong, its cure, and the text to look for in the templates."""

    what: str
    cure: str
    text: str


def check(html: str) -> list[Objection]:
    """What is wrong with a rendered page."""
    checker = _Checker()
    checker.feed(html)
    checker.close()
    return checker.found


class _Checker(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[Objection] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag in _REFUSED:
            self._object(f"<{tag}> is not allowed.", _REFUSED[tag], f"<{tag}")
        if tag == "script" and not attributes.get("src") and attributes.get("type") != "application/json":
            self._object("A script in the page is not allowed.", "Put it into a file of the theme.", f"<{tag}")
        if tag == "meta" and attributes.get("http-equiv", "").lower() in ("refresh", "set-cookie", "content-security-policy"):
            self._object(f"<meta http-equiv={attributes['http-equiv']!r}> is not allowed.", "Remove it.", f"<{tag}")
        for name, value in attributes.items():
            self._attribute(tag, name, value)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def _attribute(self, tag: str, name: str, value: str) -> None:
        local = name.rpartition(":")[2]
        if name.startswith("on"):
            self._object(f"The event handler {name!r} is not allowed.", "Use a script of the theme.", name)
        elif name == "srcdoc":
            self._object("'srcdoc' is not allowed.", "Remove it.", name)
        elif (
            _SCRIPT.match(value)
            and local in {"href", "src", "action", "formaction", "data"}
            and not (tag == "img" and value.startswith("data:image/"))
        ):
            self._object(f"The address {value[:60]!r} is not allowed.", "Link to a page.", value[:20])
        elif name in ("action", "formaction") and _OUTSIDE.match(value):
            self._object(f"A form may not be sent to {value[:60]!r}.", "Forms go to the portal only.", name)
        elif (
            (name in _LOADING or (tag in ("link", "image", "use") and local == "href"))
            and _OUTSIDE.match(value)
            and not value.startswith("data:image/")
        ):
            self._object(f"Nothing may be loaded from {value[:60]!r}.", "Put the file below static/ and use asset(...).", value[:20])

    def _object(self, what: str, cure: str, text: str) -> None:
        self.found.append(Objection(what, cure, text))
