"""The page on what a template sees: the views with an example of each value, and the blocks of each page.

Examples are what the rehearsal renders JUNIQ's pages with; the blocks are what `portico explain` says of a bundle that overrides nothing.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
from datetime import datetime
from typing import Any

from portico.tenants import explain, rehearsal, views
from portico.tenants.composition import compose
from portico.tenants.environment import Renderer
from portico.tenants.layers import bundles_directory, read_directory, themes_directory

SHOWN = 60
"""Characters of an example."""
BARE = 'title = "Bare"\ncontact = "mailto:help@example.org"\ntheme = "{theme}"\n'
THEMES = ("base", "facility")
DRAWINGS = dict.fromkeys(("static/logo.svg", "static/favicon.svg"), b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>')
BLOCKS = """
## Blocks

A template of yours says `{% extends "theme:home.html" %}` and fills the blocks that it wants to change; `{{ super() }}` within one is
what the theme has there. A block that stands within another is shown only where that one isn't filled anew without it. *empty* means
that the theme has nothing there: a place for you. A page of your own extends `prose.html`, or `layout.html`, whose
blocks every page has.
"""


def page() -> str:
    """The whole page."""
    pages = "\n".join(f"| `{name}.html` | [{cls.__name__}](#{cls.__name__.lower()}) |" for name, cls in views.PAGES.items())
    classes = [cls for _, cls in inspect.getmembers(views, dataclasses.is_dataclass) if cls.__module__ == views.__name__]
    ordered = sorted(classes, key=lambda cls: (cls not in views.PAGES.values(), inspect.getsourcelines(cls)[1]))
    examples = _examples()
    notes = _attribute_notes(inspect.getsource(views))
    head = "# What a template sees\n\n" + (inspect.getdoc(views) or "") + "\n\n| template | its view |\n|---|---|\n" + pages
    own = "\n| `pages/<name>.html` | [OwnPage](#ownpage) |\n"
    return head + own + BLOCKS + _blocks() + "\n" + "\n".join(_section(cls, notes, examples) for cls in ordered)


def _blocks() -> str:
    """For each page its blocks, and the theme's file that fills each."""
    composed = {
        theme: compose("bare", {"tenant.toml": BARE.format(theme=theme).encode(), **DRAWINGS}, themes_directory()).composition
        for theme in THEMES
    }
    head = f"| block | within | {' | '.join(f'in `{theme}`' for theme in THEMES)} |\n|---|---|{'---|' * len(THEMES)}"
    parts = []
    everywhere: set[tuple[str, ...]] = set()
    for name in ("layout", *views.PAGES, "prose"):
        rows: dict[str, dict[str, explain.BlockOrigin]] = {}
        for theme, composition in composed.items():
            origin = explain.page(composition, name)
            assert origin is not None
            for block in origin.blocks:
                rows.setdefault(block.name, {})[theme] = block
        cells = {(f"`{name}`", _within(by), *(_filled(by.get(theme)) for theme in THEMES)): by for name, by in rows.items()}
        own = [row for row, by in cells.items() if row not in everywhere or any(block.overrides for block in by.values())]
        everywhere.update(cells if name == "layout" else ())
        parts.append(f"\n### `{name}.html`\n\n{head}\n" + "\n".join(f"| {' | '.join(row)} |" for row in own) + "\n")
    return "".join(parts)


def _within(by: dict[str, explain.BlockOrigin]) -> str:
    (within, *_) = (block.within for block in by.values())
    return f"`{within}`" if within else ""


def _filled(block: explain.BlockOrigin | None) -> str:
    """By which theme."""
    return "" if block is None else "*empty*" if block.empty else f"by `{block.place.file.split('/')[1]}`"


def _section(cls: type[Any], notes: dict[tuple[str, str], str], examples: dict[tuple[str, str], str]) -> str:
    rows = [
        f"| `{field.name}` | `{field.type}` | {examples[cls.__name__, field.name]} | {notes.get((cls.__name__, field.name), '')} |".replace(
            " | None`", " or None`"
        )
        for field in dataclasses.fields(cls)
    ]
    return "\n".join(
        [f"## {cls.__name__}", "", inspect.getdoc(cls) or "", "", "| field | type | example | meaning |", "|---|---|---|---|", *rows, ""]
    )


def _examples() -> dict[tuple[str, str], str]:
    """For each field of each view a value that says something, out of all samples of JUNIQ's pages."""
    bundle = read_directory(bundles_directory() / "juniq")
    composition = compose("juniq", bundle, themes_directory()).composition
    renderer = Renderer(composition, "/hub/brand/0f3a9c1e7b5d2846/")
    found: dict[tuple[str, str], object] = {}
    for sample in rehearsal.samples_of(renderer, composition, "en"):
        _collect(sample.common, found)
        _collect(sample.view, found)
    return {key: _shown(value) for key, value in found.items()}


def _collect(value: object, found: dict[tuple[str, str], object]) -> None:
    if isinstance(value, tuple):
        for each in value:
            _collect(each, found)
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return
    for field in dataclasses.fields(value):
        inner = getattr(value, field.name)
        key = (type(value).__name__, field.name)
        if key not in found or (found[key] in ("", None, (), 0) and inner):
            found[key] = inner
        _collect(inner, found)


def _shown(value: object) -> str:
    """As a template's author writes or reads it."""
    if isinstance(value, tuple) and value and dataclasses.is_dataclass(value[0]):
        return f"{_shown(value[0])}, …"
    if dataclasses.is_dataclass(value):
        name = type(value).__name__
        return f"[{name}](#{name.lower()})"
    if value is None or isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, datetime):
        return f"`{value.isoformat(sep=' ')}`"
    text = (
        f'"{value}"'
        if isinstance(value, str)
        else "(" + ", ".join(f'"{each}"' for each in value) + ")"
        if isinstance(value, tuple)
        else str(value)
    )
    text = text if len(text) <= SHOWN else text[: SHOWN - 2] + '…"'
    return "`" + re.sub(r"\s+", " ", text).replace("|", "\\|") + "`"


def _attribute_notes(source: str) -> dict[tuple[str, str], str]:
    """The text below each annotated field, by class and field."""
    notes = {}
    for cls in (node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)):
        for field, below in zip(cls.body, cls.body[1:], strict=False):
            if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(below, ast.Expr)):
                continue
            if isinstance(below.value, ast.Constant) and isinstance(below.value.value, str):
                notes[cls.name, field.target.id] = " ".join(below.value.value.split()).replace("|", "\\|")
    return notes
