"""Where each part of a portal comes from: the answer to "why is my template not used?".

Pure functions over a composition: nothing is rendered. `overview` says what a bundle overrides and adds and what in it nobody uses; `page`
says of each block which layer fills it; `asset` and `text` say which layer a file or a word is from.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from jinja2 import TemplateNotFound, nodes

from portico.tenants.composition import Candidate, Composition, texts_of
from portico.tenants.environment import Renderer
from portico.tenants.findings import suggestion
from portico.tenants.layers import theme_chain
from portico.tenants.rehearsal import own_pages
from portico.tenants.sandbox import references
from portico.tenants.views import PAGES


@dataclass(frozen=True, slots=True)
class Place:
    """A file, and the line that matters in it; 0 for the whole file."""

    file: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class BlockOrigin:
    """Who fills a block of a page."""

    name: str
    place: Place
    overrides: tuple[Place, ...] = ()
    """Where the same block is filled in layers below, and isn't shown for that."""
    shown: bool = True
    hint: str = ""
    """Why it isn't shown."""


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
        chain = list(_chain(renderer, renderer.sandbox.page(path)))
    except TemplateNotFound:
        return None
    labels = [renderer.sources.source(full).label for full, _ in chain]
    includes = dict.fromkeys(each for full, tree in chain for each in _taken_in(renderer, full, tree))
    return PageOrigin(
        stem, tuple(labels), tuple(_blocks([(label, tree) for label, (_, tree) in zip(labels, chain, strict=True)])), tuple(includes)
    )


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
    width = max((len(block.name) for block in origin.blocks), default=0)
    for block in origin.blocks:
        over = f"  in place of {', '.join(map(str, block.overrides))}" if block.overrides else ""
        yield f"  {block.name:<{width}}  {block.place}" + (over if block.shown else f"  NOT SHOWN: {block.hint}")
    if origin.includes:
        yield "Takes in:"
        yield from (f"  {name:<{width}}  {file}" for name, file in origin.includes)


# How it is found


def _chain(renderer: Renderer, full: str) -> Iterator[tuple[str, nodes.Template]]:
    """A template and what it extends, the nearest first."""
    seen: set[str] = set()
    while full not in seen:
        seen.add(full)
        source = renderer.sources.source(full)
        tree = renderer.sandbox.parse(source.text, full, source.label)
        yield full, tree
        extends = tree.find(nodes.Extends)
        if extends is None or not isinstance(extends.template, nodes.Const):
            return
        full = renderer.sources.resolve(str(extends.template.value), full)


def _taken_in(renderer: Renderer, full: str, tree: nodes.Template) -> Iterator[tuple[str, str]]:
    for node in tree.find_all((nodes.Include, nodes.FromImport, nodes.Import)):
        if isinstance(node.template, nodes.Const):  # type: ignore[attr-defined]
            name = str(node.template.value)  # type: ignore[attr-defined]
            try:
                yield name, renderer.sources.source(renderer.sources.resolve(name, full)).label
            except TemplateNotFound:
                continue


def _blocks(chain: list[tuple[str, nodes.Template]]) -> Iterator[BlockOrigin]:
    """Each block in the order in which the layers below have it, then those that only a nearer one knows."""
    filled: dict[str, list[tuple[str, nodes.Block]]] = {}
    for label, tree in reversed(chain):
        for block in tree.find_all(nodes.Block):
            filled.setdefault(block.name, []).insert(0, (label, block))
    shown = _shown(chain[-1][1], filled)
    holders = {block.name: outer.name for blocks in filled.values() for _, outer in blocks for block in outer.find_all(nodes.Block)}
    for name, places in filled.items():
        (label, block), *others = places
        below = tuple(Place(each, node.lineno) for each, node in others)
        if name in shown:
            yield BlockOrigin(name, Place(label, block.lineno), below)
            continue
        holder = holders.get(name)
        if holder is not None and holder in filled:
            by, outer = filled[holder][0]
            hint = f"It stands in the block {holder!r}, which {by}:{outer.lineno} fills anew without it."
        else:
            hint = suggestion(name, set(filled) - {name}) or "No layer below has a block of that name."
        yield BlockOrigin(name, Place(label, block.lineno), below, shown=False, hint=hint)


def _shown(root: nodes.Template, filled: dict[str, list[tuple[str, nodes.Block]]]) -> set[str]:
    """The blocks that come into the page: those of the outermost template, and those within what fills them."""
    shown: set[str] = set()
    waiting = [block.name for block in root.find_all(nodes.Block) if not _within_block(root, block)]
    while waiting:
        name = waiting.pop()
        if name in shown:
            continue
        shown.add(name)
        for _, block in filled.get(name, ()):
            waiting.extend(inner.name for inner in block.find_all(nodes.Block))
            if not any(isinstance(call.node, nodes.Name) and call.node.name == "super" for call in block.find_all(nodes.Call)):
                break  # what lies below is replaced
    return shown


def _within_block(root: nodes.Template, block: nodes.Block) -> bool:
    return any(inner is block for outer in root.find_all(nodes.Block) for inner in outer.find_all(nodes.Block))


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
