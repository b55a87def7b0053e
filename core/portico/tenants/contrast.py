"""Whether what is read stands out: the contrast of each pair of colours that the pages put on one another, in both schemes.

The limits are those of WCAG 2.2, level AA: 4.5 for words (1.4.3), 3 for shapes, borders and focus rings (1.4.11). The colours are the
tokens as a browser would have them: those of the theme's sheets, then `[brand]`, then the tenant's own sheets. Pure functions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import tinycss2

from portico.positions import nearest, positions
from portico.tenants.composition import Candidate
from portico.tenants.findings import Finding

TEXT = 4.5
SHAPE = 3.0
TINT = 0.12
"""How much of its own colour lies under the words of a notice."""
SCHEMES = ("light", "dark")

_SURFACES = ("surface", "surface-raised")
_LEVELS = ("info", "success", "warning", "danger")
_HEX = re.compile(r"#[0-9a-f]{6}")
_ROOT = re.compile(r":root(\[data-scheme=[\"']?(light|dark)[\"']?\])?")
Colour = tuple[float, ...]


class Pair(NamedTuple):
    """What stands on what, and the contrast that it needs. `tinted`: the ground has a touch of the front in it."""

    front: str
    ground: str
    needed: float
    tinted: bool = False


PAIRS = (
    *(Pair(word, ground, TEXT) for word in ("text", "muted") for ground in (*_SURFACES, "surface-sunken")),
    *(Pair(word, ground, TEXT) for word in ("link", *_LEVELS) for ground in _SURFACES),
    *(Pair(shape, ground, SHAPE) for shape in ("control-line", "accent", "focus") for ground in _SURFACES),
    Pair("on-accent", "accent", TEXT),
    *(Pair(level, ground, TEXT, tinted=True) for level in _LEVELS for ground in _SURFACES),
)


class Token(NamedTuple):
    """A colour and the place that sets it."""

    value: str
    file: str
    line: int
    column: int


def check(candidate: Candidate, document: str) -> list[Finding]:
    """The colours that are too pale, each with the pair that needs it most. `document` is the text of `tenant.toml`, for places in it."""
    findings = []
    for scheme in SCHEMES:
        known = _tokens(candidate, scheme, document)
        for front in dict.fromkeys(pair.front for pair in PAIRS):
            finding = _judge(front, scheme, known)
            if finding:
                findings.append(finding)
    return findings


def _judge(name: str, scheme: str, known: Mapping[str, Token]) -> Finding | None:
    """What is wrong with one colour on all that it stands on."""
    front = known.get(name)
    stands = [(pair, known[pair.ground]) for pair in PAIRS if pair.front == name and pair.ground in known]
    if front is None:
        return None
    short = [(contrast(front.value, ground.value, tinted=pair.tinted), pair, ground) for pair, ground in stands]
    short = [each for each in short if each[0] < each[1].needed]
    if not short:
        return None
    found, pair, ground = min(short, key=lambda each: each[0] / each[1].needed)
    # The colour that the bundle sets is the one to change; where it sets both, the front is.
    place = front if not front.file.startswith("themes/") or ground.file.startswith("themes/") else ground
    on = f"a tint of {pair.ground}" if pair.tinted else f"{pair.ground} ({ground.value})"
    what = f"In the {scheme} scheme {name!r} ({front.value}) on {on} has a contrast of {found:.2f}; {pair.needed:g} is needed."
    better = sufficient(front.value, [(pair, ground.value) for pair, ground in stands])
    cure = f"{better!r} would do for {name}." if better else f"Choose another {pair.ground}."
    return Finding(place.file, place.line, place.column, what, cure)


# Colours


def contrast(front: str, ground: str, *, tinted: bool = False) -> float:
    """The contrast ratio of two colours `#rrggbb`, 1 to 21 (https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio)."""
    one, other = _channels(front), _channels(ground)
    if tinted:
        other = _mixed(one, TINT, other)
    bright, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def sufficient(front: str, stands: Sequence[tuple[Pair, str]]) -> str | None:
    """The colour nearest to `front`, towards black or white, that has its contrast on each ground; None where neither end has."""
    for share in range(5, 101, 5):
        for end in ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)):
            colour = _written(_mixed(end, share / 100, _channels(front)))
            if all(contrast(colour, ground, tinted=pair.tinted) >= pair.needed for pair, ground in stands):
                return colour
    return None


def _channels(colour: str) -> Colour:
    return tuple(int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))


def _written(colour: Colour) -> str:
    return "#" + "".join(f"{round(255 * channel):02x}" for channel in colour)


def _mixed(colour: Colour, share: float, ground: Colour) -> Colour:
    return tuple(share * a + (1 - share) * b for a, b in zip(colour, ground, strict=True))


def _luminance(colour: Colour) -> float:
    red, green, blue = (value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


# Tokens


class _Setting(NamedTuple):
    """One declaration, with what decides between two of the same name: cascade layer, specificity, order."""

    rank: tuple[bool, bool, int]
    name: str
    token: Token


def _tokens(candidate: Candidate, scheme: str, document: str) -> dict[str, Token]:
    """The colours of a scheme by name, as a browser would have them where nothing but the scheme decides."""
    settings: list[_Setting] = []
    places = positions(document)
    for number, sheet in enumerate(candidate.composition.stylesheets):
        css = candidate.static[sheet.url].decode()
        label = candidate.labels.get(sheet.url)
        for chosen, name, value, line, column in declared(css):
            if chosen not in (None, scheme):
                continue
            if label is None:  # the sheet that is made from [brand]
                place = nearest(places, ("brand", scheme, name))
                token = Token(value, "tenant.toml", place.line, place.column)
            else:
                token = Token(value, label, line, column)
            settings.append(_Setting((sheet.layer == "tenant", chosen is not None, number), name, token))
    return {setting.name: setting.token for setting in sorted(settings, key=lambda setting: setting.rank)}


@lru_cache(maxsize=512)
def declared(css: str) -> tuple[tuple[str | None, str, str, int, int], ...]:
    """Each colour token that a sheet sets on the root: its scheme (None: both), name, value, line and column.

    Kept by the sheet's text: most sheets of a candidate are those of the one before.
    """
    return tuple(_declared(css))


def _declared(css: str) -> Iterator[tuple[str | None, str, str, int, int]]:
    rules = tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True)
    for rule in _within_layers(rules):
        for selector in tinycss2.serialize(rule.prelude).split(","):
            root = _ROOT.fullmatch(selector.strip())
            if root is None:
                continue
            for node in tinycss2.parse_blocks_contents(rule.content, skip_comments=True, skip_whitespace=True):
                value = tinycss2.serialize(node.value).strip().lower() if node.type == "declaration" else ""
                if node.type == "declaration" and node.name.startswith("--") and _HEX.fullmatch(value):
                    yield root.group(2), node.name[2:], value, node.source_line, node.source_column


def _within_layers(nodes: Sequence[Any]) -> Iterable[Any]:
    """The rules that hold without a condition: at the top, or in a cascade layer."""
    for node in nodes:
        if node.type == "qualified-rule":
            yield node
        elif node.type == "at-rule" and node.lower_at_keyword == "layer" and node.content is not None:
            yield from _within_layers(tinycss2.parse_blocks_contents(node.content, skip_comments=True, skip_whitespace=True))
