"""Which bytes of a static file a request gets: as they are or compressed, whole, in part, or not at all. Pure functions (RFC 9110).

A compressed file is another representation, with a tag of its own. Ranges are of the file as it is: whoever asks for one gets it so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")
_WEIGHT = re.compile(r"q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)")


@dataclass(frozen=True, slots=True)
class File:
    """What there is to be served. Sizes in bytes; `packed` is None where it isn't kept compressed."""

    sha256: str
    size: int
    packed: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and headers; the bytes from `start` up to `stop` of the file or of its compressed form."""

    status: int
    packed: bool = False
    start: int = 0
    stop: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)


def answer(file: File, request: Mapping[str, str]) -> Answer:
    """What a GET or HEAD with these headers gets; `request` has its names in lower case."""
    ranged = request.get("range")
    packed = file.packed is not None and ranged is None and accepts_gzip(request.get("accept-encoding", ""))
    tag = f'"{file.sha256}-gzip"' if packed else f'"{file.sha256}"'
    headers = {"Etag": tag, "Accept-Ranges": "bytes"}
    if file.packed is not None:
        headers["Vary"] = "Accept-Encoding"
    if _matches(request.get("if-none-match"), tag):
        return Answer(304, headers=headers)
    if packed:
        return Answer(200, True, 0, file.packed or 0, {**headers, "Content-Encoding": "gzip"})
    part = _part(ranged, file.size) if ranged is not None and request.get("if-range", tag) == tag else None
    if part is None:
        return Answer(200, False, 0, file.size, headers)
    start, stop = part
    if start >= file.size:
        return Answer(416, headers={**headers, "Content-Range": f"bytes */{file.size}"})
    return Answer(206, False, start, stop, {**headers, "Content-Range": f"bytes {start}-{stop - 1}/{file.size}"})


def _part(ranged: str, size: int) -> tuple[int, int] | None:
    """Where a Range field's one range begins and ends; None for what the whole file is a right answer to: several, or another unit."""
    found = _RANGE.fullmatch(ranged.replace(" ", ""))
    first, last = found.groups() if found else ("", "")
    if not first:
        return (max(0, size - int(last)), size) if last else None
    if last and int(last) < int(first):
        return None
    return int(first), min(int(last) + 1, size) if last else size


def accepts_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding field takes gzip; what it says of gzip itself goes before what it says of everything."""
    weights = {}
    for part in accepted.lower().split(","):
        name, _, parameter = part.partition(";")
        found = _WEIGHT.fullmatch(parameter.replace(" ", "")) if parameter.strip() else None
        weights[name.strip()] = float(found.group(1)) if found else 0.0 if parameter.strip() else 1.0
    return next((weights[name] > 0 for name in ("gzip", "x-gzip", "*") if name in weights), False)


def _matches(condition: str | None, tag: str) -> bool:
    return condition is not None and any(each.strip().removeprefix("W/") in ("*", tag) for each in condition.split(","))
