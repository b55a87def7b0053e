"""Where each block, file and text comes from, and why a template isn't shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from portico.tenants import explain
from portico.tenants.composition import Candidate

from tests.support.bundles import TOML, composed, page, write_themes

HOUSE = {"tenant.toml": TOML + 'theme = "house"\n'}


@pytest.fixture
def themes(tmp_path: Path) -> Path:
    return write_themes(tmp_path / "themes")


def blocks(candidate: Candidate, name: str) -> dict[str, explain.BlockOrigin]:
    origin = explain.page(candidate.composition, name)
    assert origin
    return {block.name: block for block in origin.blocks}


def test_a_block_is_filled_by_the_nearest_layer_and_names_those_below(themes: Path) -> None:
    candidate = composed(themes, {**HOUSE, "templates/home.html": '{% extends "theme:home.html" %}\n{% block content %}mine{% endblock %}'})

    content = blocks(candidate, "home.html")["content"]
    assert str(content.place) == "templates/home.html:2"
    assert [str(place) for place in content.overrides] == [
        "themes/house/templates/home.html:1",
        "themes/base/templates/home.html:2",
        "themes/base/templates/layout.html:9",
    ]


def test_a_page_is_found_by_any_of_its_names(themes: Path) -> None:
    candidate = composed(themes, {"templates/pages/about.html": page("x")})

    assert {explain.page(candidate.composition, name).name for name in ("about", "about.html", "pages/about.html")} == {"about"}  # type: ignore[union-attr]
    assert explain.page(candidate.composition, "abuot") is None


def test_a_block_that_no_layer_holds_is_not_shown_and_says_what_may_be_meant(themes: Path) -> None:
    template = '{% extends "theme:landing.html" %}{% block contnet %}x{% endblock %}'
    block = blocks(composed(themes, {"templates/landing.html": template}), "landing")["contnet"]

    assert (block.shown, block.hint) == (False, "Did you mean 'content'?")


def test_a_block_within_one_that_is_filled_anew_says_by_whom(themes: Path) -> None:
    (themes / "base/templates/home.html").write_text(page("{% block inner %}{% endblock %}"))
    template = '{% extends "theme:home.html" %}\n{% block content %}all{% endblock %}\n{% block inner %}x{% endblock %}'
    found = blocks(composed(themes, {"templates/home.html": template}), "home")
    assert not found["inner"].shown
    assert found["inner"].hint == "It stands in the block 'content', which templates/home.html:2 fills anew without it."

    kept = template.replace("all", "{{ super() }}")
    assert blocks(composed(themes, {"templates/home.html": kept}), "home")["inner"].shown


def test_what_nobody_uses_is_listed_with_what_may_be_meant(themes: Path) -> None:
    found = explain.overview(
        composed(themes, {"templates/lading.html": "x", "templates/home.html": page("x"), "templates/pages/about.html": page("x")})
    )

    assert found.overrides == (("templates/home.html", "themes/base/templates/home.html"),)
    assert found.adds == ("templates/pages/about.html",)
    assert found.unused == (("templates/lading.html", "Did you mean 'landing.html'?"),)


def test_a_file_is_the_nearest_layers(themes: Path) -> None:
    candidate = composed(themes, {"static/logo.svg": (themes / "base/static/logo.svg").read_text()})

    assert str(explain.asset(candidate, "logo.svg")) == "static/logo.svg"
    assert str(explain.asset(candidate, "favicon.svg")) == "themes/base/static/favicon.svg"
    assert explain.asset(candidate, "none.svg") is None


def test_a_text_is_the_nearest_layers_and_names_those_below(themes: Path) -> None:
    candidate = composed(themes, {"tenant.toml": TOML + 'theme = "house"\n[texts.en]\nhello = "Mine"\n'})

    (origin,) = explain.text(candidate, "hello", themes)
    assert (origin.value, origin.file) == ("Mine", "tenant.toml")
    assert origin.overrides == ("themes/base/texts/en.toml", "themes/house/texts/en.toml")


@pytest.mark.parametrize("what", ["", "home", "logo.svg", "hello"])
def test_everything_can_be_written_for_people_and_for_scripts(themes: Path, what: str) -> None:
    origin = explain.anything(composed(themes, HOUSE), what, themes)

    assert origin
    assert "base" in explain.written(origin)
    assert explain.as_json(origin).startswith(("{", "["))


def test_what_has_no_such_name_gets_a_suggestion(themes: Path) -> None:
    candidate = composed(themes, HOUSE)

    assert explain.anything(candidate, "lgo.svg", themes) is None
    assert explain.nearest(candidate, "lgo.svg") == "Did you mean 'logo.svg'?"
