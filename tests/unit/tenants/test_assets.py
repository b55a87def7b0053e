"""Stylesheets and drawings: what a browser may be given."""

from __future__ import annotations

import pytest
from portico.tenants import assets, stylesheets

STATIC = {"css/x.css", "img/a.svg"}

CSS = [
    ("a { color: red }", None),
    ("@media (width > 1px) { a { color: red; & b { color: blue } } }", None),
    ("@font-face { font-family: x; src: url(../img/a.svg) }", None),
    ("a { background: url('../img/a.svg#part') }", None),
    ("a { background: url(data:image/png;base64,AAAA) }", None),
    ("a { filter: url(#blur); content: 'http' }", None),
    ("@supports (display: grid) { @container (width > 1px) { a { --x: { } } } }", None),
    ("@keyframes k { from { opacity: 0 } 50% { opacity: .5 } }", None),
    ("@layer reset { a { color: red } }", None),
    ("\n@import 'other.css';", "x.css:2:1: '@import' is not allowed"),
    ("@IMPORT url(https://evil.example/x.css);", "'@import' is not allowed"),
    ("@charset 'utf-8';", "'@charset' is not allowed"),
    ("a { background: url(https://evil.example/?) }", "leads out of the bundle"),
    ("a { background: url(//evil.example/?) }", "leads out of the bundle"),
    ("a { background: URL( 'HTTPS://evil.example/' ) }", "leads out of the bundle"),
    ("a { background: \\75rl(https://evil.example/) }", "leads out of the bundle"),
    ("a { background: image-set('https://evil.example/x' 1x) }", "leads out of the bundle"),
    ("a { --x: 'https://evil.example/'; background: image-set(var(--x) 1x) }", "leads out of the bundle"),
    ("a { --x: { b: url(https://evil.example/) } }", "leads out of the bundle"),
    ("input[value^=a] { background: url(/hub/a) }", "leads out of the bundle"),
    ("a { background: url(../../../x) }", "leads out of the bundle"),
    ("a { background: url(../img/b.svg) }", "There is no static file 'img/b.svg'. Did you mean 'img/a.svg'?"),
    ("@media print { @supports (x: y) { a { src: url(https://evil.example/) } } }", "leads out of the bundle"),
    ("a { color: red", "x.css:1:1: What begins here has no end"),
    ("a { color: red } /* comment", "has no end"),
    ("} a { color: red }", "This isn't CSS"),
    ("a { color red }", "This isn't CSS"),
]


@pytest.mark.parametrize(("css", "says"), CSS, ids=[css for css, _ in CSS])
def test_stylesheets(css: str, says: str | None) -> None:
    """Hostile input 20."""
    found = [str(finding) for finding in stylesheets.check(css, file="x.css", path="css/x.css", static=STATIC)]
    assert found == [] if says is None else any(says in finding for finding in found), found


def test_a_number_that_no_parser_reads_is_named_with_its_place() -> None:
    endless = "9" * 5_000
    for css, place in ((f"a {{\n z: {endless} }}", "x.css:2:5"), (endless, "x.css:1:1")):
        assert [str(finding) for finding in stylesheets.check(css, file="x.css")] == [
            f"{place}: {stylesheets.NO_NUMBER} Write a shorter one."
        ]
    for content in (f"<style>a {{ z: {endless} }}</style>", f'<path style="z:{endless};fill:url(#a)"/>'):
        svg = f'<svg xmlns="http://www.w3.org/2000/svg">{content}</svg>'
        assert [finding.what for finding in assets.check_svg(svg.encode(), file="x.svg")] == [stylesheets.NO_NUMBER]


SVG = [
    ('<path d="M0 0"/><use href="#a"/><g fill="url(#b)" style="fill:url(#b)"/>', None),
    ('<image href="data:image/png;base64,AAAA"/>', None),
    ("<style>path { fill: red }</style>", None),
    ("<script>alert(1)</script>", "may not hold <script>"),
    ("<SCRIPT/>", "may not hold <script>"),
    ("<foreignObject/>", "may not hold <foreignobject>"),
    ('<path onload="x()"/>', "event handler 'onload'"),
    ('<a href="javascript:x()"/>', "may not refer to 'javascript:x()'"),
    ('<use xlink:href="https://evil.example/x#a"/>', "may not refer to"),
    ('<use href="data:image/svg+xml,x"/>', "may not refer to"),
    ('<path fill="url(https://evil.example/)"/>', "may not refer to"),
    ('<path style="fill:url(#a);background:url(https://evil.example/)"/>', "may not refer to"),
    ('<set attributeName="href" to="javascript:x()"/>', "may not animate towards"),
    ("<style>@import 'x';</style>", "'@import' is not allowed"),
    ("<path>", "This isn't well-formed XML"),
]


@pytest.mark.parametrize(("content", "says"), SVG, ids=[content for content, _ in SVG])
def test_drawings(content: str, says: str | None) -> None:
    """Hostile input 21."""
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">{content}</svg>'
    found = [str(finding) for finding in assets.check_svg(svg.encode(), file="x.svg")]
    assert found == [] if says is None else any(says in finding for finding in found), found


def test_a_drawing_with_entities_is_refused() -> None:
    bomb = b'<!DOCTYPE svg [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><svg xmlns="http://www.w3.org/2000/svg">&b;</svg>'
    assert "document type" in str(assets.check_svg(bomb, file="x.svg")[0])


def test_a_wrapped_stylesheet_keeps_its_line_numbers() -> None:
    assert stylesheets.wrap("a\nb", "theme").splitlines()[1] == "b"
