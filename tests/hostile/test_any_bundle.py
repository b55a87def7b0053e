"""Whatever bytes a bundle is made of, the answer is a snapshot or messages: never a trace, never a change of what is live.

Hypothesis takes real bundles and breaks them: bytes, odd names, pieces of templates, styles and TOML where they don't belong. Each goes
through the process that judges on the server. PORTICO_FUZZ=5000 tries that many instead of the everyday few.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from portico.tenants.composition import compose
from portico.tenants.findings import Refused
from portico.tenants.judge import TOO_MUCH, Judge, Verdict
from portico.tenants.layers import Entry, admit, read_directory
from portico.tenants.store import Store
from portico.tenants.views import Common, LandingPage, Portal

from tests.support.installation import ROOT

THEMES = ROOT / "themes"
EXAMPLES = int(os.environ.get("PORTICO_FUZZ", "60"))
REAL = [read_directory(path.parent) for path in sorted((ROOT / "tenants").glob("*/tenant.toml"))]
Files = dict[str, bytes]

PIECES = st.sampled_from(
    [
        *(
            b"{{",
            b"}}",
            b"{%",
            b"%}",
            b"{% block x %}",
            b"{% endblock %}",
            b"{% for a in b %}",
            b"{% include 'landing.html' %}",
            b"{{ x.y }}",
        ),
        *(
            b"{{ portal }}",
            b"{% set a = [a] %}",
            b"{{ t(t) }}",
            b"{{ asset(1) }}",
            b"{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
            b"{#",
        ),
        *(b"<script>", b"</div>", b"<svg", b"&#x0;", b"<a href='/x'>", b"\0", b"\xff", b"\xef\xbb\xbf", "\u202e".encode(), b"\r\n"),
        *(b"[[", b"]]", b"a.b.c = 1\n", b'"""', b"title = 1\n", b"[brand.light]\naccent = '#zzz'\n", b"nan", b"1979-05-27", b"{", b"}"),
        *(b"@import 'x';", b"url(//x)", b"/*", b"--accent: #fff;", b":root{--text:#ffffff}", b"@layer tenant{", b"\\75rl(x)", b"9" * 5000),
    ]
)
CONTENT = st.one_of(PIECES, st.binary(max_size=200), st.text(max_size=80).map(lambda text: text.encode("utf-8", "surrogatepass")))
NAMES = st.one_of(
    st.sampled_from(
        [
            *(
                "tenant.toml",
                "templates/landing.html",
                "templates/layout.html",
                "templates/pages/x.html",
                "templates/art.svg",
                "static/logo.svg",
            ),
            *(
                "static/css/tenant.css",
                "static/x.png",
                "static/x.woff2",
                "static/x.js",
                "lab/overrides.json",
                "texts/en.toml",
                "theme.toml",
            ),
            *("templates/../x", "static//x", "-x", "templates/a b.html", "static/portico-tokens.css", "x" * 300, "static/é.svg"),
        ]
    ),
    st.text(max_size=40),
)


@st.composite
def bundles(draw: st.DrawFn) -> Files:
    """A real bundle with some things done to it, or files out of nothing."""
    files = dict(draw(st.sampled_from([*REAL, {}])))
    for _ in range(draw(st.integers(1, 4))):
        known = sorted(files)
        match draw(st.sampled_from(("insert", "cut", "drop", "add", "swap") if known else ("add",))):
            case "insert":
                name = draw(st.sampled_from(known))
                at = draw(st.integers(0, len(files[name])))
                files[name] = files[name][:at] + draw(CONTENT) + files[name][at:]
            case "cut":
                name = draw(st.sampled_from(known))
                files[name] = files[name][: draw(st.integers(0, len(files[name])))]
            case "drop":
                del files[draw(st.sampled_from(known))]
            case "swap":
                files[draw(st.sampled_from(known))] = files[draw(st.sampled_from(known))]
            case _:
                files[draw(NAMES)] = draw(CONTENT)
    return files


@dataclass
class Bench:
    """A judge, and a store with a snapshot that is live."""

    runner: asyncio.Runner
    judge: Judge
    store: Store
    live: str

    def take(self, files: Files) -> Verdict:
        """What the sync does with a commit's files."""
        try:
            admit(Entry(path, len(data)) for path, data in files.items())
            verdict = self.runner.run(self.judge.ask("test", files, THEMES))
            if not verdict.findings:
                self.store.activate("test", self.store.add(compose("test", files, THEMES), commit="").digest)
        except Refused as refused:
            return Verdict(refused.findings)
        return verdict


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    store = Store(tmp_path_factory.mktemp("fuzz") / "snapshots")
    with asyncio.Runner() as runner:
        judge = Judge()
        runner.run(judge.__aenter__())
        live = store.add(compose("test", REAL[0], THEMES), commit="").digest
        store.activate("test", live)
        yield Bench(runner, judge, store, live)
        runner.run(judge.__aexit__())


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], database=None)
@given(files=bundles())
def test_whatever_comes_the_answer_is_a_snapshot_or_messages(bench: Bench, files: Files) -> None:
    before = bench.store.live("test")
    verdict = bench.take(files)

    if verdict.findings:
        assert bench.store.live("test") == before
        assert TOO_MUCH not in verdict.findings
        for finding in verdict.findings:
            said = str(finding)
            assert finding.what
            assert len(said) < 2_000
            assert "Traceback" not in said
            assert str(Path.cwd()) not in said
        return
    snapshot = bench.store.current("test")
    assert snapshot
    common = Common(portal=Portal("test", "Test", "", "mailto:a@b.example", "IdP", "/l.svg", "/f.svg"), page="landing")
    assert "</html>" in snapshot.render(common, LandingPage())
