"""Makes a bundle to begin with: what `portico new` does.

Without a source it is small: every part once, with a comment that says what it is for. With one it is a copy, under a title of its own.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from portico.tenants.bundle import Name, Url
from portico.tenants.findings import Refused, suggestion
from portico.tenants.layers import bundles_directory, read_directory
from portico.words import Line

CONTACT = "mailto:portal@example.org"
"""Stands in a new bundle until somebody writes another: an address that reaches nobody."""
_LOGO = "static/logo.svg"
_LETTER = 12
"""Units that a letter of the drawn name takes."""
_STARTER = Path(__file__).parent / "starter"


class NotMade(Exception):
    """A sentence for whoever asked."""


@dataclass(frozen=True, slots=True)
class Made:
    """A new bundle."""

    directory: Path
    title: str
    contact: str


def make(name: str, below: Path, *, source: str = "", title: str = "", contact: str = "") -> Made:
    """Make the directory `name` below another. `source` is a directory or the name of one of the product's own bundles.

    Raises NotMade where it can't be; then nothing was made.
    """
    made = Made(below / name, title or name.replace("-", " ").title(), contact or CONTACT)
    _require(Name, name, f"{name!r} can't be a tenant's name. Use small letters, digits and '-', at most 32, a letter first.")
    _require(Line, made.title, "This title can't be used. Write one line of at most some words.")
    _require(Url, made.contact, f"{made.contact!r} is no contact. Write mailto:name@example.org or a web address.")
    if made.directory.exists() or made.directory.is_symlink():
        raise NotMade(f"There is already {made.directory}. Choose another name, or remove it.")
    try:
        files = read_directory(_found(source) if source else _STARTER)
    except Refused as refused:
        raise NotMade(f"{source} can't be copied: {refused.findings[0]}") from refused
    if "tenant.toml" not in files:
        raise NotMade(f"{source} is no bundle: it has no tenant.toml.")
    text = files["tenant.toml"].decode(errors="replace")
    files["tenant.toml"] = (_renamed(text, made, keep_contact=not contact) if source else _filled(text, made)).encode()
    if not source:
        files[_LOGO] = _drawn(files[_LOGO].decode(), made.title).encode()
    _write(made.directory, files)
    return made


def welcome(made: Made, source: str) -> str:
    """What to do next."""
    name = made.directory.name
    adapt = (
        f"It is a copy of {source}: in {name}/tenant.toml change contact, tagline, links, announcements, systems and projects.\n"
        if source
        else f"Begin with {name}/tenant.toml: contact, tagline, colours.\n"
    )
    return (
        f"Made {name}/ for the portal {made.title}.\n{adapt}\n"
        f"  portico preview {name}     see every page at each save\n"
        f"  portico check {name}       what the server would say\n"
        f"  portico explain {name}     where each block, file and text comes from\n\n"
        "Then commit it to a git repository, and tell your operator its address."
    )


def _require(kind: Any, value: str, sentence: str) -> None:
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        raise NotMade(sentence) from error


def _found(source: str) -> Path:
    if Path(source).is_dir():
        return Path(source)
    own = sorted(path.parent.name for path in bundles_directory().glob("*/tenant.toml"))
    if source in own:
        return bundles_directory() / source
    raise NotMade(f"There is no bundle {source!r} to begin with. {suggestion(source, own) or 'There are: ' + ', '.join(own) + '.'}")


def _filled(text: str, made: Made) -> str:
    return text.replace('"{title}"', _quoted(made.title)).replace('"{contact}"', _quoted(made.contact))


def _drawn(logo: str, title: str) -> str:
    """The mark with the portal's name beside it."""
    return logo.replace("{width}", str(44 + _LETTER * len(title))).replace("{title}", escape(title))


def _renamed(text: str, made: Made, *, keep_contact: bool) -> str:
    """The text with its top level's title and contact replaced, each of which stands on a line of its own or begins a table by language."""
    head, table, rest = text.partition("\n[")
    head = re.sub(r"(?m)^title\s*=.*$", lambda _: f"title = {_quoted(made.title)}", head, count=1)
    if not keep_contact:
        head = re.sub(r"(?m)^contact\s*=.*$", lambda _: f"contact = {_quoted(made.contact)}", head, count=1)
    return head + table + rest


def _quoted(text: str) -> str:
    """As a TOML string: what JSON escapes, TOML does too."""
    return json.dumps(text, ensure_ascii=False)


def _write(directory: Path, files: dict[str, bytes]) -> None:
    """The directory appears whole, or not at all."""
    try:
        half = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
    except OSError as error:
        raise NotMade(f"Nothing can be made in {directory.parent}: {error.strerror}.") from error
    try:
        for path, content in files.items():
            (half / path).parent.mkdir(parents=True, exist_ok=True)
            (half / path).write_bytes(content)
        half.chmod(0o755)
        half.rename(directory)
    except OSError as error:
        shutil.rmtree(half, ignore_errors=True)
        raise NotMade(f"{directory} can't be made: {error.strerror}.") from error
