"""A block that no page shows is named, with what may have been meant; one that any page shows is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.bundles import TOML, judged, page, write_themes

HOME, LANDING = '{% extends "theme:home.html" %}\n', '{% extends "theme:landing.html" %}\n'
LAYOUT = '{% extends "theme:layout.html" %}\n'


@pytest.fixture
def themes(tmp_path: Path) -> Path:
    themes = write_themes(tmp_path / "themes")
    (themes / "base/templates/home.html").write_text(page("{% block labs %}{% block after %}{% endblock %}{% endblock %}"))
    return themes


CASES = {
    "a known one": ({"templates/home.html": HOME + "{% block labs %}x{% endblock %}"}, []),
    "a misspelt one": (
        {"templates/home.html": HOME + "  {%- block lbas -%}x{% endblock %}"},
        ["templates/home.html:2:3: The block 'lbas' is never shown. Did you mean 'labs'?"],
    ),
    "one that nobody knows": (
        {"templates/pages/x.html": '{% extends "layout.html" %}{% block content %}x{% endblock %}{% block qqq %}{% endblock %}'},
        ["templates/pages/x.html:1:62: The block 'qqq' is never shown. No layer below has a block of that name."],
    ),
    "one of another page": (
        {"templates/landing.html": LANDING + "{% block labs %}x{% endblock %}"},
        ["templates/landing.html:2:1: The block 'labs' is never shown. No layer below has a block of that name."],
    ),
    "one in a block that is filled anew without it": (
        {"templates/home.html": HOME + "{% block labs %}x{% endblock %}\n{% block after %}y{% endblock %}"},
        ["templates/home.html:3:1: The block 'after' is never shown. It stands in the block 'labs', which templates/home.html:2 fills anew "
         "without it."],
    ),
    "one in a block that is filled anew with it": (
        {"templates/home.html": HOME + "{% block labs %}{{ super() }}x{% endblock %}\n{% block after %}y{% endblock %}"},
        [],
    ),
    "a new one within a known one": ({"templates/home.html": HOME + "{% block labs %}{% block mine %}x{% endblock %}{% endblock %}"}, []),
    "one that some pages show": (
        {
            "templates/layout.html": LAYOUT + "{% block heading %}<h1>Ours</h1>{% endblock %}",
            "templates/home.html": HOME + "{% block heading %}<h1>Home</h1>{% endblock %}",
        },
        [],
    ),
    "one that no page gets to": (
        {"templates/layout.html": LAYOUT + "{% block labs %}x{% endblock %}"},
        [],
    ),
    "one that every page fills anew": ({"templates/layout.html": LAYOUT + "{% block content %}ours{% endblock %}"}, []),
}  # fmt: skip


@pytest.mark.parametrize(("files", "says"), CASES.values(), ids=CASES)
def test_a_block_is_shown_somewhere_or_named(themes: Path, files: dict[str, str], says: list[str]) -> None:
    assert [str(finding) for finding in judged(themes, {"tenant.toml": TOML, **files})] == says


def test_thousands_of_blocks_are_looked_at_in_bounded_time(themes: Path) -> None:
    many = "".join(f"{{% block b{number} %}}{{% endblock %}}" for number in range(2000))
    assert len(judged(themes, {"templates/home.html": HOME + many})) == 50
