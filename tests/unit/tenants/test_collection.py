"""What is collected, and when: nothing that is kept, live, previewed, new, or was in use until a moment ago."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from portico.settings import load
from portico.tenants.judge import Judge
from portico.tenants.status import Preview, Status
from portico.tenants.store import GRACE, Store
from portico.tenants.sync import Sync
from portico.tenants.versions import Versions

from tests.support.bundles import composed
from tests.support.operators import Operator
from tests.support.wait import until

real_time = time.time


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let so many seconds pass for whoever asks how old something is."""
    return lambda seconds: monkeypatch.setattr("portico.tenants.store.time.time", lambda: real_time() + seconds)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "state" / "snapshots")


def add(store: Store, themes: Path, letter: str) -> str:
    return store.add(composed(themes, {"static/a.txt": letter}), commit=letter * 40).digest


def test_a_snapshots_grace_counts_from_the_moment_at_which_another_took_its_place(tmp_path: Path, store: Store, themes: Path) -> None:
    first, second = add(store, themes, "a"), add(store, themes, "b")
    store.activate("test", first)
    made = (tmp_path / "state/snapshots/test" / first).stat().st_ctime_ns
    probe = tmp_path / "probe"
    probe.touch()
    while probe.stat().st_ctime_ns <= made:  # until the file system's clock has moved on
        probe.touch()

    store.activate("test", second)

    assert (tmp_path / "state/snapshots/test" / first).stat().st_ctime_ns >= probe.stat().st_ctime_ns > made


def test_what_nobody_keeps_goes_with_its_blobs_when_its_grace_is_over(store: Store, themes: Path, later: Callable[[float], None]) -> None:
    live, kept, other = (add(store, themes, letter) for letter in "abc")
    store.activate("test", live)
    blobs = set((store._root / ".blobs").iterdir())
    store.collect("test", {kept})
    assert store.digests("test") == {live, kept, other}
    later(GRACE + 1)
    store.collect("test", {kept})
    assert store.digests("test") == {live, kept}
    store.collect_blobs()
    assert len(blobs) - len(set((store._root / ".blobs").iterdir())) == 1


@pytest.mark.parametrize(("ago", "stays"), [(-1000, True), (GRACE / 2, True), (GRACE + 1, False)])
def test_a_preview_is_kept_until_its_time_is_over_and_a_grace(
    tmp_path: Path, store: Store, themes: Path, later: Callable[[float], None], ago: float, stays: bool
) -> None:
    digest = add(store, themes, "a")
    ended = datetime.now(UTC) - timedelta(seconds=ago)
    preview = Preview(branch="next", commit="a" * 40, digest=digest, at=ended - timedelta(days=7), until=ended)
    later(GRACE + 1)
    Versions("test", state=tmp_path / "state", themes=themes, store=store).collect(Status(tenant="test", previews=(preview,)))
    assert store.has("test", digest) == stays


def test_a_preview_that_somebody_ends_has_its_grace(tmp_path: Path, store: Store, themes: Path) -> None:
    digest, touched = add(store, themes, "a"), []
    store.touch = lambda *what: touched.append(what)  # type: ignore[method-assign]
    now = datetime.now(UTC)
    preview = Preview(branch="next", commit="a" * 40, digest=digest, at=now, until=now + timedelta(days=1))
    versions = Versions("test", state=tmp_path / "state", themes=themes, store=store)
    assert versions.unpreview(Status(tenant="test", previews=(preview,)), "next").previews == ()
    assert touched == [("test", digest)]


async def test_the_sync_collects_although_nothing_is_pushed(tmp_path: Path, themes: Path, later: Callable[[float], None]) -> None:
    operator = Operator(tmp_path)
    operator.configure(operator.entry("test", repository=str(tmp_path / "nowhere.git")))
    settings = load(operator.file)
    store = Store(settings.state / "snapshots")
    live, other = add(store, themes, "a"), add(store, themes, "b")
    store.activate("test", live)
    count = len(list((store._root / ".blobs").iterdir()))
    later(GRACE + 1)
    with ThreadPoolExecutor(2) as workers:
        running = asyncio.create_task(Sync(settings, judge=Judge(), workers=workers).run())
        await until(lambda: not store.has("test", other) and len(list((store._root / ".blobs").iterdir())) == count - 1)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert store.digests("test") == {live}
