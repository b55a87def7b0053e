"""What is read or used stands out, in both schemes (WCAG 2.2, 1.4.3 and 1.4.11)."""

from __future__ import annotations

from pathlib import Path

import pytest
from portico.tenants import contrast
from portico.tenants.composition import compose

from tests.support.bundles import TOML, encoded, write_themes

ROLES = """
:root { --surface: #ffffff; --surface-raised: #ffffff; --text: #000000; --accent: #0b5aa8; --on-accent: #ffffff; --link: #0b5aa8 }
@media (prefers-color-scheme: dark) { :root:not([data-scheme="light"]) { --surface: #123456 } }
:root[data-scheme="dark"] {
  --surface: #000000; --surface-raised: #111111; --text: #ffffff; --accent: #86bdf7; --on-accent: #071a2f; --link: #93c5fb
}
"""


@pytest.fixture
def themes(tmp_path: Path) -> Path:
    root = write_themes(tmp_path / "themes")
    (root / "base/static/css/base.css").write_text(ROLES)
    return root


def said(themes: Path, brand: str = "", css: str = "") -> list[str]:
    document = TOML + brand
    candidate = compose("test", encoded({"tenant.toml": document, "static/css/tenant.css": css}), themes)
    return [str(finding) for finding in contrast.check(candidate, document)]


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#000000", "#ffffff", 21), ("#ffffff", "#ffffff", 1), ("#777777", "#ffffff", 4.48), ("#0b5aa8", "#ffffff", 6.9)],
)
def test_the_ratio_is_the_one_of_the_standard(one: str, other: str, ratio: float) -> None:
    assert contrast.contrast(one, other) == pytest.approx(ratio, abs=0.05)
    assert contrast.contrast(other, one) == contrast.contrast(one, other)


def test_a_theme_that_stands_out_has_nothing_to_mend(themes: Path) -> None:
    assert said(themes) == []


def test_a_pale_colour_is_named_at_its_line_with_one_that_would_do(themes: Path) -> None:
    (finding,) = said(themes, '[brand.light]\nlink = "#99ccdd"\n')

    assert finding.startswith(
        "tenant.toml:4:1: In the light scheme 'link' (#99ccdd) on surface (#ffffff) has a contrast of 1.74; 4.5 is needed."
    )
    better = finding.split("'")[3]
    assert said(themes, f'[brand.light]\nlink = "{better}"\n') == []


def test_a_ground_that_makes_the_themes_words_pale_is_named_where_it_is_set(themes: Path) -> None:
    findings = said(themes, '[brand.dark]\naccent = "#223355"\n')

    assert any(finding.startswith("tenant.toml:4:1: In the dark scheme 'accent' (#223355) on surface") for finding in findings)
    assert any("'on-accent'" in finding and finding.startswith("tenant.toml:4:1") for finding in findings)


@pytest.mark.parametrize("selector", [":root", ':root[data-scheme="light"]', ":root[data-scheme=light]", "html, :root"])
def test_a_token_in_the_tenants_own_sheet_counts_as_well(themes: Path, selector: str) -> None:
    findings = said(themes, css=f"\n{selector} {{\n  --text: #cccccc;\n}}")

    assert [finding for finding in findings if finding.startswith("static/css/tenant.css:3:") and "light scheme 'text'" in finding]


def test_the_tenants_layer_wins_over_the_themes_more_specific_rule(themes: Path) -> None:
    assert any("dark scheme 'text'" in finding for finding in said(themes, css=":root { --text: #222222 }"))
