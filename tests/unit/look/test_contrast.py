"""Every pair of colours that a portal puts on one another keeps its contrast, in both schemes (WCAG 2.2, 1.4.3 and 1.4.11)."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ROLES = ROOT / "themes/base/static/css/roles.css"
BUNDLES = sorted(path.parent.name for path in (ROOT / "tenants").glob("*/tenant.toml"))

SURFACES = ("surface", "surface-raised")
TEXT = 4.5
SHAPE = 3.0
PAIRS = [
    *((word, surface, TEXT) for word in ("text", "muted") for surface in (*SURFACES, "surface-sunken")),
    *((word, surface, TEXT) for word in ("link", "success", "warning", "danger", "info") for surface in SURFACES),
    *((shape, surface, SHAPE) for shape in ("control-line", "accent", "focus") for surface in SURFACES),
    ("on-accent", "accent", TEXT),
]
"""What stands on what, and the contrast that it needs."""
TINTED = [(level, surface) for level in ("info", "success", "warning", "danger") for surface in SURFACES]
"""Words of a level on 12 % of its own colour, as in notices and errors."""

Colours = dict[str, str]


def base_scheme(scheme: str) -> Colours:
    """The base theme's tokens: the first block is light, the one for `data-scheme` is dark."""
    css = ROLES.read_text()
    start = css.index(":root {") if scheme == "light" else css.index(':root[data-scheme="dark"] {')
    block = css[start : css.index("}", start)]
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block))


def scheme_of(portal: str, scheme: str) -> Colours:
    """The tokens as a portal shows them."""
    if portal == "base":
        return base_scheme(scheme)
    brand = tomllib.loads((ROOT / "tenants" / portal / "tenant.toml").read_text()).get("brand", {})
    return {**base_scheme(scheme), **brand.get(scheme, {})}


def channels(colour: str) -> tuple[float, ...]:
    return tuple(int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))


def luminance(colour: tuple[float, ...]) -> float:
    """Relative luminance, https://www.w3.org/TR/WCAG22/#dfn-relative-luminance."""
    red, green, blue = (value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def mixed(colour: tuple[float, ...], share: float, ground: tuple[float, ...]) -> tuple[float, ...]:
    """`color-mix(in srgb, colour share, ground)`."""
    return tuple(share * a + (1 - share) * b for a, b in zip(colour, ground, strict=True))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("portal", ["base", *BUNDLES])
def test_what_is_read_or_used_stands_out(portal: str, scheme: str) -> None:
    tokens = {name: channels(value) for name, value in scheme_of(portal, scheme).items()}
    pale = [
        f"{front} on {ground}: {found:.2f}, needs {needed}"
        for front, ground, needed in PAIRS
        if (found := contrast(tokens[front], tokens[ground])) < needed
    ]
    pale += [
        f"{level} on its tint of {ground}: {found:.2f}, needs {TEXT}"
        for level, ground in TINTED
        if (found := contrast(tokens[level], mixed(tokens[level], 0.12, tokens[ground]))) < TEXT
    ]
    assert not pale, f"{portal}, {scheme}: " + "; ".join(pale)


def test_the_dark_scheme_is_the_same_by_the_system_and_by_choice() -> None:
    css = ROLES.read_text()
    by_system = css[css.index('not([data-scheme="light"]) {') :]
    by_system = by_system[: by_system.index("}")]
    assert dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", by_system)) == base_scheme("dark")


def test_dark_and_light_have_the_same_roles() -> None:
    for portal in BUNDLES:
        brand = tomllib.loads((ROOT / "tenants" / portal / "tenant.toml").read_text()).get("brand", {})
        assert set(brand.get("light", {})) == set(brand.get("dark", {})), portal
