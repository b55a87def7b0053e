"""A portal has its words in each of its languages, and no word waits for a value that nobody gives it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.bundles import TOML, judged, page, write_themes

CASES = {
    "a text that one language lacks": (
        'languages = ["en", "de"]\n[texts.en]\nown = "Own"\n[texts.de]\nhello = "Hallo"\ngreeting = "Hallo {name}"\n"lab.start" = "Los"\n',
        "tenant.toml:5:1: The text 'own' is missing in the language 'de'. Add it below [texts.de].",
    ),
    "a line that one language lacks": (
        'languages = ["en", "de"]\ntagline = {en = "Hello"}\n',
        "tenant.toml:4:1: 'tagline' is missing in the language 'de'. Add it: {..., de = ...}.",
    ),
    "a link that one language lacks": (
        'languages = ["en", "de"]\n[[links]]\nurl = "/a"\ntitle = {de = "Wir"}\n',
        "tenant.toml:6:1: 'links.0.title' is missing in the language 'en'. Add it: {..., en = ...}.",
    ),
    "a language that the portal doesn't speak": (
        '[texts.de]\nhello = "Hallo"\n',
        "tenant.toml:3:1: The portal has texts in 'de', which is not one of its languages. Add 'de' to 'languages', or remove the texts.",
    ),
    "a value that the theme doesn't give": (
        '[texts.en]\ngreeting = "Hello {nam}"\n',
        "tenant.toml:4:1: The text 'greeting' asks for {nam}, which nobody fills in. Did you mean 'name'?",
    ),
    "a value where there is none": (
        '[texts.en]\nhello = "Hello {you}"\n',
        "tenant.toml:4:1: The text 'hello' asks for {you}, which nobody fills in. It gets no values.",
    ),
    "a key that is misspelt": (
        '[texts.en]\ngreting = "x"\n',
        "tenant.toml:4:1: Nothing shows the text 'greting'. Did you mean 'greeting'?",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_with_a_text_is_said_at_its_line(tmp_path: Path, case: str) -> None:
    toml, expected = CASES[case]

    assert expected in [str(finding) for finding in judged(write_themes(tmp_path), {"tenant.toml": TOML + toml})]


FINE = {
    "an override": ('[texts.en]\ngreeting = "Welcome, {name}"\n', {}),
    "a text of the bundle's own": ('[texts.en]\nown = "x"\n', {"templates/pages/own.html": page("{{ t('own') }}")}),
    "a key that a template puts together": (
        '[texts.en]\ngreeting_1 = "x"\n',
        {"templates/pages/own.html": page("{{ t('greeting_' ~ 1) }}")},
    ),
    "an own text that nobody shows yet": ('[texts.en]\nentirely_new = "x"\n', {}),
}


@pytest.mark.parametrize("case", FINE)
def test_what_is_right_is_left_alone(tmp_path: Path, case: str) -> None:
    toml, files = FINE[case]

    assert judged(write_themes(tmp_path), {"tenant.toml": TOML + toml, **files}) == []


FILES = {
    "a text that the other file lacks": (
        {"texts/en.toml": '[course.first]\ntitle = "First"\n', "texts/de.toml": ""},
        "texts/en.toml:2:1: The text 'course.first.title' is missing in the language 'de'. Add it to texts/de.toml.",
    ),
    "a value that the theme doesn't give": (
        {"texts/en.toml": 'hello = "x"\ngreeting = "Hello {nam}"\n'},
        "texts/en.toml:2:1: The text 'greeting' asks for {nam}, which nobody fills in. Did you mean 'name'?",
    ),
}


@pytest.mark.parametrize("case", FILES)
def test_files_of_texts_are_checked_as_well(tmp_path: Path, case: str) -> None:
    files, expected = FILES[case]

    found = judged(write_themes(tmp_path), {"tenant.toml": TOML + 'languages = ["en", "de"]\n', **files})

    assert expected in [str(finding) for finding in found]


def test_a_language_that_only_a_file_speaks_is_said(tmp_path: Path) -> None:
    found = judged(write_themes(tmp_path), {"texts/de.toml": 'hello = "Hallo"\n'})

    assert "texts/de.toml: The portal has texts in 'de', which is not one of its languages. " in str(found[0])
