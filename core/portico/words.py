"""What people read, in their language: words that a configuration gives by language, and sentences of the product's own.

A `Sentence` is an English text and knows its parts: keys of the themes' texts, and the values that these need. Logs and the APIs take it
for the text that it is; pages look its keys up in the theme and say it in their own language. So whoever has something to tell says it
with `say("step_ready", "The lab is ready.")`, in English, and needs to know of no language; a test compares with the themes' texts.
Both sides use this module, and it knows neither themes nor pages.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StringConstraints, Tag

Language = Literal["en", "de"]
LANGUAGES: tuple[Language, ...] = ("en", "de")
"""The languages that the product's own themes speak."""

Line = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\r\n]*$")]
Paragraph = Annotated[str, StringConstraints(max_length=4000)]

_ONE, _SEVERAL = "one text", "texts by language"
FORMS = frozenset({_ONE, _SEVERAL, "[key]"})
"""What pydantic puts into the place of an error beside the keys themselves."""


def _form(value: object) -> str:
    return _SEVERAL if isinstance(value, Mapping) else _ONE


Words = Annotated[
    Annotated[Line, Tag(_ONE)] | Annotated[dict[Language, Line], Field(min_length=1), Tag(_SEVERAL)],
    Discriminator(_form),
]
"""A line: one text for all languages (`"Courses"`), or a table by language (`{en = "Courses", de = "Kurse"}`)."""
Prose = Annotated[
    Annotated[Paragraph, Tag(_ONE)] | Annotated[dict[Language, Paragraph], Field(min_length=1), Tag(_SEVERAL)],
    Discriminator(_form),
]
"""As `Words`, of any length up to 4,000 characters."""
Said = str | Mapping[Language, str]
"""Either of the two, as a value."""


def said(words: Said, locale: str, languages: Sequence[str] = ()) -> str:
    """The words in the language `locale`; where they lack it, in the first of `languages` that they have, else in any of their own."""
    if isinstance(words, str):
        return words
    by_language: dict[str, str] = {str(language): text for language, text in words.items()}
    return next((by_language[language] for language in (locale, *languages) if language in by_language), next(iter(by_language.values())))


def missing(words: Said, languages: Sequence[str]) -> list[str]:
    """Those of `languages` that a table of words lacks; a single text lacks none."""
    return [] if isinstance(words, str) else [language for language in languages if language not in dict(words)]


PLACEHOLDER = re.compile(r"\{([a-z_][a-z0-9_]*)\}")


def fill(text: str, values: Mapping[str, object]) -> str:
    """Put values for `{name}`; what has no value stays. Plain replacement: nothing in a text or a value is evaluated."""
    return PLACEHOLDER.sub(lambda match: str(values.get(match.group(1), match.group())), text)


class Part(BaseModel):
    """One sentence of a `Sentence`."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    key: str
    """Of the text in the themes; empty where the words are somebody else's: then `values` has them as `text`, and they stay as they are."""
    values: dict[str, str] = Field(default_factory=dict)


class Sentence(str):
    """An English text that can be said in other languages. Made by `say`."""

    parts: tuple[Part, ...]

    def __new__(cls, text: str, parts: Iterable[Part] = ()) -> Sentence:
        """The text, and what it is made of; without parts it is nobody's to translate."""
        made = super().__new__(cls, text)
        made.parts = tuple(parts)
        return made

    def then(self, *others: str) -> Sentence:
        """With other sentences after it; those that have no parts of their own are kept as they are."""
        texts = [text for text in (self, *others) if text]
        return Sentence(" ".join(texts), (part for text in texts for part in parts(text)))


def say(key: str, english: str, **values: object) -> Sentence:
    """A sentence with its values filled in. `key` and `english` are the key and the text in `themes/base/texts/en.toml`."""
    return Sentence(fill(english, values), (Part(key=key, values={name: str(value) for name, value in values.items()}),))


def parts(text: str) -> tuple[Part, ...]:
    """What a text is made of; one that is no `Sentence` is a part of its own, and nothing is none."""
    if isinstance(text, Sentence) and text.parts:
        return text.parts
    return (Part(key="", values={"text": str(text)}),) if text else ()


def translate(text: str, look_up: Callable[[str, Mapping[str, str]], str | None]) -> str:
    """The text as `look_up` says its parts; as it is where a part's key is unknown there, so that nothing is said by half."""
    if not isinstance(text, Sentence):
        return text
    found = [look_up(part.key, part.values) if part.key else part.values.get("text", "") for part in text.parts]
    complete = [each for each in found if each is not None]
    return " ".join(complete) if found and len(complete) == len(found) else str(text)


def changed(text: str, change: Callable[[str], str]) -> Sentence:
    """The text with `change` made to it and to all its values: to shorten it, or to take secrets out."""
    return Sentence(change(str(text)), (Part(key=part.key, values={k: change(v) for k, v in part.values.items()}) for part in parts(text)))
