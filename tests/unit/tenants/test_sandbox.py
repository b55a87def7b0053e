"""What a template may do, and what it is refused for; the numbers are those of the table of hostile inputs."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import pytest
from portico.tenants import budget, views
from portico.tenants.budget import Rendering, TooMuch
from portico.tenants.environment import Renderer
from portico.tenants.filters import ITEM_BY_ITEM
from portico.tenants.samples import samples
from portico.tenants.sandbox import Sandbox, Sources

from tests.support.bundles import composed, judged, page

HOSTILE = [
    # 7: loops
    ("{% for a in range(999) %}{% for b in range(999) %}{% for c in range(999) %}{% endfor %}{% endfor %}{% endfor %}", "The page takes"),
    ("{% for a in range(99999) %}{% endfor %}", "A range may have 1,000 numbers"),
    ("{{ lipsum(n=100000) }}", "'lipsum' is not defined"),
    ("{% macro f(n) %}{% if n %}{{ f(n-1) }}{{ f(n-1) }}{% endif %}{% endmacro %}{{ f(40) }}", "The page takes"),
    # 8, 9: arithmetic
    ("{% if false %}{{ 7**30000000 }}{% endif %}{{ 7**30000000 }}", "'**' is not available"),
    ("{{ 'a' * 2000000000 }}", "numbers up to"),
    ("{{ [0] * 2000000000 }}", "numbers up to"),
    ("{{ '%2000000000d' % 1 }}", "numbers up to"),
    ("{% set a = 'x' * 1 %}", "numbers up to"),
    ("{% set ns = 'xxxxxxxxxx' %}" + "{% set ns = ns ~ ns %}" * 40 + "{{ ns }}", "longer than 2,000,000"),
    ("{% set a %}xxxxxxxxxx{% endset %}" + "{% set a %}{{ a }}{{ a }}{% endset %}" * 40 + "{{ a }}", "longer than 2,000,000"),
    # 11: attributes
    ("{{ ''.__class__ }}", "unsafe"),
    ("{{ portal.__class__.__mro__ }}", "unsafe"),
    ("{{ portal['__class__'] }}", "unsafe"),
    ("{{ t.__globals__ }}", "unsafe"),
    ("{{ asset.__self__ }}", "unsafe"),
    ("{{ self.__init__.__globals__ }}", "unsafe"),
    ("{{ portal.announcements.__add__ }}", "unsafe"),
    ("{% for x in [1] %}{{ loop.__init__ }}{% endfor %}", "unsafe"),
    # 12: the attr filter and format strings
    ("{{ portal|attr('__class__') }}", "No filter named 'attr'"),
    ("{{ '{0.__class__}'.format(portal) }}", "unsafe"),
    ("{{ '{a.__class__}'.format_map({'a': portal}) }}", "unsafe"),
    ("{{ '%s'|format(portal) }}", "No filter named 'format'"),
    ("{{ [portal]|map(attribute='__class__')|list|first }}", "unsafe"),
    ("{{ [portal]|map('attr', '__class__')|list }}", "No filter named 'attr'"),
    ("{{ 'x'.center(1000000000) }}", "unsafe"),
    # 13, 14: what isn't there
    ("{{ cycler.__init__.__globals__ }}", "unsafe"),
    ("{{ cycler }}", "'cycler' is not defined"),
    ("{{ joiner() }}", "'joiner' is not defined"),
    ("{{ namespace() }}", "'namespace' is not defined"),
    ("{{ dict }}", "'dict' is not defined"),
    ("{{ request.cookies }}", "'request' is not defined"),
    ("{{ settings.cookie_secret }}", "'settings' is not defined"),
    ("{{ handler }}", "'handler' is not defined"),
    ("{{ config }}", "'config' is not defined"),
    ("{{ portal.settings }}", "Portal has no field 'settings'"),
    # 10, 15: other templates
    ('{% include "landing.html" %}', "comes back to itself"),
    ('{% extends "landing.html" %}', "comes back to itself"),
    ('{% include "../../../../etc/passwd" %}', "can't be the name"),
    ('{% include "/etc/passwd" %}', "can't be the name"),
    ('{% include "%2e%2e/passwd" %}', "can't be the name"),
    ('{% include "0:landing.html" %}', "can't be the name"),
    ("{% include portal.name %}", "not by an expression"),
    ('{% extends portal.name ~ ".html" %}', "not by an expression"),
    ('{% from "nothing.html" import x %}', "There is no template 'nothing.html'"),
    # 22: escaping
    ("{{ '<script>'|safe }}", "No filter named 'safe'"),
    ("{% autoescape false %}{{ portal.name }}{% endautoescape %}", "Escaping can't be turned off"),
    ("{{ Markup('<b>') }}", "'Markup' is not defined"),
    # 23: what may not stand in a page
    ("<form action='https://evil.example/'></form>", "may not be sent to"),
    ("<button formaction='//evil.example/'></button>", "may not be sent to"),
    ("<base href='https://evil.example/'>", "<base> is not allowed"),
    ("<meta http-equiv='refresh' content='0;url=/'>", "'refresh'"),
    ("<script>alert(1)</script>", "A script in the page"),
    ("<script src='https://evil.example/x.js'></script>", "Nothing may be loaded from"),
    ("<a href='javascript:alert(1)'>x</a>", "is not allowed"),
    ("<p onclick='x()'>x</p>", "'onclick' is not allowed"),
    ("<img src='https://evil.example/pixel.png' alt=''>", "Nothing may be loaded from"),
    ("<iframe src='/hub/token'></iframe>", "<iframe> is not allowed"),
    # What is merely wrong
    ("{% block content %}", "Unexpected end of template"),
    ("{{ portal }}", "prints a whole Portal"),
    ("{{ portal.titel }}", "Portal has no field 'titel'. Did you mean 'title'?"),
    ("{{ t('helo') }}", "There is no text 'helo'. Did you mean 'hello'?"),
    ("{{ t('greeting') }}", "needs a value 'name'"),
    ("{{ asset('css/tenant.cs') }}", "There is no static file 'css/tenant.cs'. Did you mean 'css/tenant.css'?"),
]


@pytest.mark.parametrize(("template", "says"), HOSTILE, ids=[template[:60] for template, _ in HOSTILE])
def test_a_hostile_template_is_refused_with_file_and_line(themes: Path, template: str, says: str) -> None:
    began = time.monotonic()
    findings = judged(themes, {"templates/landing.html": f"\n\n{template}"})
    assert time.monotonic() - began < 8
    assert any(says in str(finding) for finding in findings), [str(finding) for finding in findings]
    assert findings[0].file == "templates/landing.html"
    assert findings[0].line == 3


def test_a_page_that_is_too_long_is_refused(themes: Path) -> None:
    loops = "{% for i in range(999) %}{% for j in range(99) %}" + "x" * 100 + "{% endfor %}{% endfor %}"
    findings = judged(themes, {"templates/landing.html": loops})
    assert [finding.file for finding in findings] == ["templates/landing.html"]
    assert "longer than 2,000,000" in findings[0].what


@pytest.mark.parametrize("template", ["<scr{{ '' }}ipt>alert(1)</scr{{ '' }}ipt>", "<a href='&#106;avascript:alert(1)'>x</a>"])
def test_markup_that_hides_in_a_template_is_seen_in_the_page(themes: Path, template: str) -> None:
    findings = judged(themes, {"templates/landing.html": page(template)})
    assert [finding.file for finding in findings] == ["templates/landing.html"]
    assert "not allowed" in findings[0].what


HARMLESS = [
    ("{{ '<b>' }}", "&lt;b&gt;"),
    ("{{ portal.title|upper }} {{ [1, 2, 3]|sum }} {{ (7 / 2)|round(1) }}", "TEST 6 3.5"),
    ("{{ ['<', '>']|join('&') }}", "&lt;&amp;&gt;"),
    ("{% for name, value in {'a': 1}.items() %}{{ name }}{{ value }}{{ loop.index }}{% endfor %}", "a11"),
    ("{{ t('greeting', name='<Ada>') }}", "Hello &lt;Ada&gt;"),
    ("{{ t('greeting', name='{name}') }}", "Hello {name}"),
    ("{{ t('lab.start') }}", "Start"),
    ("{% macro m(x) %}<i>{{ x }}{{ portal.name }}</i>{% endmacro %}{{ m('<') }}", "<i>&lt;test</i>"),
    ("{{ 'a b'.split()[1] }}", "b"),
    ("[{{ user.name if user }}]", "[]"),
    ("{% for letter in 'abc'|list|select('ne', 'b') %}{{ letter }}{{ loop.length }}{% endfor %}", "a2c2"),
    ("{{ none }}|", "|"),
    ("{{ asset('logo.svg') }}", "/hub/brand/d/logo.svg"),
    ("{% for line in 'one\n\ntwo'|lines %}<p>{{ line }}</p>{% endfor %}", "<p>one</p><p>two</p>"),
]


@pytest.mark.parametrize(("template", "html"), HARMLESS, ids=[template for template, _ in HARMLESS])
def test_what_a_template_needs_works(themes: Path, template: str, html: str) -> None:
    renderer = Renderer(composed(themes, {"templates/landing.html": template}).composition, "/hub/brand/d/")
    assert html in _landing(renderer)


def test_the_budget_holds_when_a_page_is_served(themes: Path) -> None:
    """A template may behave in the rehearsal and not for a certain user."""
    loop = "{% for a in range(999) %}{% for b in range(999) %}{% endfor %}{% endfor %}"
    files = {"templates/landing.html": page(f"{{% if portal.name == 'victim' %}}{loop}{{% endif %}}fine")}
    assert judged(themes, files) == []
    renderer = Renderer(composed(themes, files).composition, "/")
    common = views.Common(portal=views.Portal("victim", "", "", "", "", "", ""), page="landing")
    with pytest.raises(budget.TooMuch):
        renderer.render(common, views.LandingPage())


@pytest.mark.parametrize("costly", ["text|unique|list|length", "text|sort|length", "text|title|length", "text|striptags|length"])
def test_what_a_filter_goes_through_is_counted(themes: Path, costly: str) -> None:
    """A loop of few turns, each of them long: no turn may go by unseen when the page is served."""
    double = "{% set text = 'x y ' %}" + "{% set text = text ~ text %}" * 14
    files = {"templates/landing.html": page(f"{double}{{% for turn in range(999) %}}{{{{ {costly} }}}}{{% endfor %}}")}
    composition = composed(themes, files).composition
    renderer = Renderer(composition, "/")
    sample = next(samples(composition.tenant, name="test", asset=renderer.asset, locale="en"))
    with pytest.raises(budget.TooMuch, match="steps"):
        renderer.render(sample.common, sample.view, rendering=budget.Rendering(locale="en", steps=budget.STEPS - 5_000))


def test_includes_that_double_are_stopped(themes: Path) -> None:
    files = {f"templates/p{n}.html": f'{{% include "p{n + 1}.html" %}}{{% include "p{n + 1}.html" %}}' for n in range(30)}
    findings = judged(themes, {**files, "templates/p30.html": "x", "templates/landing.html": '{% include "p0.html" %}'})
    assert findings
    assert "page takes" in findings[0].what


def test_a_macro_is_evaluated_for_each_page_in_its_language(themes: Path) -> None:
    (themes / "base/texts/de.toml").write_text('hello = "Hallo"\n')
    files = {"templates/_m.html": "{% set word = t('hello') %}", "templates/landing.html": '{% import "_m.html" as m %}[{{ m.word }}]'}
    renderer = Renderer(composed(themes, files).composition, "/")
    assert "[Hello]" in _landing(renderer, "en")
    assert "[Hallo]" in _landing(renderer, "de")
    assert "[Hello]" in _landing(renderer, "fr")


def _landing(renderer: Renderer, locale: str = "en") -> str:
    composition = renderer.composition
    sample = next(samples(composition.tenant, name="test", asset=renderer.asset, locale=locale))
    return renderer.render(sample.common, sample.view)


@pytest.mark.parametrize(
    "expression",
    [
        "x in y",
        "x == y",
        "x < y",
        "x is in y",
        "x is eq y",
        "y[1:]",
        "y[::-1]",
        "x + y",
        "x ~ y",
        "y|upper",
        "y|first",
        "y.upper()",
        "y|lines",
    ],
)
def test_whatever_goes_through_a_long_text_looks_at_the_clock(expression: str) -> None:
    """A page that is out of time ends at the next of them, however many stand in a row without a loop."""
    late = Rendering(locale="en", deadline=0)
    with budget.Bound(late), pytest.raises(TooMuch, match="longer than 2 s"):
        Sandbox(Sources([{}]), {}, {}).from_string(f"{{% if {expression} %}}{{% endif %}}").render(x="a", y="ab")


@pytest.mark.parametrize("name", sorted(ITEM_BY_ITEM))
def test_a_filter_that_does_something_with_each_item_pays_for_each(name: str) -> None:
    for length, stops in ((budget.STEPS - 10, False), (budget.STEPS, True)):
        value: object = dict.fromkeys(range(length)) if name == "dictsort" else [0] * length
        with budget.Bound(Rendering(locale="en")), pytest.raises(TooMuch) if stops else contextlib.nullcontext():
            Sandbox(Sources([{}]), {}, {}).from_string(f"{{% set z = x|{name} %}}").render(x=value)
