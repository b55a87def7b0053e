"""How a chain of themes and a bundle become one portal."""

from __future__ import annotations

from pathlib import Path

import pytest
from portico.tenants.composition import Stylesheet
from portico.tenants.environment import Renderer
from portico.tenants.findings import Refused
from portico.tenants.layers import read_directory, theme_chain, themes_directory
from portico.tenants.rehearsal import render_all

from tests.support.bundles import TOML, composed, judged, page, write_tree


def pages(themes: Path, files: dict[str, str]) -> dict[tuple[str, str], str]:
    rehearsal = render_all(composed(themes, files).composition)
    assert [str(finding) for finding in rehearsal.findings] == []
    return {(page.page, page.state): page.html for page in rehearsal.pages}


def test_the_nearest_layer_has_the_page(themes: Path) -> None:
    house = {"tenant.toml": TOML + 'theme = "house"\n'}
    assert "house over base home" in pages(themes, house)["home", "no-labs"]
    assert "base landing Hello from the house" in pages(themes, house)["landing", "plain"]
    own = {**house, "templates/landing.html": '{% extends "layout.html" %}{% block content %}mine{% endblock %}'}
    assert "mine" in pages(themes, own)["landing", "plain"]


def test_theme_names_the_page_of_the_layers_below(themes: Path) -> None:
    files = {
        "tenant.toml": TOML + 'theme = "house"\n',
        "templates/home.html": '{% extends "theme:home.html" %}{% block content %}mine over {{ super() }}{% endblock %}',
    }
    assert "mine over house over base home" in pages(themes, files)["home", "no-labs"]


def test_a_bundle_overrides_the_frame_of_a_themes_page(themes: Path) -> None:
    layout = '<html lang="en"><title>x</title><h1>x</h1><i>frame</i>{% block content %}{% endblock %}</html>'
    html = pages(themes, {"templates/layout.html": layout})["home", "no-labs"]
    assert "<i>frame</i>base home" in html


def test_every_page_has_every_state(themes: Path) -> None:
    found = pages(themes, {"templates/pages/about.html": page("{{ '<in>' if user else '<out>' }}")})
    assert set(found) == {
        ("landing", "plain"), ("landing", "announcements"),
        ("home", "no-labs"), ("home", "five-labs"), ("home", "ten-labs"), ("home", "empty-offer"), ("home", "form-errors"),
        ("home", "incident"),
        ("start", "15-percent"), ("start", "70-percent"), ("start", "failed"),
        ("error", "400"), ("error", "403"), ("error", "404"), ("error", "424"), ("error", "500"), ("error", "503"),
        ("about", "logged-in"), ("about", "logged-out"),
    }  # fmt: skip
    assert "&lt;in&gt;" in found["about", "logged-in"]
    assert "&lt;out&gt;" in found["about", "logged-out"]


def test_styles_come_in_their_cascade_layers(themes: Path) -> None:
    candidate = composed(themes, {"tenant.toml": TOML + '[brand]\nradius = "4px"\n[brand.light]\naccent = "#112233"\n'})
    assert candidate.composition.stylesheets == (
        Stylesheet("theme", "css/base.css"),
        Stylesheet("tenant", "portico-tokens.css"),
        Stylesheet("tenant", "css/tenant.css"),
    )
    assert candidate.static["css/base.css"].startswith(b"@layer theme,tenant;@layer theme{body { color: red }\n")
    assert candidate.static["css/tenant.css"].startswith(b"@layer theme,tenant;@layer tenant{body { color: blue }\n")
    tokens = candidate.static["portico-tokens.css"].decode()
    assert ":root{--radius:4px}" in tokens
    assert "@media (prefers-color-scheme:light){:root:not([data-scheme=dark]){--accent:#112233;}}" in tokens
    assert ":root[data-scheme=light]{--accent:#112233;}" in tokens


def test_a_file_of_the_bundle_takes_the_place_of_the_themes(themes: Path) -> None:
    candidate = composed(themes, {"static/css/base.css": "body { color: green }\n"})
    assert candidate.static["css/base.css"].startswith(b"@layer theme,tenant;@layer tenant{body { color: green }")
    assert candidate.composition.stylesheets[0] == Stylesheet("tenant", "css/base.css")


def test_texts_of_the_bundle_win_and_may_be_nested(themes: Path) -> None:
    toml = TOML + '[texts.en]\nhello = "Ahoy"\nlab.start = "Launch"\n'
    renderer = Renderer(composed(themes, {"tenant.toml": toml}).composition, "/")
    assert renderer.text("en", "hello") == "Ahoy"
    assert renderer.text("en", "lab.start") == "Launch"
    assert renderer.text("de", "greeting", name="Ada") == "Hello Ada"
    assert renderer.text("en", "nothing") is None


