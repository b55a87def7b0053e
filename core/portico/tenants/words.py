"""Whether a portal has its words: every text in every language that it speaks, with the values that it is given. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from portico.tenants.composition import Composition
from portico.tenants.findings import Finding, suggestion
from portico.tenants.positions import nearest, positions

Texts = Mapping[str, Mapping[str, str]]
"""By language, then by key."""

_PLACEHOLDER = re.compile(r"\{([a-z_][a-z0-9_]*)\}")


def check(composition: Composition, themes: Texts, document: str) -> list[Finding]:
    """What is wrong with a bundle's texts. `themes` are those that it builds on, `document` is the text of `tenant.toml`."""
    places = positions(document)
    findings = []
    for key, what, cure in (*_missing(composition, themes), *_misfits(composition, themes), *_unused(composition, themes)):
        place = nearest(places, key)
        findings.append(Finding("tenant.toml", place.line, place.column, what, cure))
    return findings


_Complaint = tuple[tuple[str, ...], str, str]
"""The key in `tenant.toml`, what is wrong, the cure."""


def _missing(composition: Composition, themes: Texts) -> Iterator[_Complaint]:
    """Texts that one language of the portal has and another lacks, and languages that it doesn't speak."""
    languages = composition.tenant.languages
    for language in composition.tenant.texts:
        if language not in languages:
            cure = f"Add {language!r} to 'languages', or remove the texts."
            yield ("texts", language), f"The portal has texts in {language!r}, which is not one of its languages.", cure
    keys = dict.fromkeys(key for language in languages for key in composition.texts.get(language, {}))
    for language in languages:
        for key in keys:
            if key not in composition.texts.get(language, {}):
                other = next(each for each in languages if key in composition.texts.get(each, {}))
                whose = "texts" if any(key in composition.tenant.texts.get(each, {}) for each in languages) else "languages"
                place = (whose, other, key) if whose == "texts" else (whose,)
                yield place, f"The text {key!r} is missing in the language {language!r}.", f"Add it below [texts.{language}]."


def _misfits(composition: Composition, themes: Texts) -> Iterator[_Complaint]:
    """Values that a text asks for and nobody gives it."""
    for language, texts in composition.tenant.texts.items():
        for key, text in texts.items():
            model = next((themes[each][key] for each in (language, *themes) if key in themes.get(each, {})), None)
            if model is None:
                continue
            given = set(_PLACEHOLDER.findall(model))
            for name in dict.fromkeys(_PLACEHOLDER.findall(text)):
                if name not in given:
                    may = suggestion(name, given) or (f"It may have {', '.join(sorted(given))}." if given else "It gets no values.")
                    yield ("texts", language, key), f"The text {key!r} asks for {{{name}}}, which nobody fills in.", may


def _unused(composition: Composition, themes: Texts) -> Iterator[_Complaint]:
    """Texts whose key is close to one of the theme's and that no template of the bundle names: a key that was misspelt."""
    known = {key for texts in themes.values() for key in texts}
    source = "\n".join(template.text for template in composition.templates[-1].values())
    for language, texts in composition.tenant.texts.items():
        for key in texts:
            if key in known or key in source or _prefix_in(key, source):
                continue
            close = suggestion(key, known)
            if close:
                yield ("texts", language, key), f"Nothing shows the text {key!r}.", close


def _prefix_in(key: str, source: str) -> bool:
    """Whether a template puts the key together: `t('front_time_' ~ step)`."""
    parts = key.split("_")
    return any(f"{'_'.join(parts[:count])}_'" in source or f'{"_".join(parts[:count])}_"' in source for count in range(1, len(parts)))
