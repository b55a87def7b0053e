"""Static files, checked by their content: what a browser may be given from a portal's own address.

A name promises a kind and the content must keep the promise, so that nothing is run or shown as what it doesn't say it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from functools import lru_cache
from pathlib import PurePosixPath
from xml.parsers import expat

from portico.tenants import fonts, stylesheets
from portico.tenants.documents import decode
from portico.tenants.findings import Finding, Refused, suggestion

_MAGIC: dict[str, Callable[[bytes], bool]] = {
    ".png": lambda data: data.startswith(b"\x89PNG\r\n\x1a\n"),
    ".jpg": lambda data: data.startswith(b"\xff\xd8\xff"),
    ".jpeg": lambda data: data.startswith(b"\xff\xd8\xff"),
    ".gif": lambda data: data.startswith((b"GIF87a", b"GIF89a")),
    ".webp": lambda data: data.startswith(b"RIFF") and data[8:12] == b"WEBP",
    ".avif": lambda data: data[4:12] in (b"ftypavif", b"ftypavis"),
    ".ico": lambda data: data.startswith(b"\x00\x00\x01\x00"),
    ".woff2": lambda data: data.startswith(b"wOF2"),
    ".woff": lambda data: data.startswith(b"wOFF"),
    ".pdf": lambda data: data.startswith(b"%PDF-"),
}
CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".woff": "font/woff",
    ".pdf": "application/pdf",
}
"""What may lie below `static/`, by the end of its name, and as what it is served."""
SMALL = 100_000
"""Bytes of a file whose checks are remembered."""
_FONTS = frozenset({".woff", ".woff2"})
_THEME_ONLY = frozenset({".js"})

_SVG_REFUSED = frozenset({"script", "foreignobject", "handler", "listener", "iframe", "embed", "object", "audio", "video", "use-script"})
_SVG_DATA = re.compile(r"data:image/(png|jpeg|gif|webp);base64,", re.IGNORECASE)
_SCRIPT_ADDRESS = re.compile(r"[\x00-\x20]*(javascript|vbscript|data|https?|//)", re.IGNORECASE)


def check(path: str, data: bytes, *, file: str, kind: str, static: Collection[str]) -> list[Finding]:
    """What is wrong with the static file `path` of a layer of this kind (`theme` or `tenant`)."""
    suffix = PurePosixPath(path).suffix
    if suffix not in CONTENT_TYPES:
        cure = suggestion(suffix, CONTENT_TYPES) or f"Known are {', '.join(sorted(CONTENT_TYPES))}."
        return [Finding(file, 0, 0, f"Files that end in {suffix!r} are not served.", cure)]
    if suffix in _THEME_ONLY and kind != "theme":
        return [Finding(file, 0, 0, "A bundle has no scripts.", "Scripts belong to a theme, which the operator installs.")]
    if suffix in _MAGIC:
        what = f"The content isn't what {suffix!r} promises."
        if not _MAGIC[suffix](data):
            return [Finding(file, 1, 1, what, "Export the file again in that format.")]
        broken = fonts.objection(data) if suffix in _FONTS else ""
        return [Finding(file, 0, 0, broken, "Make the web font anew from its source.")] if broken else []
    if len(data) <= SMALL:
        return list(_known(path, data, file, frozenset(static) if suffix == ".css" else frozenset()))
    return _check_text(path, data, file=file, static=static)


@lru_cache(maxsize=512)
def _known(path: str, data: bytes, file: str, static: frozenset[str]) -> tuple[Finding, ...]:
    """What was said of the same file before: most files of a candidate are those of the one before."""
    return tuple(_check_text(path, data, file=file, static=static))


def _check_text(path: str, data: bytes, *, file: str, static: Collection[str]) -> list[Finding]:
    try:
        text = decode(data, file)
    except Refused as refused:
        return list(refused.findings)
    if path.endswith(".css"):
        return stylesheets.check(text, file=file, path=path, static=static)
    return check_svg(data, file=file) if path.endswith(".svg") else []


def check_svg(data: bytes, *, file: str) -> list[Finding]:
    """What is wrong with a drawing: not well-formed, or something in it could run or load something."""
    findings: list[Finding] = []
    parser = expat.ParserCreate(namespace_separator=" ")
    style: list[tuple[int, list[str]]] = []

    def report(what: str, cure: str) -> None:
        findings.append(Finding(file, parser.CurrentLineNumber, parser.CurrentColumnNumber + 1, what, cure))

    def start(name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(" ")[2].lower()
        if local in _SVG_REFUSED:
            report(f"A drawing may not hold <{local}>.", "Remove it.")
        if local == "style":
            style.append((parser.CurrentLineNumber, []))
        for key, value in attributes.items():
            what = _attribute(key.rpartition(" ")[2].lower(), value)
            if what:
                report(what, "Remove it.")

    def text(data: str) -> None:
        if style:
            style[-1][1].append(data)

    def refuse_declaration(*_: object) -> None:
        report("A drawing may not have a document type, entities or processing instructions.", "Remove it.")

    parser.StartElementHandler = start
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = refuse_declaration
    parser.EntityDeclHandler = refuse_declaration
    parser.ProcessingInstructionHandler = refuse_declaration
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        findings.append(Finding(file, error.lineno, error.offset + 1, f"This isn't well-formed XML: {expat.ErrorString(error.code)}.", ""))
    for line, parts in style:
        css = "".join(parts)
        findings.extend(Finding(file, line, 0, found.what, found.cure) for found in stylesheets.check(css, file=file))
    return findings


def _attribute(name: str, value: str) -> str:
    if name.startswith("on"):
        return f"A drawing may not have the event handler {name!r}."
    if name in ("href", "src") and not value.startswith("#") and not _SVG_DATA.match(value):
        return f"A drawing may not refer to {value[:60]!r}."
    if name in ("to", "from", "values", "by") and _SCRIPT_ADDRESS.match(value):
        return f"A drawing may not animate towards {value[:60]!r}."
    if stylesheets.ENDLESS.search(value):
        return stylesheets.NO_NUMBER
    if ("(" in value or "\\" in value) and stylesheets.leads_out(value):
        return f"A drawing may not refer to {value[:60]!r}."
    return ""
