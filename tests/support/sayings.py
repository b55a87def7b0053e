"""Every sentence that the product says by `words.say`, read from its source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import portico

_KEY = re.compile(r"[a-z]+(_[a-z0-9]+)+")


class Saying(NamedTuple):
    """A key, its English text, and where it stands."""

    key: str
    english: str
    place: str


def sayings() -> Iterator[Saying]:
    """`say("key", "English", ...)`, and the pairs `("key", "English")` of tables that are passed to it."""
    root = Path(portico.__file__).parent
    for file in sorted(root.rglob("*.py")):
        source = file.read_text(encoding="utf-8")
        if "import" in source and "say" in source:
            yield from _in(ast.parse(source), str(file.relative_to(root)))


def _in(tree: ast.AST, file: str) -> Iterator[Saying]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "say":
            found = node.args
            assert found, f"{file}:{node.lineno}: say() needs a key and an English text"
            if isinstance(found[0], ast.Starred):
                continue
            literal = [isinstance(each, ast.Constant) for each in found]
            assert literal == [True, True], f"{file}:{node.lineno}: say() takes literals"
        elif isinstance(node, ast.Tuple) and len(node.elts) == 2:
            found = node.elts
        else:
            continue
        key, english = (each.value if isinstance(each, ast.Constant) else None for each in found)
        if isinstance(key, str) and isinstance(english, str) and _KEY.fullmatch(key) and " " in english:
            yield Saying(key, english, f"{file}:{node.lineno}")
