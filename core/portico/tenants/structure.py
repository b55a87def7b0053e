"""Whether a rendered page is sound HTML that everybody can use: closed and nested, one h1, labelled fields, links that lead somewhere.

What runs, loads or sends elsewhere is `markup`'s to refuse. Pure functions over the text of a page.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlsplit

from portico.tenants.markup import Objection

_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"}
)  # fmt: skip
_CLOSED_BY_OTHERS = frozenset({"li", "p", "dt", "dd", "tr", "td", "th", "thead", "tbody", "tfoot", "option", "optgroup"})
"""Elements whose end may be left out."""
_REFERRING = ("for", "aria-labelledby", "aria-describedby", "aria-controls", "aria-errormessage", "list")
_PORTAL = re.compile(r"/(hub/(login|oauth_login|home|start|logout|language/|labs/|page/|brand/|portal|preview)|user/)")
OWN_PAGE = "/hub/page/"


@dataclass(slots=True)
class Outline:
    """What was seen of a page."""

    objections: list[Objection] = field(default_factory=list)
    ids: dict[str, int] = field(default_factory=dict)
    """How often each id stands on the page."""
    links: list[str] = field(default_factory=list)
    """The addresses of links that begin with `/` or `#`."""


def read(html: str) -> Outline:
    """Look at one page by itself."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return Outline([*reader.found, *reader.loose_ends()], reader.ids, reader.links)


def dead_links(outline: Outline, pages: Mapping[str, Collection[str]]) -> Iterator[Objection]:
    """Links within the portal that lead nowhere. `pages`: the ids on each own page, by the page's name."""
    for link in dict.fromkeys(outline.links):
        parts = urlsplit(link)
        if not parts.path:
            if parts.fragment and parts.fragment not in outline.ids:
                yield Objection(f"The link {link!r} leads to no place on this page.", "Give an element that id.", link)
            continue
        name = parts.path.removeprefix(OWN_PAGE)
        if not _PORTAL.match(parts.path):
            yield Objection(f"The link {link!r} leads to no page of the portal.", "Link to a page by urls.pages and its name.", parts.path)
        elif parts.path.startswith(OWN_PAGE) and name not in pages:
            yield Objection(f"The link {link!r} leads to an own page that there isn't.", f"Add templates/pages/{name}.html.", name)
        elif parts.path.startswith(OWN_PAGE) and parts.fragment and parts.fragment not in pages[name]:
            yield Objection(f"The link {link!r} leads to no place on the page {name!r}.", "Give an element there that id.", parts.fragment)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[Objection] = []
        self.ids: dict[str, int] = {}
        self.links: list[str] = []
        self._open: list[str] = []
        self._count: dict[str, int] = {}
        self._level = 0
        self._title = ""
        self._language = ""
        self._labelled: set[str] = set()
        self._fields: list[dict[str, str]] = []
        self._references: list[tuple[str, str]] = []

    # What the parser tells

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._element(tag, {name: value or "" for name, value in attrs})
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._element(tag, {name: value or "" for name, value in attrs})
        if tag not in _VOID and not {"svg", "math"} & {*self._open, tag}:
            self._object(f"<{tag}/> doesn't close itself in HTML.", f"Write <{tag}></{tag}>.", f"<{tag}")

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        if tag not in self._open:
            self._object(f"</{tag}> closes nothing.", "Remove it, or open the element before.", f"</{tag}")
            return
        while (top := self._open.pop()) != tag:
            if top not in _CLOSED_BY_OTHERS:
                self._object(f"<{top}> is not closed before </{tag}>.", f"Add </{top}>.", f"<{top}")

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "title" and "svg" not in self._open:
            self._title += data

    # What follows from it

    def _element(self, tag: str, attributes: dict[str, str]) -> None:
        self._count[tag] = self._count.get(tag, 0) + 1
        if "id" in attributes:
            self.ids[attributes["id"]] = self.ids.get(attributes["id"], 0) + 1
        for name in _REFERRING:
            self._references.extend((name, each) for each in attributes.get(name, "").split())
        if "style" in attributes:
            self._object("The attribute 'style' is not allowed.", "Use a class and a style sheet.", "style=")
        if tag == "html":
            self._language = attributes.get("lang", "")
        elif tag == "label":
            self._labelled.add(attributes.get("for", ""))
        elif tag in ("input", "select", "textarea") and attributes.get("type") not in ("hidden", "submit", "button", "image", "reset"):
            if "label" not in self._open:
                self._fields.append(attributes)
        elif tag == "img" and "alt" not in attributes:
            self._object(
                "An image has no 'alt'.", 'Say in words what it shows, or alt="" where it only decorates.', attributes.get("src", "<img")
            )
        elif tag == "a" and attributes.get("href", "").startswith(("/", "#")) and not attributes["href"].startswith("//"):
            self.links.append(attributes["href"])
        elif re.fullmatch(r"h[1-6]", tag):
            level = int(tag[1])
            if self._level and level > self._level + 1:
                self._object(
                    f"After <h{self._level}> comes <{tag}>: a level of headings is left out.", f"Use <h{self._level + 1}>.", f"<{tag}"
                )
            self._level = level

    def loose_ends(self) -> Iterator[Objection]:
        """What can only be said at the end of the page."""
        for tag in self._open:
            if tag not in {*_CLOSED_BY_OTHERS, "html", "body"}:
                yield Objection(f"<{tag}> is not closed.", f"Add </{tag}>.", f"<{tag}")
        if self._count.get("h1", 0) != 1:
            yield Objection(f"The page has {self._count.get('h1', 0)} headings <h1>; it needs one.", "Say once what the page is.", "<h1")
        if not self._title.strip():
            yield Objection("The page has no title.", "Fill the block 'title'.", "<title")
        if not self._language:
            yield Objection("<html> has no 'lang'.", 'Write <html lang="{{ locale }}">.', "<html")
        for name, times in self.ids.items():
            if times > 1:
                yield Objection(f"The id {name!r} stands {times} times on the page.", "Each id may stand once.", f'id="{name}"')
        for attribute, name in dict.fromkeys(self._references):
            if name not in self.ids:
                yield Objection(f"{attribute}={name!r} refers to no element of the page.", "Give an element that id.", name)
        for attributes in self._fields:
            if not (attributes.get("id") in self._labelled or attributes.get("aria-label") or attributes.get("aria-labelledby")):
                shown = attributes.get("name", "")
                yield Objection(f"The field {shown!r} has no label.", "Add <label for=...> with its id.", f'name="{shown}"')

    def _object(self, what: str, cure: str, text: str) -> None:
        self.found.append(Objection(what, cure, text))
