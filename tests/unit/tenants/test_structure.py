"""A page is closed and nested, has one h1, labelled fields and links that lead somewhere."""

from __future__ import annotations

import pytest
from portico.tenants import structure

HEAD = '<html lang="en"><head><title>T</title></head><body>'
GOOD = f'{HEAD}<h1 id="top">One</h1><h2>Two</h2><p>Text<p>More<ul><li>a<li>b</ul><img src="/x" alt=""><br></body></html>'


def said(body: str) -> list[str]:
    return [objection.what for objection in structure.read(f"{HEAD}<h1>One</h1>{body}</body></html>").objections]


WRONG = [
    ("<div><p>x</p>", "<div> is not closed before </body>."),
    ("</section>", "</section> closes nothing."),
    ("<b><i>x</b></i>", "<i> is not closed before </b>."),
    ("<div/>", "<div/> doesn't close itself in HTML."),
    ("<h1>again</h1>", "The page has 2 headings <h1>; it needs one."),
    ("<h3>deep</h3>", "After <h1> comes <h3>: a level of headings is left out."),
    ('<img src="/x.png">', "An image has no 'alt'."),
    ('<input name="q">', "The field 'q' has no label."),
    ('<label for="q">Q</label><input id="r" name="r">', "The field 'r' has no label."),
    ('<p id="a">x</p><p id="a">y</p>', "The id 'a' stands 2 times on the page."),
    ('<section aria-labelledby="none">x</section>', "aria-labelledby='none' refers to no element of the page."),
    ('<p style="color:red">x</p>', "The attribute 'style' is not allowed."),
]


@pytest.mark.parametrize(("body", "what"), WRONG, ids=[body for body, _ in WRONG])
def test_what_is_unsound_is_named(body: str, what: str) -> None:
    assert what in said(body)


SOUND = [
    "<h2>a</h2><h3>b</h3><h2>c</h2>",
    '<label>Q <input name="q"></label>',
    '<label for="q">Q</label><select id="q" name="q"><option>a<option>b</select>',
    '<input type="hidden" name="_xsrf"><input name="q" aria-label="Q">',
    '<svg viewBox="0 0 1 1"><path d="M0 0"/><g><circle r="1"/></g></svg>',
    "<table><tr><td>a<td>b<tr><td>c</table><dl><dt>a<dd>b</dl>",
]


@pytest.mark.parametrize("body", SOUND)
def test_what_is_sound_is_left_alone(body: str) -> None:
    assert said(body) == []


@pytest.mark.parametrize(
    ("page", "what"),
    [
        (GOOD.replace("<title>T</title>", ""), "The page has no title."),
        (GOOD.replace(' lang="en"', ""), "<html> has no 'lang'."),
        (GOOD.replace('<h1 id="top">One</h1>', ""), "The page has 0 headings <h1>; it needs one."),
    ],
)
def test_a_page_needs_a_title_a_language_and_a_heading(page: str, what: str) -> None:
    assert structure.read(GOOD).objections == []
    assert what in [objection.what for objection in structure.read(page).objections]


LINKS = [
    ("#top", ""),
    ("#nowhere", "leads to no place on this page"),
    ("/hub/home", ""),
    ("/hub/language/de", ""),
    ("/hub/home#new-lab", ""),
    ("/hub/page/about", ""),
    ("/hub/page/about#team", ""),
    ("/hub/page/about#nobody", "leads to no place on the page 'about'"),
    ("/hub/page/abuot", "leads to an own page that there isn't"),
    ("/nowhere", "leads to no page of the portal"),
    ("https://elsewhere.example/", ""),
    ("mailto:help@example.org", ""),
    ("//elsewhere.example/", ""),
]


@pytest.mark.parametrize(("link", "what"), LINKS)
def test_links_within_the_portal_lead_somewhere(link: str, what: str) -> None:
    outline = structure.read(f'{HEAD}<h1 id="top">One</h1><a href="{link}">x</a></body></html>')

    found = [objection.what for objection in structure.dead_links(outline, {"about": {"team"}})]
    assert found == [] if not what else what in found[0]
