"""Whether a web font is one, as far as its directory tells: what a browser would begin to unpack must lie within the file.

Sources: W3C, WOFF File Format 1.0, section 3 and 4; WOFF File Format 2.0, section 4. Pure functions of a file's bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

TABLES_LIMIT = 200
UNPACKED_LIMIT = 30_000_000
"""Bytes of the font as it is unpacked."""
_WOFF = struct.Struct(">4sIIHHIHHIIIII")
_WOFF2 = struct.Struct(">4sIIHHIIHHIIIII")
_ENTRY = struct.Struct(">4sIIII")
_FLAVOURS = (b"\x00\x01\x00\x00", b"OTTO", b"true", b"ttcf")


def objection(data: bytes) -> str:
    """What is wrong with a WOFF or WOFF 2 file, as a sentence; empty where nothing is."""
    header = _WOFF2 if data.startswith(b"wOF2") else _WOFF
    if len(data) < header.size or not data.startswith((b"wOFF", b"wOF2")):
        return "This isn't a web font: it has no header."
    return next(_objections(data, header), "")


def _objections(data: bytes, header: struct.Struct) -> Iterator[str]:
    packed, fields = header is _WOFF2, header.unpack_from(data)
    length, tables, unpacked = fields[2], fields[3], fields[5]
    first = 9 if packed else 8
    blocks = (fields[first], fields[first + 1]), (fields[first + 3], fields[first + 4])
    if length != len(data):
        yield f"The font says that it has {length:,} bytes; the file has {len(data):,}."
    if data[4:8] not in _FLAVOURS:
        yield "This web font holds no kind of font that browsers know."
    if not 0 < tables <= TABLES_LIMIT:
        yield f"The font says that it has {tables:,} tables; 1 to {TABLES_LIMIT} can be."
    if not packed and unpacked > UNPACKED_LIMIT:
        yield f"Unpacked the font has {unpacked:,} bytes; {UNPACKED_LIMIT:,} are allowed."
    if packed and fields[6] > len(data) - header.size:
        yield "The font's data doesn't fit into the file."
    if not packed and not _tables_fit(data, tables, unpacked):
        yield "A table of the font lies outside the file, or is larger than the font says."
    if any(size and (start < header.size or start + size > len(data)) for start, size in blocks):
        yield "The font's metadata lie outside the file."


def _tables_fit(data: bytes, tables: int, unpacked: int) -> bool:
    if len(data) < _WOFF.size + tables * _ENTRY.size:
        return False
    total = 0
    for number in range(tables):
        _, offset, packed, size, _ = _ENTRY.unpack_from(data, _WOFF.size + number * _ENTRY.size)
        total += size
        if offset < _WOFF.size or offset + packed > len(data) or packed > size:
            return False
    return total <= unpacked
