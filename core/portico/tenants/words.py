"""Whether a portal has its words: every text in every language that it speaks, with the values that it is given. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from portico.positions import Key, nearest, positions
from portico.tenants.bundle import Tenant
from portico.tenants.composition import Candidate, Composition
from portico.tenants.findings import Finding, suggestion
from portico.words import LANGUAGES, PLACEHOLDER, Said, missing

Texts = Mapping[str, Mapping[str, str]]
"""By language, then by key."""

TENANT = "tenant.toml"
FILES = (TENANT, *(f"texts/{language}.toml" for language in LANGUAGES))
"""Where a bundle's own words stand."""


class Own(NamedTuple):
    """A text of the bundle's own."""

    language: str
    key: str
    text: str
    file: str
    place: Key


class _Complaint(NamedTuple):
    file: str
    place: Key
    what: str
    cure: str


def check(candidate: Candidate, themes: Texts, documents: Mapping[str, str]) -> list[Finding]:
    """What is wrong with a bundle's texts. `themes` are those that it builds on, `documents` the texts of those of `FILES` that it has."""
    composition = candidate.composition
    own = list(_own(candidate))
    places = {file: positions(text) for file, text in documents.items()}
    findings = []
    complaints = (
        *_untranslated(composition.tenant),
        *_missing(composition, own),
        *_misfits(own, themes),
        *_unused(composition, own, themes),
    )
    for file, key, what, cure in complaints:
        place = nearest(places.get(file, {}), key)
        findings.append(Finding(file, place.line, place.column, what, cure))
    return findings


def _own(candidate: Candidate) -> Iterator[Own]:
    """Those in files of texts, then those in `tenant.toml`."""
    for language, texts in candidate.texts.items():
        for key, text in texts.items():
            yield Own(language, key, text, f"texts/{language}.toml", tuple(key.split(".")))
    for language, texts in candidate.composition.tenant.texts.items():
        for key, text in texts.items():
            yield Own(language, key, text, TENANT, ("texts", language, key))


def _untranslated(tenant: Tenant) -> Iterator[_Complaint]:
    """Tables by language in `tenant.toml` that lack one of the portal's."""
    tables: list[tuple[Key, Said]] = [(("title",), tenant.title), (("tagline",), tenant.tagline)]
    tables += [(("links", number, "title"), link.title) for number, link in enumerate(tenant.links)]
    tables += [(("announcements", number, "text"), notice.text) for number, notice in enumerate(tenant.announcements)]
    tables += [(("systems", number, "description"), system.description) for number, system in enumerate(tenant.systems)]
    for key, words in tables:
        name = ".".join(str(part) for part in key)
        for language in missing(words, tenant.languages):
            yield _Complaint(TENANT, key, f"{name!r} is missing in the language {language!r}.", f"Add it: {{..., {language} = ...}}.")


def _missing(composition: Composition, own: list[Own]) -> Iterator[_Complaint]:
    """Texts that one language of the portal has and another lacks, and languages that it doesn't speak."""
    languages = composition.tenant.languages
    for language, file in dict.fromkeys((each.language, each.file) for each in own if each.language not in languages):
        cure = f"Add {language!r} to 'languages', or remove the texts."
        place: Key = ("texts", language) if file == TENANT else ()
        yield _Complaint(file, place, f"The portal has texts in {language!r}, which is not one of its languages.", cure)
    keys = dict.fromkeys(key for language in languages for key in composition.texts.get(language, {}))
    known = {(each.language, each.key): each for each in own}
    for language in languages:
        for key in keys:
            if key not in composition.texts.get(language, {}):
                what = f"The text {key!r} is missing in the language {language!r}."
                there = next((known[other, key] for other in languages if (other, key) in known), None)
                if there is None:
                    yield _Complaint(TENANT, ("languages",), what, f"Add it below [texts.{language}].")
                else:
                    cure = f"below [texts.{language}]" if there.file == TENANT else f"to texts/{language}.toml"
                    yield _Complaint(there.file, there.place, what, f"Add it {cure}.")


def _misfits(own: list[Own], themes: Texts) -> Iterator[_Complaint]:
    """Values that a text asks for and nobody gives it."""
    for each in own:
        model = next((themes[language][each.key] for language in (each.language, *themes) if each.key in themes.get(language, {})), None)
        if model is None:
            continue
        given = set(PLACEHOLDER.findall(model))
        for name in dict.fromkeys(PLACEHOLDER.findall(each.text)):
            if name not in given:
                may = suggestion(name, given) or (f"It may have {', '.join(sorted(given))}." if given else "It gets no values.")
                yield _Complaint(each.file, each.place, f"The text {each.key!r} asks for {{{name}}}, which nobody fills in.", may)


def _unused(composition: Composition, own: list[Own], themes: Texts) -> Iterator[_Complaint]:
    """Texts whose key is close to one of the theme's and that no template of the bundle names: a key that was misspelt."""
    known = {key for texts in themes.values() for key in texts}
    source = "\n".join(template.text for template in composition.templates[-1].values())
    for each in own:
        if each.key in known or each.key in source or _prefix_in(each.key, source):
            continue
        close = suggestion(each.key, known)
        if close:
            yield _Complaint(each.file, each.place, f"Nothing shows the text {each.key!r}.", close)


def _prefix_in(key: str, source: str) -> bool:
    """Whether a template puts the key together: `t('front_time_' ~ step)`, `t('course.' ~ course.id ~ '.title')`."""
    ends = [match.end() for match in re.finditer(r"[_.]", key)]
    return any(f"{key[:end]}{quote}" in source for end in ends for quote in "'\"")
