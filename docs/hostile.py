"""Which test covers which hostile input, read out of the tests without running them.

A test says its numbers at the beginning of its docstring ("Hostile inputs 4 and 5: ...", below `tests/hostile` also "4 and 5: ..."), a
case at the beginning of its key ("7: nested loops"). Only suites that attack running parts count, and only what a test says of itself: a
file's own docstring may claim a range that its tests don't fill.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parent.parent / "tests"
SUITES = ("hostile", "integration", "contract")
WHAT = {
    1: "a link to a file",
    2: "a link to a directory",
    3: "paths that lead up or out, escaped or not",
    4: "a huge file",
    5: "files or directories without number",
    6: "a pack, a delta or a blob that unfolds",
    7: "loops and filler texts",
    8: "huge numbers, also while compiling",
    9: "huge texts",
    10: "templates that come back to themselves",
    11: "a value's class",
    12: "attributes by filters and formats",
    13: "the globals of functions",
    14: "objects of the hub",
    15: "files outside the bundle",
    16: "odd file names",
    17: "texts that aren't UTF-8 or hide what they say",
    18: "TOML that is broken, doubled or nested without end",
    19: "keys that are unknown or the operator's",
    20: "CSS that loads or tells something elsewhere",
    21: "files that aren't what they are called, drawings that run",
    22: "output that isn't escaped",
    23: "markup that posts, leads or runs elsewhere",
    24: "a forced push",
    25: "a deleted branch",
    26: "a repository that hangs or breaks off",
    27: "addresses and branches that git would obey",
    28: "programs, submodules and pointers in a repository",
    29: "a redirect",
    30: "a revoked version",
    31: "credentials in addresses",
    44: "another tenant's lab",
    45: "a repeated start",
    49: "a user's token that isn't good",
    51: "secrets in a body",
    56: "ports that can't be",
    57: "targets that aren't the lab's",
    59: "another tenant's tunnel",
    60: "a server that is silent",
    61: "a changed host key",
    62: "a port that is taken",
    63: "the address that is listened at",
    **dict.fromkeys((64, 65), "another lab's report"),
    66: "a report after the end",
    67: "a flood of reports",
    68: "script in a message",
}
"""In few words, by number; a test that names another number makes the page's generation fail until its words are here."""
_LIST = r"\d+(?:(?:, | and | to )\d+)*"
_SAID = re.compile(rf"(?:Hostile inputs? )({_LIST})(?=\W|$)")
_BARE = re.compile(rf"({_LIST})(?=[:;.]|$)")
_CASE = re.compile(r"(\d+): ")


def page() -> str:
    """The table; raises KeyError for a number without words."""
    found: dict[int, dict[str, None]] = {}
    for suite in SUITES:
        for file in sorted((TESTS / suite).rglob("test_*.py")):
            name = file.relative_to(TESTS).as_posix()
            for number, test in _claims(ast.parse(file.read_text(encoding="utf-8")), bare=suite == "hostile"):
                found.setdefault(number, {})[f"`{name}` {test}"] = None
    rows = [f"| {number} | {WHAT[number]} | {'<br>'.join(found[number])} |" for number in sorted(found)]
    head = (
        "# Hostile inputs and their tests\n\n"
        "What the product must survive, by number. Each test attacks running parts: a sync, a hub, a backend, a tunnel.\n"
        "What isn't here isn't covered by a test that names it.\n"
    )
    return "\n".join([head, "| n | what | tests |", "|---|---|---|", *rows, ""])


def _claims(tree: ast.Module, *, bare: bool) -> Iterator[tuple[int, str]]:
    """Numbers, and the name of the test, or of the table of cases, that says them."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            told = ast.get_docstring(node) or ""
            said = _SAID.match(told) or (_BARE.match(told) if bare else None)
            for number in _numbers(said[1]) if said else ():
                yield number, node.name.removeprefix("test_").replace("_", " ")
        elif isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Dict):
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            for key in ast.walk(node.value):
                case = _CASE.match(_beginning(key))
                if case and isinstance(target, ast.Name):
                    yield int(case[1]), f"`{target.id}`"


def _beginning(node: ast.AST) -> str:
    """How a text begins, also one that is put together; empty for anything else."""
    if isinstance(node, ast.JoinedStr) and node.values:
        node = node.values[0]
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _numbers(text: str) -> Iterator[int]:
    """`1, 2 and 4 to 6` as numbers."""
    for part in re.split(r", | and ", text):
        first, _, last = part.partition(" to ")
        yield from range(int(first), int(last or first) + 1)
