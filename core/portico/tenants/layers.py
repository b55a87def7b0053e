"""The layers of a portal: a chain of themes, then the bundle, each a tree of files held in memory.

A layer is read once and then only looked at, so nothing that happens on disk while a candidate is judged can change it. Trees from a
directory (themes, a bundle on its author's machine) are read here; a bundle out of a git repository is read by `git`. Both refuse what
has no place in a bundle: links, odd names, too much.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import portico
from portico.tenants.bundle import Theme
from portico.tenants.documents import read_model
from portico.tenants.findings import Finding, Refused, refuse, suggestion

Kind = Literal["theme", "tenant"]

FILE_LIMIT = 2_000
SIZE_LIMIT = 20_000_000
FILE_SIZE_LIMIT = 5_000_000
"""Bytes."""
DEPTH_LIMIT = 10
"""Themes in a chain."""

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
IGNORED = frozenset({"README.md", "LICENSE", ".gitignore", ".gitattributes", ".editorconfig"})
"""Files that may lie in a bundle for its authors' sake; never read."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One theme or one bundle."""

    name: str
    kind: Kind
    files: Mapping[str, bytes]
    """Content by path, `/` between its parts."""

    def label(self, path: str) -> str:
        """The path as its author knows it."""
        return f"themes/{self.name}/{path}" if self.kind == "theme" else path

    def below(self, folder: str) -> dict[str, bytes]:
        """The files of a folder, by their path in it."""
        return {path.removeprefix(f"{folder}/"): data for path, data in self.files.items() if path.startswith(f"{folder}/")}


@dataclass(frozen=True, slots=True)
class Entry:
    """What a listing tells of a file before it is read."""

    path: str
    size: int
    irregular: str = ""
    """What it is where it isn't a regular file: `a symbolic link`, `a submodule`."""


def admit(entries: Iterable[Entry]) -> list[Entry]:
    """The entries to be read, or a refusal; looks at no more than one entry beyond the limits, so its time is bounded."""
    admitted: list[Entry] = []
    findings: list[Finding] = []
    total = 0
    for entry in entries:
        if Path(entry.path).name in IGNORED and not entry.irregular:
            continue
        finding = _objection(entry)
        if finding:
            findings.append(finding)
            if len(findings) >= 20:
                break
            continue
        admitted.append(entry)
        total += entry.size
        if len(admitted) > FILE_LIMIT:
            raise Refused(
                [*findings, Finding("", 0, 0, f"The bundle has more than {FILE_LIMIT:,} files.", "Remove what the portal doesn't show.")]
            )
        if total > SIZE_LIMIT:
            raise Refused(
                [
                    *findings,
                    Finding(
                        entry.path, 0, 0, f"With this file the bundle is larger than {SIZE_LIMIT:,} bytes.", "Make its images smaller."
                    ),
                ]
            )
    if findings:
        raise Refused(findings)
    return admitted


def _objection(entry: Entry) -> Finding | None:
    if entry.irregular:
        return Finding(entry.path, 0, 0, f"This is {entry.irregular}.", "A bundle holds regular files only; put the content itself here.")
    if not _NAME.fullmatch(entry.path) or len(entry.path) > 200:
        shown = entry.path.encode("unicode_escape").decode()[:200]
        return Finding(
            shown, 0, 0, "This file name can't be used.", "Use letters, digits, '.', '_' and '-', and begin with a letter, a digit or '_'."
        )
    if entry.size > FILE_SIZE_LIMIT:
        return Finding(entry.path, 0, 0, f"This file has {entry.size:,} bytes; {FILE_SIZE_LIMIT:,} are allowed.", "Make it smaller.")
    return None


def read_directory(root: Path) -> dict[str, bytes]:
    """A directory's files by path; raises Refused. Hidden directories (`.git`) are not looked at."""
    entries = admit(_walk(root, ""))
    return {entry.path: (root / entry.path).read_bytes() for entry in entries}


def _walk(root: Path, folder: str) -> Iterable[Entry]:
    with os.scandir(root / folder) as found:
        listed = sorted(found, key=lambda item: item.name)
    for item in listed:
        path = f"{folder}/{item.name}" if folder else item.name
        if item.is_symlink():
            yield Entry(path, 0, "a symbolic link")
        elif item.is_dir():
            if not item.name.startswith(".") and item.name != "__pycache__":
                yield from _walk(root, path)
        elif item.is_file():
            yield Entry(path, item.stat().st_size)
        else:
            yield Entry(path, 0, "a special file")


def themes_directory() -> Path:
    """Where the product's own themes lie: in the installed package, else in the checkout."""
    return _own("themes", "themes")


def bundles_directory() -> Path:
    """Where the product's own bundles lie, to begin with and to learn from: in the installed package, else in the checkout."""
    return _own("bundles", "tenants")


def _own(installed: str, checkout: str) -> Path:
    package = Path(portico.__file__).parent
    return package / installed if (package / installed).is_dir() else package.parent.parent / checkout


def theme_chain(name: str, themes: Path) -> list[tuple[Layer, Theme]]:
    """The theme of that name and those that it extends, the root first; raises Refused."""
    chain: list[tuple[Layer, Theme]] = []
    asked_by = "tenant.toml"
    seen: list[str] = []
    wanted: str | None = name
    while wanted is not None:
        if wanted in seen or len(seen) >= DEPTH_LIMIT:
            raise refuse(asked_by, f"The themes extend each other in a circle: {' > '.join([*seen, wanted])}.")
        seen.append(wanted)
        folder = themes / wanted
        if not (folder / "theme.toml").is_file():
            known = sorted(path.parent.name for path in themes.glob("*/theme.toml"))
            raise refuse(
                asked_by, f"There is no theme {wanted!r}.", suggestion(wanted, known) or f"There are: {', '.join(known) or 'none'}."
            )
        layer = Layer(wanted, "theme", read_directory(folder))
        asked_by = layer.label("theme.toml")
        theme = read_model(Theme, layer.files["theme.toml"], asked_by)
        chain.insert(0, (layer, theme))
        wanted = theme.extends
    return chain
