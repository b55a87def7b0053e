"""Snapshots: named by their content, complete or absent, activated by a rename."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from portico.tenants import snapshot as snapshots
from portico.tenants.samples import samples
from portico.tenants.snapshot import Snapshot, build
from portico.tenants.store import Store

from tests.support.bundles import composed


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "snapshots")


def test_the_digest_is_that_of_the_content(themes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def digest(files: dict[str, str], commit: str = "a" * 40) -> str:
        return build(composed(themes, files), commit=commit).manifest.digest

    first = digest({})
    assert len(first) == 32
    assert digest({}) == first
    assert digest({}, commit="b" * 40) == first
    changed = {digest({"static/x.txt": "x"}), digest({"static/y.txt": "x"}), digest({"templates/_p.html": "x"})}
    (themes / "base/templates/start.html").write_text("other")
    changed.add(digest({}))
    monkeypatch.setattr(snapshots, "__version__", "9.9")
    monkeypatch.setattr(snapshots.Manifest.model_fields["product"], "default", "9.9")
    assert first not in changed
    assert len(changed) == 4


def test_a_snapshot_renders_what_its_candidate_rendered(themes: Path, store: Store) -> None:
    made = store.add(composed(themes, {"templates/pages/about.html": "about {{ t('hello') }}"}), commit="a" * 40)
    store.activate("test", made.digest)
    live = Store(made.root.parents[1]).current("test")
    assert live is not None
    assert live.tenant.title == "Test"
    assert live.commit == "a" * 40
    assert live.has_page("about")
    assert not live.has_page("layout")
    for sample in samples(live.tenant, name="test", asset=live.asset, pages=["about"]):
        html = live.render(sample.common, sample.view)
        if sample.page == "about":
            assert html == "about Hello"
        if sample.page == "landing":
            assert f'href="/hub/brand/{live.digest}/css/tenant.css" data-layer="tenant"' in html
    assert live.text("de", "greeting", name="Ada") == "Hello Ada"
    assert live.text("en", "no.such.text") == "no.such.text"


def test_files_are_read_only_and_shared_between_snapshots(themes: Path, store: Store) -> None:
    first = store.add(composed(themes, {}), commit="a" * 40)
    second = store.add(composed(themes, {"static/x.txt": "x"}), commit="b" * 40)
    one, other = first.static_file("css/base.css"), second.static_file("css/base.css")
    assert one is not None
    assert other is not None
    assert one.stat().st_mode & 0o222 == 0
    assert one.samefile(other)
    assert first.static_file("x.txt") is None


ESCAPES = [
    "../manifest.json", "../../current", "css/../../manifest.json", "/etc/passwd", "%2e%2e/manifest.json", "%252e%252e/manifest.json",
    "css/base.css\0", "\0", "", ".", "css", "css/", "./css/base.css", "css//base.css", "CSS/base.css", "..\\manifest.json",
]  # fmt: skip


@pytest.mark.parametrize("path", ESCAPES)
def test_no_path_leads_out_of_the_static_files(themes: Path, store: Store, path: str) -> None:
    """Hostile input 3."""
    made = store.add(composed(themes, {}), commit="a" * 40)
    assert made.static_file("css/base.css") is not None
    assert made.static_file(path) is None


@pytest.mark.parametrize(("tenant", "digest"), [("../x", "a" * 32), ("test", "../test"), ("test", "a" * 32), ("test", "current"), ("", "")])
def test_what_is_not_a_snapshot_is_none(themes: Path, store: Store, tenant: str, digest: str) -> None:
    made = store.add(composed(themes, {}), commit="a" * 40)
    store.activate("test", made.digest)
    assert store.snapshot(tenant, digest) is None
    assert store.current("other") is None


def test_an_old_digest_still_answers(themes: Path, store: Store) -> None:
    old = store.add(composed(themes, {}), commit="a" * 40)
    store.activate("test", old.digest)
    new = store.add(composed(themes, {"static/css/tenant.css": "body { color: green }"}), commit="b" * 40)
    store.activate("test", new.digest)
    assert store.live("test") == new.digest
    found = store.snapshot("test", old.digest)
    assert found is not None
    file = found.static_file("css/tenant.css")
    assert file is not None
    assert b"blue" in file.read_bytes()


def test_a_reader_never_sees_half_an_activation(themes: Path, store: Store) -> None:
    pair = [store.add(composed(themes, {"static/x.txt": word}), commit="a" * 40).digest for word in ("one", "two")]
    store.activate("test", pair[0])
    reader, seen = Store(store._root), set()

    def read() -> None:
        for _ in range(2_000):
            found = reader.current("test")
            assert isinstance(found, Snapshot)
            seen.add(found.digest)

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        turn = 0
        while not reading.done():
            turn += 1
            store.activate("test", pair[turn % 2])
        reading.result()
    assert seen <= set(pair)


def test_only_what_exists_is_activated(store: Store) -> None:
    with pytest.raises(FileNotFoundError):
        store.activate("test", "a" * 32)


def test_a_writer_that_was_killed_leaves_nothing_behind(themes: Path, store: Store) -> None:
    made = store.add(composed(themes, {}), commit="a" * 40)
    left = made.root.parent / ".new-0123"
    left.mkdir()
    (left / "x").write_text("x")
    store.sweep()
    assert [name for name in os.listdir(made.root.parent) if name.startswith(".new")] == []
    assert store.snapshot("test", made.digest) is not None


def test_open_snapshots_are_bounded(themes: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "snapshots", keep=2)
    digests = [store.add(composed(themes, {"static/x.txt": str(number)}), commit="a" * 40).digest for number in range(4)]
    for digest in digests:
        assert store.snapshot("test", digest) is not None
    assert len(store._open) == 2
