"""Where the keys of a TOML document stand.

`tomllib` reads values and forgets places. This scanner finds, for a document that `tomllib` has accepted, the line and column of every key
and table, so that a message about a value can name its place. It reads each character once and evaluates nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

Key = tuple[str | int, ...]
"""A place in the document as pydantic writes it: names, and indices in arrays of tables."""

_TOKENS = re.compile(
    r'(?P<string>"""(?:\\.|[^\\])*?"""+|\'\'\'.*?\'\'\'+|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\')'
    r"|(?P<comment>\#[^\n]*)|(?P<open>[\[{])|(?P<close>[\]}])|(?P<newline>\n)|(?P<other>[^\"'\#\[\]{}\n]+|.)",
    re.DOTALL,
)
_HEADER = re.compile(r"\s*(\[\[?)\s*(.*?)\s*\]")
_PARTS = re.compile(r'\s*(?:"([^"]*)"|\'([^\']*)\'|([A-Za-z0-9_-]+))\s*(\.|=|$)')


class Place(NamedTuple):
    """A line and a column, both from 1."""

    line: int
    column: int


def positions(document: str) -> dict[Key, Place]:
    """The place of every table and of every key that begins a line."""
    places: dict[Key, Place] = {}
    arrays: dict[Key, int] = {}
    table: Key = ()
    for line, statement in _statements(document):
        place = Place(line, len(statement) - len(statement.lstrip()) + 1)
        header = _HEADER.match(statement)
        if header:
            path = _resolve(_parts(header.group(2)), arrays)
            if header.group(1) == "[[":
                arrays[path] = arrays.get(path, -1) + 1
                places.setdefault(path, place)
                path = (*path, arrays[path])
            table = path
            places[table] = place
        else:
            places.setdefault((*table, *_parts(statement)), place)
    return places


def nearest(places: dict[Key, Place], key: Key) -> Place:
    """The place of `key`, or of the closest thing around it that has one."""
    for length in range(len(key), 0, -1):
        if key[:length] in places:
            return places[key[:length]]
    return Place(0, 0)


def _statements(document: str) -> Iterator[tuple[int, str]]:
    """Line number and text of each statement; a value that spans lines is one statement."""
    line, start, depth, begin = 1, 1, 0, 0
    for token in _TOKENS.finditer(document + "\n"):
        if token.lastgroup == "newline" and depth == 0:
            statement = document[begin : token.start()]
            if statement.strip() and not statement.lstrip().startswith("#"):
                yield start, statement
            begin, start = token.end(), line + 1
        depth += {"open": 1, "close": -1}.get(token.lastgroup or "", 0)
        line += token.group().count("\n")


def _parts(text: str) -> Key:
    parts: list[str | int] = []
    for match in _PARTS.finditer(text):
        parts.append(next(group for group in match.groups()[:3] if group is not None))
        if match.group(4) != ".":
            break
    return tuple(parts)


def _resolve(path: Key, arrays: dict[Key, int]) -> Key:
    """Insert the current index after each array of tables that `path` passes through."""
    resolved: Key = ()
    for number, part in enumerate(path):
        resolved = (*resolved, part)
        if number < len(path) - 1 and resolved in arrays:
            resolved = (*resolved, arrays[resolved])
    return resolved
