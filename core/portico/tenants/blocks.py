"""The blocks of a page: which layer fills each, where it stands, and which of them nobody ever sees. Pure; nothing is rendered."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from jinja2 import TemplateNotFound, nodes

from portico.tenants.environment import Renderer
from portico.tenants.findings import Finding, suggestion


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
    within: str = ""
    """The block that it stands in; empty: none."""
    empty: bool = False
    """There is nothing in it: a place for whoever wants one."""


class Link(NamedTuple):
    """A template in the chain of those that extend each other."""

    full: str
    label: str
    tree: nodes.Template


def chain(renderer: Renderer, full: str) -> list[Link]:
    """A template and what it extends, the nearest first; raises TemplateNotFound."""
    return list(_chain(renderer, full))


def _chain(renderer: Renderer, full: str) -> Iterator[Link]:
    seen: set[str] = set()
    while full not in seen:
        seen.add(full)
        source = renderer.sources.source(full)
        tree = renderer.sandbox.parse(source.text, full, source.label)
        yield Link(full, source.label, tree)
        extends = tree.find(nodes.Extends)
        if extends is None or not isinstance(extends.template, nodes.Const):
            return
        full = renderer.sources.resolve(str(extends.template.value), full)


def origins(chain: Sequence[Link]) -> tuple[BlockOrigin, ...]:
    """Each block of a page, and after it those that stand in it."""
    return tuple(_nested(list(_blocks(chain))))


def unseen(renderer: Renderer, pages: Iterable[str]) -> Iterator[Finding]:
    """The blocks of the bundle's own templates that no page shows, by their place; `pages` are the paths of all pages."""
    own = {source.label: source.text for source in renderer.sources.layers[-1].values()}
    shown: set[tuple[str, Place]] = set()
    hidden: dict[tuple[str, Place], BlockOrigin] = {}
    for path in pages:
        try:
            found = origins(chain(renderer, renderer.sandbox.page(path)))
        except TemplateNotFound:
            continue
        for block in found:
            if block.shown:
                shown.update((block.name, place) for place in (block.place, *block.overrides))
            elif block.place.file in own:
                hidden.setdefault((block.name, block.place), block)
    for (name, place), block in hidden.items():
        if (name, place) not in shown:
            yield Finding(
                place.file, place.line, _column(own[place.file], place.line, name), f"The block {name!r} is never shown.", block.hint
            )


def _column(text: str, line: int, name: str) -> int:
    found = re.search(rf"{{%[-+]?\s*block\s+{name}\b", text.split("\n")[line - 1])
    return found.start() + 1 if found else 0


def _nested(blocks: Sequence[BlockOrigin], within: str = "") -> Iterator[BlockOrigin]:
    """Each block, and after it those that stand in it."""
    for block in blocks:
        if block.within == within:
            yield block
            yield from _nested(blocks, block.name)


def _blocks(chain: Sequence[Link]) -> Iterator[BlockOrigin]:
    """Each block; those that a layer below has, in its order, before those that only a nearer one knows."""
    filled: dict[str, list[tuple[str, nodes.Block]]] = {}
    for link in reversed(chain):
        for block in link.tree.find_all(nodes.Block):
            filled.setdefault(block.name, []).insert(0, (link.label, block))
    shown = _shown(chain[-1].tree, filled)
    holders = {inner.name: outer.name for blocks in filled.values() for _, outer in blocks for inner in _outermost(outer)}
    for name, places in filled.items():
        (label, block), *others = places
        below = tuple(Place(each, node.lineno) for each, node in others)
        if name in shown:
            within = holders.get(name, "")
            yield BlockOrigin(name, Place(label, block.lineno), below, within=within, empty=not block.body)
            continue
        holder = holders.get(name)
        if holder is not None and holder in filled:
            by, outer = filled[holder][0]
            hint = f"It stands in the block {holder!r}, which {by}:{outer.lineno} fills anew without it."
        else:
            hint = suggestion(name, shown) or "No layer below has a block of that name."
        yield BlockOrigin(name, Place(label, block.lineno), below, shown=False, hint=hint)


def _shown(root: nodes.Template, filled: dict[str, list[tuple[str, nodes.Block]]]) -> set[str]:
    """The blocks that come into the page: those of the outermost template, and those within what fills them."""
    shown: set[str] = set()
    waiting = [block.name for block in _outermost(root)]
    while waiting:
        name = waiting.pop()
        if name in shown:
            continue
        shown.add(name)
        for _, block in filled.get(name, ()):
            waiting.extend(inner.name for inner in _outermost(block))
            if not any(isinstance(call.node, nodes.Name) and call.node.name == "super" for call in block.find_all(nodes.Call)):
                break  # what lies below is replaced
    return shown


def _outermost(node: nodes.Node) -> Iterator[nodes.Block]:
    """The blocks in a node that stand in no other block of it."""
    for child in node.iter_child_nodes():
        if isinstance(child, nodes.Block):
            yield child
        else:
            yield from _outermost(child)