def test_a_bundle_may_keep_its_texts_in_files_of_their_own(themes: Path) -> None:
    files = {
        "tenant.toml": TOML + '[texts.de]\nhello = "Moin"\n',
        "texts/en.toml": 'hello = "Ahoy"\n[course.first]\ntitle = "First steps"\n',
        "texts/de.toml": 'hello = "Hallo"\n[course.first]\ntitle = "Erste Schritte"\n',
    }
    renderer = Renderer(composed(themes, files).composition, "/")
    assert [renderer.text(language, "hello") for language in ("en", "de")] == ["Ahoy", "Moin"]
    assert [renderer.text(language, "course.first.title") for language in ("en", "de")] == ["First steps", "Erste Schritte"]


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"tenant.toml": TOML + 'theme = "hose"\n'}, "tenant.toml: There is no theme 'hose'. Did you mean 'house'?"),
        ({"tenant.toml": TOML + '[brand]\nlogo = "img/logo.svg"\n'}, "tenant.toml:4:9: There is no static file 'img/logo.svg'."),
        ({"tenant.toml": TOML + '[brand]\nstylesheets = ["css/tenat.css"]\n'}, "Did you mean 'css/tenant.css'?"),
        ({"tenant.toml": TOML + '[[links]]\ntitle = "Us"\npage = "abuot"\n', "templates/pages/about.html": "x"}, "Did you mean 'about'?"),
        ({"tenant.toml": TOML + '[[links]]\ntitle = "Us"\n'}, "The link 'Us' needs either a page or a url."),
        ({"lab/overrides.json": '{\n"a": {,}\n}'}, "lab/overrides.json:2:7: This isn't JSON"),
        ({"lab/overrides.json": "[]"}, "This isn't JupyterLab's overrides.json"),
        ({"template/home.html": "x"}, "template/home.html: A tenant has no such file. Did you mean 'templates/'?"),
        ({"texts/fr.toml": ""}, "texts/fr.toml: This isn't a file of texts in one of the languages."),
        ({"texts/en.toml": "hello = 7"}, "texts/en.toml: 'hello' isn't a text. Put it in quotes."),
        ({"templates/home.txt": "x"}, "A template's name ends in .html"),
        ({"static/js/x.js": "x"}, "static/js/x.js: A bundle has no scripts."),
        ({"static/x.exe": "x"}, "Files that end in '.exe' are not served."),
        ({"static/x.png": "<html>"}, "static/x.png:1:1: The content isn't what '.png' promises."),
        ({"templates/home.html": "a\nb\u202ec"}, "templates/home.html:2:2: The character U+202E is not allowed"),
    ],
)  # fmt: skip
def test_what_does_not_fit_together_is_said(themes: Path, files: dict[str, str], says: str) -> None:
    assert any(says in str(finding) for finding in judged(themes, files)), judged(themes, files)


def test_themes_that_extend_each_other_are_refused(themes: Path) -> None:
    write_tree(themes / "base", {"theme.toml": 'title = "Base"\nextends = "house"\n'})
    with pytest.raises(Refused, match="in a circle: house > base > house"):
        theme_chain("house", themes)


@pytest.mark.parametrize("link", ["static/secret.txt", "static/folder"])
def test_a_link_in_a_directory_is_refused(tmp_path: Path, link: str) -> None:
    """Hostile inputs 1 and 2."""
    write_tree(tmp_path, {"tenant.toml": TOML, "static/x.txt": "x"})
    (tmp_path / link).symlink_to("/etc/passwd" if link.endswith("txt") else "/etc")
    with pytest.raises(Refused, match=f"{link}: This is a symbolic link"):
        read_directory(tmp_path)


@pytest.mark.parametrize("name", ["static/{{x}}.svg", "static/a\nb.svg", "static/-rf.svg", "static/a b.svg"])
def test_odd_names_are_refused(tmp_path: Path, name: str) -> None:
    """Hostile input 16."""
    write_tree(tmp_path, {"tenant.toml": TOML, name: "x"})
    with pytest.raises(Refused, match="This file name can't be used"):
        read_directory(tmp_path)


@pytest.mark.parametrize("tenant", ["juniq", "coec", "eurocc"])
def test_the_products_own_portals_pass_their_rehearsal(tenant: str) -> None:
    checkout = Path(__file__).parents[3]
    files = {path: data.decode() for path, data in read_directory(checkout / "tenants" / tenant).items()}
    assert [str(finding) for finding in judged(themes_directory(), files)] == []
