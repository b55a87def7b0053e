"""Where each part of a portal comes from: the answer to "why is my template not used?".

Pure functions over a composition: nothing is rendered. `overview` says what a bundle overrides and adds and what in it nobody uses; `page`
says of each block which layer fills it; `asset` and `text` say which layer a file or a word is from.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from jinja2 import TemplateNotFound, nodes

from portico.tenants import blocks
from portico.tenants.blocks import BlockOrigin, Place
from portico.tenants.composition import Candidate, Composition, texts_of
from portico.tenants.environment import Renderer
from portico.tenants.findings import suggestion
from portico.tenants.layers import theme_chain
from portico.tenants.rehearsal import own_pages
from portico.tenants.sandbox import references
from portico.tenants.views import PAGES


@dataclass(frozen=True, slots=True)
class PageOrigin:
    """Where a page comes from."""

    name: str
    templates: tuple[str, ...]
    """The page's own template and what it extends, the nearest first."""
    blocks: tuple[BlockOrigin, ...]
    includes: tuple[tuple[str, str], ...]
    """What it takes in: the name, and the file that answers to it."""


@dataclass(frozen=True, slots=True)
class TextOrigin:
    """Who says a text, in one language."""

    language: str
    value: str
    file: str
    overrides: tuple[str, ...] = ()
    """The files below that say it otherwise."""


@dataclass(frozen=True, slots=True)
class Overview:
    """A bundle in one look."""

    themes: tuple[str, ...]
    overrides: tuple[tuple[str, str], ...]
    """A file of the bundle's, and the theme's in whose place it stands."""
    adds: tuple[str, ...]
    unused: tuple[tuple[str, str], ...] = field(default=())
    """Templates that nobody asks for, and what may have been meant."""


def overview(candidate: Candidate) -> Overview:
    """What the bundle overrides, adds, and has for nothing."""
    composition = candidate.composition
    *themes, bundle = composition.templates
    below = {path: layer[path].label for layer in themes for path in layer}
    used = _used(composition)
    overrides = [(source.label, below[path]) for path, source in bundle.items() if path in below]
    adds, unused = [], []
    for path, source in bundle.items():
        if path in below:
            continue
        if path in used:
            adds.append(source.label)
        else:
            close = suggestion(path, {f"{name}.html" for name in PAGES} | set(below))
            unused.append((source.label, close or "No page extends or includes it."))
    return Overview(composition.chain, tuple(overrides), tuple(adds), tuple(unused))


def page(composition: Composition, name: str) -> PageOrigin | None:
    """A page by its name (`home`, `home.html`, `pages/systems.html`, `systems`); None where there is none."""
    renderer = Renderer(composition, "/")
    stem = name.removesuffix(".html").removeprefix("pages/")
    path = f"pages/{stem}.html" if stem in own_pages(composition) else f"{stem}.html"
    try:
        chain = blocks.chain(renderer, renderer.sandbox.page(path))
    except TemplateNotFound:
        return None
    includes = dict.fromkeys(each for link in chain for each in _taken_in(renderer, link.full, link.tree))
    return PageOrigin(stem, tuple(link.label for link in chain), blocks.origins(chain), tuple(includes))


def asset(candidate: Candidate, path: str) -> Place | None:
    """The layer's file that answers for a static file; None where there is none."""
    label = candidate.labels.get(path)
    return Place(label) if label else None


def text(candidate: Candidate, key: str, themes: Path) -> tuple[TextOrigin, ...]:
    """A text in each language that has it, and the file that says it so."""
    tenant = candidate.composition.tenant
    layers = [(layer.label("texts"), texts_of([layer])) for layer, _ in theme_chain(tenant.theme, themes)]
    found = []
    for language in dict.fromkeys([*tenant.languages, *candidate.composition.texts]):
        below = [(f"{label}/{language}.toml", texts[language][key]) for label, texts in layers if key in texts.get(language, {})]
        files = ((f"texts/{language}.toml", candidate.texts), ("tenant.toml", tenant.texts))
        own = [(file, texts[language][key]) for file, texts in files if key in texts.get(language, {})]
        if own or below:
            file, value = [*below, *own][-1]
            found.append(TextOrigin(language, value, file, tuple(each for each, _ in [*below, *own][:-1])))
    return tuple(found)


