"""The themes have every text in every language, with the same values; and the words that the product itself says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from portico.words import LANGUAGES, PLACEHOLDER, Part, Sentence, changed, parts, say, translate

from tests.support.sayings import sayings

THEMES = Path(__file__).parents[3] / "themes"
TEXTS = {
    theme.name: {language: tomllib.loads((theme / f"texts/{language}.toml").read_text()) for language in LANGUAGES}
    for theme in THEMES.iterdir()
}
SAYINGS = tuple(sayings())


@pytest.mark.parametrize("theme", TEXTS)
def test_a_theme_has_each_text_in_each_language_with_the_same_values(theme: str) -> None:
    english, german = TEXTS[theme]["en"], TEXTS[theme]["de"]
    assert german.keys() == english.keys()
    differing = [key for key, text in english.items() if set(PLACEHOLDER.findall(text)) != set(PLACEHOLDER.findall(german[key]))]
    assert not differing


def test_what_the_product_says_is_what_the_theme_says_in_english() -> None:
    assert len(SAYINGS) > 100
    english = TEXTS["base"]["en"]
    wrong = [f"{each.place}: {each.key}" for each in SAYINGS if english.get(each.key) != each.english]
    assert not wrong


def test_german_uses_german_quotes_and_real_umlauts() -> None:
    for theme in TEXTS.values():
        for key, text in theme["de"].items():
            assert not re.search(r"[\"“](?=\w)|\w”|\b(fuer|ueber|koennen|muessen|waehlen|oeffnen)\b", text), (key, text)


SENTENCE = say("step_queued", "Waiting in the queue {partition} of {system}.", partition="batch", system="Aurora")
WORDS = {"step_queued": "Wartet: {partition}, {system}.", "trouble_kept": "Bleibt erhalten."}


def german(text: str) -> str:
    return translate(text, lambda key, values: WORDS[key].format(**values) if key in WORDS else None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SENTENCE, "Wartet: batch, Aurora."),
        (SENTENCE.then(say("trouble_kept", "The lab is kept.")), "Wartet: batch, Aurora. Bleibt erhalten."),
        (SENTENCE.then("Segfault."), "Wartet: batch, Aurora. Segfault."),
        (SENTENCE.then(""), "Wartet: batch, Aurora."),
        (SENTENCE.then(say("trouble_new", "Something new.")), "Waiting in the queue batch of Aurora. Something new."),
        ("Segfault.", "Segfault."),
        (Sentence("Segfault."), "Segfault."),
        (Sentence(""), ""),
    ],
)
def test_a_sentence_is_said_in_another_language_or_stays_whole(text: str, said: str) -> None:
    assert german(text) == said


def test_a_sentence_is_its_english_text_wherever_nobody_translates() -> None:
    assert SENTENCE == "Waiting in the queue batch of Aurora."
    assert f"{SENTENCE}" == "Waiting in the queue batch of Aurora."


def test_a_value_is_put_in_once_whatever_it_holds() -> None:
    assert say("a_b", "{x} {y}", x="{y}", y="z") == "{y} z"


def test_what_is_taken_out_of_a_sentence_is_taken_out_of_its_values_too() -> None:
    hidden = changed(
        say("end_site", "{system} ended the lab: {reason}.", system="Aurora", reason="secret"), lambda text: text.replace("secret", "***")
    )
    assert hidden == "Aurora ended the lab: ***."
    assert parts(hidden) == (Part(key="end_site", values={"system": "Aurora", "reason": "***"}),)
