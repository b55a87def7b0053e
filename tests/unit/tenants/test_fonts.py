"""Web fonts whose directories promise what the file holds, and others."""

from __future__ import annotations

import struct

import pytest
from portico.tenants import assets, fonts


def woff(**wrong: int) -> bytes:
    table = b"x" * 40
    size = 44 + 20 + len(table)
    values = {
        "flavour": 0x00010000, "length": size, "tables": 1, "unpacked": 100, "meta": 0, "meta_size": 0, "private": 0, "private_size": 0,
        "offset": 64, "packed": 40, "whole": 60, **wrong,
    }  # fmt: skip
    head = struct.pack(
        ">4sIIHHIHHIIIII", b"wOFF", values["flavour"], values["length"], values["tables"], 0, values["unpacked"], 1, 0,
        values["meta"], values["meta_size"], 0, values["private"], values["private_size"],
    )  # fmt: skip
    return head + struct.pack(">4sIIII", b"glyf", values["offset"], values["packed"], values["whole"], 0) + table


def woff2(**wrong: int) -> bytes:
    values = {"flavour": 0x4F54544F, "length": 48 + 40, "tables": 9, "data": 40, "meta": 0, "meta_size": 0, **wrong}
    head = struct.pack(
        ">4sIIHHIIHHIIIII", b"wOF2", values["flavour"], values["length"], values["tables"], 0, 100, values["data"], 1, 0,
        values["meta"], values["meta_size"], 0, 0, 0,
    )  # fmt: skip
    return head + b"x" * 40


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (woff(), ""),
        (woff2(), ""),
        (woff(meta=64, meta_size=10), ""),
        (b"", "no header"),
        (b"wOFF", "no header"),
        (b"wOF2" + b"\0" * 20, "no header"),
        (woff(length=99), "says that it has 99 bytes; the file has 104"),
        (woff2() + b"more", "says that it has 88 bytes; the file has 92"),
        (woff(flavour=1), "no kind of font"),
        (woff(tables=0), "0 tables"),
        (woff(tables=60000), "60,000 tables"),
        (woff(tables=2), "outside the file"),
        (woff(unpacked=2**31), "Unpacked the font has"),
        (woff(offset=90), "outside the file"),
        (woff(offset=4), "outside the file"),
        (woff(packed=2**32 - 1), "outside the file"),
        (woff(whole=30), "outside the file"),
        (woff(whole=500), "larger than the font says"),
        (woff(meta=100, meta_size=10), "metadata"),
        (woff(private=8, private_size=10), "metadata"),
        (woff2(data=41), "doesn't fit"),
        (woff2(meta=80, meta_size=10), "metadata"),
    ],
)
def test_a_font_is_what_its_directory_says(data: bytes, words: str):
    said = fonts.objection(data)
    assert said == "" if not words else words in said


def test_a_broken_font_is_refused_with_the_file_and_the_cure():
    (found,) = assets.check("fonts/a.woff2", woff2(data=41), file="static/fonts/a.woff2", kind="tenant", static=())
    assert str(found) == "static/fonts/a.woff2: The font's data doesn't fit into the file. Make the web font anew from its source."
    assert assets.check("fonts/a.woff", woff(), file="x", kind="tenant", static=()) == []
