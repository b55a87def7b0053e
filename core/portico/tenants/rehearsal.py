"""Renders every page of a candidate in every language and state, before anybody sees it.

What it finds are sentences with file, line and column, also for what Jinja finds by itself. It must run where a template that misbehaves
can be stopped from outside (`judge`): parsing and compiling have no budget of their own.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial
from typing import NamedTuple

from jinja2 import TemplateNotFound, TemplateSyntaxError, UndefinedError

from portico.tenants import blocks, budget, markup, structure, views
from portico.tenants.budget import Rendering, TooMuch
from portico.tenants.composition import Composition
from portico.tenants.environment import Renderer, template_path
from portico.tenants.findings import Finding, suggestion
from portico.tenants.markup import Objection
from portico.tenants.samples import NOW, Sample, samples
from portico.tenants.sandbox import Source, references
from portico.tenants.structure import Outline

FINDING_LIMIT = 50
REFERENCES_KEPT = 2_000
_QUOTED = re.compile(r"'([^'\s]{1,60})'")
_NO_FIELD = re.compile(r"'(?:[\w.]+\.)?(\w+) object' has no attribute '(\w+)'")
_UNDEFINED = re.compile(r"^'(\w+)' is undefined$")
_VIEWS = {name: [field.name for field in dataclasses.fields(kind)] for name, kind in vars(views).items() if dataclasses.is_dataclass(kind)}


class Rendered(NamedTuple):
    """One page in one state and language."""

    page: str
    state: str
    locale: str
    html: str


class Rehearsal(NamedTuple):
    """Every page that could be rendered, and what is wrong."""

    pages: tuple[Rendered, ...]
    findings: tuple[Finding, ...]


def render_all(composition: Composition, *, prefix: str = "/hub/brand/rehearsal/") -> Rehearsal:
    """Compile every template and render every page; collects what is wrong instead of raising."""
    renderer = Renderer(composition, prefix)
    findings: dict[Finding, None] = dict.fromkeys(_compile_all(renderer))
    pages: list[Rendered] = []
    seen: list[tuple[Source, Outline]] = []
    own_ids: dict[str, set[str]] = {name: set() for name in own_pages(composition)}
    whole = True
    if not findings:
        for locale in composition.tenant.languages:
            for sample in samples_of(renderer, composition, locale):
                rendered = rehearse(renderer, sample)
                findings.update(dict.fromkeys(rendered.findings))
                if rendered.html is not None and rendered.source is not None:
                    outline = structure.read(rendered.html)
                    pages.append(Rendered(sample.page, sample.state, locale, rendered.html))
                    seen.append((rendered.source, outline))
                    findings.update(dict.fromkeys(_places(renderer, outline.objections, rendered.source)))
                    own_ids.get(sample.page, set()).update(outline.ids)
                whole = whole and rendered.html is not None
                if len(findings) >= FINDING_LIMIT:
                    break
        paths = [f"{name}.html" for name in views.PAGES] + [f"pages/{name}.html" for name in own_ids]
        findings.update(dict.fromkeys(blocks.unseen(renderer, paths)))
        # Where a page couldn't be rendered nobody knows which places it has.
        for source, outline in seen if whole else ():
            findings.update(dict.fromkeys(_places(renderer, structure.dead_links(outline, own_ids), source)))
    located = (_located(renderer, finding) for finding in findings)
    return Rehearsal(tuple(pages), tuple(dict.fromkeys(located))[:FINDING_LIMIT])


def own_pages(composition: Composition) -> tuple[str, ...]:
    """The names of the own pages that the layers add."""
    paths = {path for layer in composition.templates for path in layer if re.fullmatch(r"pages/[a-z][a-z0-9-]{0,31}\.html", path)}
    return tuple(sorted(path.removeprefix("pages/").removesuffix(".html") for path in paths))


def samples_of(renderer: Renderer, composition: Composition, locale: str, *, now: datetime = NOW) -> Iterator[Sample]:
    """Every page of a composition in every state, in one language, at that moment."""
    return samples(
        composition.tenant,
        name=composition.name,
        asset=renderer.asset,
        pages=own_pages(composition),
        locale=locale,
        speak=partial(renderer.say, locale),
        now=now,
    )


class Tried(NamedTuple):
    """What came of one page: its HTML, its own template, what is wrong."""

    html: str | None
    source: Source | None
    findings: list[Finding]


def rehearse(renderer: Renderer, sample: Sample) -> Tried:
    """Render one page; whatever its templates do comes back as findings."""
    rendering = Rendering(locale=sample.common.locale)
    path = template_path(sample.view)
    try:
        own = renderer.sources.source(renderer.sandbox.page(path))
    except TemplateNotFound:
        return Tried(None, None, [Finding(f"templates/{path}", 0, 0, "No layer has this page.", "Add it, or choose a theme that has it.")])
    try:
        html = renderer.render(sample.common, sample.view, rendering=rendering)
    except Exception as error:  # a template may raise anything; whatever it is, it is the candidate's
        return Tried(None, own, [*rendering.problems, _explain(error, own.label)])
    return Tried(html, own, [*rendering.problems, *_places(renderer, markup.check(html), own)])


def _places(renderer: Renderer, objections: Iterable[Objection], own: Source) -> Iterator[Finding]:
    """What is wrong with a page, with the place in its own template or the bundle's, else the theme's, where it seems to come from."""
    *themes, bundle = renderer.sources.layers
    sources = [own, *bundle.values()]
    if own not in bundle.values():
        sources.extend(source for layer in reversed(themes) for source in layer.values())
    for objection in objections:
        for source in sources:
            found = source.text.lower().find(objection.text.lower())
            if found >= 0:
                line, column = source.text.count("\n", 0, found) + 1, found - source.text.rfind("\n", 0, found)
                yield Finding(source.label, line, column, objection.what, objection.cure)
                break
        else:
            yield Finding(own.label, 0, 0, objection.what, objection.cure)


def _compile_all(renderer: Renderer) -> Iterator[Finding]:
    """Parse and compile every template of every layer, used or not, and follow what they refer to."""
    graph: dict[str, list[tuple[int, str]]] = {}
    for full in renderer.sources.names():
        source = renderer.sources.source(full)
        try:
            with budget.Bound(Rendering(locale="en")):
                renderer.sandbox.get_template(full)
            wanted = _references(renderer, full, source)
        except Exception as error:  # also RecursionError, ValueError and what else a hostile text brings out of a parser
            yield _explain(error, source.label)
            continue
        graph[full] = []
        for line, name, optional in wanted:
            try:
                graph[full].append((line, renderer.sources.resolve(name, full)))
            except TemplateNotFound:
                if not optional:
                    known = [path for layer in renderer.sources.layers for path in layer]
                    cure = suggestion(name, known) or "Add it below templates/."
                    yield Finding(source.label, line, 0, f"There is no template {name!r}.", cure)
    yield from _circles(renderer, graph)


_REFERENCES: dict[tuple[str, Source], list[tuple[int, str, bool]]] = {}
"""What templates refer to, as long as they stay the same from one candidate to the next."""


def _references(renderer: Renderer, full: str, source: Source) -> list[tuple[int, str, bool]]:
    key = full, source
    if key not in _REFERENCES:
        if len(_REFERENCES) > REFERENCES_KEPT:
            _REFERENCES.clear()
        _REFERENCES[key] = references(renderer.sandbox.parse(source.text, full, source.label))
    return _REFERENCES[key]


def _circles(renderer: Renderer, graph: dict[str, list[tuple[int, str]]]) -> Iterator[Finding]:
    """A template that comes back to itself, through whatever others."""
    done: set[str] = set()
    for start, first in graph.items():
        stack: list[tuple[str, Iterator[tuple[int, str]]]] = [(start, iter(first))]
        path = [start]
        while stack and start not in done:
            full, rest = stack[-1]
            step = next(rest, None)
            if step is None:
                done.add(full)
                stack.pop()
                path.pop()
            elif step[1] in path:
                label = renderer.sources.source(full).label
                own = full.partition(":")[2]
                cure = f"Write 'theme:{own}' for the theme's template of the same name." if step[1] == full else "Break the circle."
                yield Finding(label, step[0], 0, f"The template comes back to itself by {step[1].partition(':')[2]!r}.", cure)
            elif step[1] not in done:
                stack.append((step[1], iter(graph.get(step[1], ()))))
                path.append(step[1])


def _explain(error: Exception, fallback: str) -> Finding:
    """What an exception means to the author of the template in which it was raised."""
    if isinstance(error, TemplateSyntaxError):
        return Finding(error.filename or fallback, error.lineno, 0, _sentence(str(error.message)), _syntax_cure(str(error.message)))
    file, line = _place(error, fallback)
    text = str(error) or type(error).__name__
    if isinstance(error, UndefinedError):
        return Finding(file, line, 0, *_undefined(text))
    if isinstance(error, MemoryError | RecursionError):
        return Finding(file, line, 0, "The template asks for too much memory or is nested too deep.", "Make it simpler.")
    cure = "Make the page smaller or simpler." if isinstance(error, TooMuch) else ""
    return Finding(file, line, 0, _sentence(text), cure)


def _undefined(text: str) -> tuple[str, str]:
    field = _NO_FIELD.search(text)
    if field and field.group(1) in _VIEWS:
        return f"{field.group(1)} has no field {field.group(2)!r}.", suggestion(field.group(2), _VIEWS[field.group(1)])
    name = _UNDEFINED.match(text)
    if name:
        known = {field for kind in ("Common", "LandingPage", "HomePage", "StartPage", "ErrorPage") for field in _VIEWS[kind]}
        cure = suggestion(name.group(1), known | {"t", "asset", "stylesheets", "scripts"})
        return f"{name.group(1)!r} is not defined on this page.", cure or "See the reference for what each page gets."
    return _sentence(text), ""


def _place(error: BaseException, fallback: str) -> tuple[str, int]:
    """File and line of the innermost template frame of a traceback (Jinja has put the templates' own names and lines into it)."""
    place = fallback, 0
    trace = error.__traceback__
    while trace is not None:
        if "__jinja_exception__" in trace.tb_frame.f_globals:
            place = trace.tb_frame.f_code.co_filename, trace.tb_lineno
        trace = trace.tb_next
    return place


def _syntax_cure(message: str) -> str:
    if "unknown tag 'endblock'" in message or "No filter named" in message or "No test named" in message:
        return "See the reference for the tags, filters and tests that are available."
    return ""


def _sentence(text: str) -> str:
    text = text.strip().splitlines()[0] if text.strip() else "It failed."
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _located(renderer: Renderer, finding: Finding) -> Finding:
    """The finding with a column, where what it quotes stands in its line."""
    quoted = _QUOTED.search(finding.what)
    if finding.column or not finding.line or not quoted:
        return finding
    for layer in renderer.sources.layers:
        for source in layer.values():
            if source.label == finding.file:
                lines = source.text.splitlines()
                column = lines[finding.line - 1].find(quoted.group(1)) + 1 if finding.line <= len(lines) else 0
                return dataclasses.replace(finding, column=column)
    return finding
