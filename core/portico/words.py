"""What people read, in their language: words that a configuration gives in several languages.

Both sides use it, so it knows neither themes nor pages. Which languages a portal speaks is its bundle's to say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Discriminator, Field, StringConstraints, Tag

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
