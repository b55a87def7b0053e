"""Renders the pages of one portal: templates of all layers, texts in their languages, addresses of assets.

A `Renderer` is made from a `Composition` (a candidate in memory, or a snapshot on disk) and keeps its compiled templates. It knows nothing
of requests; the hub and the rehearsal call it in the same way.
"""

from __future__ import annotations

import sys
from dataclasses import fields
from types import FrameType

from jinja2 import Template

from portico.tenants import budget, views
from portico.tenants.composition import Composition, Stylesheet
from portico.tenants.findings import Finding, suggestion
from portico.tenants.sandbox import Sandbox, Sources
from portico.words import PLACEHOLDER, fill, translate

FALLBACK = "en"


def template_path(view: views.Page) -> str:
    """The template of a page, below `templates/`."""
    if isinstance(view, views.OwnPage):
        return f"pages/{view.name}.html"
    return next(f"{name}.html" for name, kind in views.PAGES.items() if isinstance(view, kind))


class Renderer:
    """The pages of one composition. `prefix` is the address below which its static files answer, with a slash at its end."""

    def __init__(self, composition: Composition, prefix: str) -> None:
        self.composition = composition
        self._prefix = prefix
        self.sources = Sources(composition.templates)
        self.sandbox = Sandbox(
            self.sources,
            functions={"t": self._t, "asset": self._asset},
            values={
                "stylesheets": tuple(Stylesheet(sheet.layer, self.asset(sheet.url)) for sheet in composition.stylesheets),
                "scripts": tuple(self.asset(path) for path in composition.scripts),
                "languages": tuple(composition.tenant.languages),
            },
        )

    def render(self, common: views.Common, view: views.Page, *, rendering: budget.Rendering | None = None) -> str:
        """One page as HTML.

        Raises TemplateNotFound where no layer has the page, TooMuch where it costs too much, and whatever Jinja raises for an error in a
        template (a snapshot has been rehearsed, so that these are rare there).
        """
        values = {field.name: getattr(part, field.name) for part in (common, view) for field in fields(part)}
        with budget.Bound(rendering or budget.Rendering(locale=common.locale)):
            template = self.sandbox.get_template(self.sandbox.page(template_path(view)))
            return template.render(values)

    def asset(self, path: str) -> str:
        """The address of a static file."""
        return self._prefix + path

    def text(self, locale: str, key: str, **values: object) -> str | None:
        """A text with its values filled in; in English where the language lacks it; None where there is none."""
        for language in dict.fromkeys((locale, *self._fallbacks())):
            found = self.composition.texts.get(language, {}).get(key)
            if found is not None:
                return fill(found, values)
        return None

    def say(self, locale: str, sentence: str) -> str:
        """A sentence of the product's own in the words of the theme and the bundle; any other text as it is."""
        return translate(sentence, lambda key, values: self.text(locale, key, **values))

    def _fallbacks(self) -> tuple[str, ...]:
        return (FALLBACK, *self.composition.tenant.languages)

    def _t(self, key: str, **values: object) -> str:
        rendering = budget.current()
        text = self.text(rendering.locale, str(key), **values)
        if text is None:
            known = self.composition.texts.get(FALLBACK, {})
            cure = suggestion(str(key), known) or f"Add it to texts/{FALLBACK}.toml of the theme or to [texts.{FALLBACK}] in tenant.toml."
            rendering.problems.append(_here(f"There is no text {str(key)!r}.", cure))
            return str(key)
        unfilled = PLACEHOLDER.search(text)
        if unfilled and unfilled.group(1) not in values and not any(unfilled.group() in str(value) for value in values.values()):
            name = unfilled.group(1)
            rendering.problems.append(_here(f"The text {str(key)!r} needs a value {name!r}.", f"Write t({str(key)!r}, {name}=...)."))
        return text

    def _asset(self, path: str) -> str:
        if str(path) not in self.composition.static:
            cure = suggestion(str(path), self.composition.static) or "Put it below static/."
            budget.current().problems.append(_here(f"There is no static file {str(path)!r}.", cure))
        return self.asset(str(path))


def _here(what: str, cure: str) -> Finding:
    """A finding at the place in the template that is being rendered."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        template = frame.f_globals.get("__jinja_template__")
        if isinstance(template, Template):
            return Finding(template.filename or "", template.get_corresponding_lineno(frame.f_lineno), 0, what, cure)
        frame = frame.f_back
    return Finding("", 0, 0, what, cure)