Origin = Overview | PageOrigin | Place | tuple[TextOrigin, ...]


def anything(candidate: Candidate, what: str, themes: Path) -> Origin | None:
    """Whatever has that name: a page, a static file, a text; None where nothing has."""
    if not what:
        return overview(candidate)
    origin = page(candidate.composition, what) or asset(candidate, what.removeprefix("static/"))
    return origin or text(candidate, what, themes) or None


def nearest(candidate: Candidate, what: str) -> str:
    """What may have been meant."""
    known = {
        *PAGES,
        *own_pages(candidate.composition),
        *candidate.labels,
        *(key for texts in candidate.composition.texts.values() for key in texts),
    }
    return suggestion(what, known)


def as_json(origin: Origin) -> str:
    """For scripts."""
    return json.dumps([asdict(each) for each in origin] if isinstance(origin, tuple) else asdict(origin), indent=1)


def written(origin: Origin) -> str:
    """For people."""
    if isinstance(origin, Place):
        return str(origin)
    if isinstance(origin, tuple):
        return "\n".join(
            f"{each.language}  {each.value!r}\n    {' in place of '.join((each.file, *each.overrides[::-1]))}" for each in origin
        )
    return "\n".join(_overview_lines(origin) if isinstance(origin, Overview) else _page_lines(origin))


def _overview_lines(origin: Overview) -> Iterator[str]:
    yield f"Themes: {' > '.join(origin.themes)} > the bundle"
    for title, rows in (
        ("In place of a theme's", [f"{own}    for {theirs}" for own, theirs in origin.overrides]),
        ("Of its own", list(origin.adds)),
        ("Used by nobody", [f"{file}    {hint}" for file, hint in origin.unused]),
    ):
        if rows:
            yield f"{title}:"
            yield from (f"  {row}" for row in rows)


def _page_lines(origin: PageOrigin) -> Iterator[str]:
    yield f"The page {origin.name!r}: {' > '.join(origin.templates)}"
    yield "Blocks:"
    names = indented(origin.blocks)
    width = max(map(len, names), default=0)
    for name, block in zip(names, origin.blocks, strict=True):
        over = f"  in place of {', '.join(map(str, block.overrides))}" if block.overrides else ""
        yield f"  {name:<{width}}  {block.place}" + (over if block.shown else f"  NOT SHOWN: {block.hint}")
    if origin.includes:
        yield "Takes in:"
        yield from (f"  {name:<{width}}  {file}" for name, file in origin.includes)


def indented(blocks: Sequence[BlockOrigin]) -> list[str]:
    """The names of a page's blocks, each two spaces further in than the block that it stands in."""
    depths: dict[str, int] = {}
    for block in blocks:
        depths[block.name] = depths.get(block.within, -1) + 1
    return [f"{'  ' * depths[block.name]}{block.name}" for block in blocks]


# How it is found


def _taken_in(renderer: Renderer, full: str, tree: nodes.Template) -> Iterator[tuple[str, str]]:
    for node in tree.find_all((nodes.Include, nodes.FromImport, nodes.Import)):
        if isinstance(node.template, nodes.Const):  # type: ignore[attr-defined]
            name = str(node.template.value)  # type: ignore[attr-defined]
            try:
                yield name, renderer.sources.source(renderer.sources.resolve(name, full)).label
            except TemplateNotFound:
                continue


def _used(composition: Composition) -> set[str]:
    """The paths of all templates that a page comes to."""
    renderer = Renderer(composition, "/")
    waiting = [f"{name}.html" for name in PAGES] + [f"pages/{name}.html" for name in own_pages(composition)]
    full_names = [renderer.sources.resolve(path) for path in waiting if renderer.sources.has(path)]
    seen: set[str] = set()
    while full_names:
        full = full_names.pop()
        if full in seen:
            continue
        seen.add(full)
        source = renderer.sources.source(full)
        for _, name, _ in references(renderer.sandbox.parse(source.text, full, source.label)):
            try:
                full_names.append(renderer.sources.resolve(name, full))
            except TemplateNotFound:
                continue
    return {full.partition(":")[2] for full in seen}
