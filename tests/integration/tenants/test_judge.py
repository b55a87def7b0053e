"""The process that judges candidates: what it finds, and what stops it."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from portico.tenants.judge import Judge, Memory

from tests.support.bundles import BASE, BUNDLE, encoded, write_themes
from tests.support.wait import until

FINE = encoded(BUNDLE)
COSTLY = {**FINE, **{f"static/css/s{number}.css": b"a{b:c}" * 500_000 for number in range(5)}}
"""Fifteen megabytes of rules: each is fine, all take long to read."""


@pytest.fixture
def themes(tmp_path: Path) -> Path:
    return write_themes(tmp_path / "themes")


async def test_one_warm_process_judges_many(themes: Path) -> None:
    async with Judge() as judge:
        assert not (await judge.ask("test", FINE, themes)).findings
        children = {child.pid for child in psutil.Process().children()}
        began = time.monotonic()
        findings = (await judge.ask("test", {**FINE, "templates/home.html": b"{{ x }}"}, themes)).findings
        assert time.monotonic() - began < 1
        assert str(findings[0]).startswith("templates/home.html:1:4: 'x' is not defined")
        assert {child.pid for child in psutil.Process().children()} == children


@pytest.mark.parametrize("limits", [{"cpu_seconds": 1}, {"memory": 300_000_000}, {"wall_seconds": 1.0}], ids=str)
async def test_what_takes_too_much_is_stopped_and_the_next_is_judged(themes: Path, limits: dict[str, int]) -> None:
    """Hostile inputs 7 to 9: whatever a candidate does, the time and the memory for it are bounded."""
    async with Judge(**limits) as judge:  # type: ignore[arg-type]
        began = time.monotonic()
        findings = (await judge.ask("test", COSTLY, themes)).findings
        assert time.monotonic() - began < 15
        assert "more time or memory than it may" in findings[0].what
        await until(lambda: all(child.status() != psutil.STATUS_ZOMBIE for child in psutil.Process().children()))
        if "wall_seconds" not in limits:
            assert not (await judge.ask("test", FINE, themes)).findings


DEEP = [
    "{{ " + "(" * 50_000 + "1" + ")" * 50_000 + " }}",
    "{{ " + "[" * 50_000 + "]" * 50_000 + " }}",
    "{{ 1" + " + 1" * 50_000 + " }}",
    "{{ a" + ".b" * 50_000 + " }}",
    "{{ not " + "not " * 50_000 + "a }}",
    "{% if a %}" * 5_000 + "{% endif %}" * 5_000,
    "{% for a in b %}" * 200 + "{% endfor %}" * 200,
    "{{ 'a'" + "|upper" * 50_000 + " }}",
    "{{ " + "9" * 50_000 + " }}",
    "{% block a %}" * 500 + "{% endblock %}" * 500,
]


@pytest.mark.parametrize("template", DEEP, ids=[template[:20] for template in DEEP])
async def test_templates_nested_beyond_reason_are_findings(themes: Path, template: str) -> None:
    async with Judge(cpu_seconds=5) as judge:
        assert (await judge.ask("test", {**FINE, "templates/landing.html": template.encode()}, themes)).findings
        assert not (await judge.ask("test", FINE, themes)).findings


@pytest.mark.parametrize(
    ("change", "again"),
    [
        ({"static/css/tenant.css": b"body { color: green }"}, False),
        ({"templates/home.html": b'{% extends "layout.html" %}{% block content %}new{% endblock %}'}, True),
        ({"static/more.svg": BASE["static/logo.svg"].encode()}, True),
        ({"texts/en.toml": b'hello = "Good day"'}, True),
    ],
)
async def test_pages_are_rehearsed_again_where_they_may_have_changed(themes: Path, change: dict[str, bytes], again: bool) -> None:
    async with Judge() as judge:
        first = (await judge.ask("test", FINE, themes)).rehearsed
        second = await judge.ask("test", {**FINE, **change}, themes)
        assert first is not None
        assert second.rehearsed is not None
        assert (second.rehearsed.key != first.key) is again
        assert second.pages == first.pages


async def test_what_one_process_has_rehearsed_another_need_not(themes: Path) -> None:
    """What is remembered is replaced by what no rehearsal gives: the other process answers it as well, for this tenant alone."""
    memory = Memory()
    async with Judge(remembers=memory) as one, Judge(remembers=memory) as other:
        rehearsed = (await one.ask("test", FINE, themes)).rehearsed
        assert rehearsed is not None
        memory.keep("test", replace(rehearsed, pages=12345))
        changed = {**FINE, "static/css/tenant.css": b"body { color: green }"}
        assert (await other.ask("test", changed, themes)).pages == 12345
        assert (await other.ask("neighbour", changed, themes)).pages == rehearsed.pages
