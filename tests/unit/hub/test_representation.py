"""Which bytes of a static file a request gets."""

from __future__ import annotations

import pytest
from portico.hub.representation import File, accepts_gzip, answer

PACKED, PLAIN = File("ab", 1000, 300), File("cd", 1000)
GZIP = {"accept-encoding": "gzip, br"}

ACCEPTED = [
    ("gzip", True),
    ("br, GZIP;q=0.5", True),
    ("x-gzip", True),
    ("*", True),
    ("", False),
    ("br", False),
    ("identity", False),
    ("gzip;q=0", False),
    ("gzip; q=0.000", False),
    ("gzip;q=0, *", False),
    ("*;q=0, gzip;q=1", True),
    ("*;q=0", False),
    ("gzip;q=nonsense", False),
    ("notgzip", False),
]


@pytest.mark.parametrize(("accepted", "expected"), ACCEPTED)
def test_gzip_is_taken_where_it_is_wanted(accepted: str, expected: bool):
    assert accepts_gzip(accepted) is expected


ROWS = [
    (PLAIN, {}, 200, False, (0, 1000), '"cd"'),
    (PLAIN, GZIP, 200, False, (0, 1000), '"cd"'),
    (PACKED, {}, 200, False, (0, 1000), '"ab"'),
    (PACKED, GZIP, 200, True, (0, 300), '"ab-gzip"'),
    (PACKED, {**GZIP, "if-none-match": '"ab-gzip"'}, 304, False, (0, 0), '"ab-gzip"'),
    (PACKED, {**GZIP, "if-none-match": 'W/"x", W/"ab-gzip"'}, 304, False, (0, 0), '"ab-gzip"'),
    (PACKED, {**GZIP, "if-none-match": "*"}, 304, False, (0, 0), '"ab-gzip"'),
    (PACKED, {**GZIP, "if-none-match": '"ab"'}, 200, True, (0, 300), '"ab-gzip"'),
    (PACKED, {"if-none-match": '"ab-gzip"'}, 200, False, (0, 1000), '"ab"'),
    (PACKED, {**GZIP, "range": "bytes=0-99"}, 206, False, (0, 100), '"ab"'),
    (PLAIN, {"range": "bytes=990-"}, 206, False, (990, 1000), '"cd"'),
    (PLAIN, {"range": "bytes=-10"}, 206, False, (990, 1000), '"cd"'),
    (PLAIN, {"range": "bytes=-5000"}, 206, False, (0, 1000), '"cd"'),
    (PLAIN, {"range": "bytes=900-99999"}, 206, False, (900, 1000), '"cd"'),
    (PLAIN, {"range": "bytes=1000-"}, 416, False, (0, 0), '"cd"'),
    (PLAIN, {"range": "bytes=-0"}, 416, False, (0, 0), '"cd"'),
    (PLAIN, {"range": "bytes=5-2"}, 200, False, (0, 1000), '"cd"'),
    (PLAIN, {"range": "bytes=-"}, 200, False, (0, 1000), '"cd"'),
    (PLAIN, {"range": "bytes=0-1,5-6"}, 200, False, (0, 1000), '"cd"'),
    (PLAIN, {"range": "lines=0-1"}, 200, False, (0, 1000), '"cd"'),
    (PLAIN, {"range": "bytes=0-99999999999999999999"}, 200, False, (0, 1000), '"cd"'),
    (PLAIN, {"range": "bytes=0-9", "if-range": '"cd"'}, 206, False, (0, 10), '"cd"'),
    (PLAIN, {"range": "bytes=0-9", "if-range": '"other"'}, 200, False, (0, 1000), '"cd"'),
    (PLAIN, {"range": "bytes=0-9", "if-none-match": '"cd"'}, 304, False, (0, 0), '"cd"'),
]


@pytest.mark.parametrize(("file", "request_headers", "status", "packed", "part", "tag"), ROWS)
def test_a_request_gets(file: File, request_headers: dict[str, str], status: int, packed: bool, part: tuple[int, int], tag: str):
    got = answer(file, request_headers)
    assert (got.status, got.packed, (got.start, got.stop), got.headers["Etag"]) == (status, packed, part, tag)
    assert got.headers.get("Vary") == ("Accept-Encoding" if file.packed else None)
    assert got.headers.get("Content-Encoding") == ("gzip" if packed else None)
    assert got.headers.get("Content-Range") == {206: f"bytes {part[0]}-{part[1] - 1}/1000", 416: "bytes */1000"}.get(status)
