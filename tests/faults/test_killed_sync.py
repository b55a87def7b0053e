"""The sync is killed while it swaps: the portal serves the old version or the new one, whole, and nothing is left about (fault 24)."""

from __future__ import annotations

import asyncio
import hashlib
import random
import signal
from pathlib import Path

from portico.tenants import history
from portico.tenants.snapshot import Snapshot
from portico.tenants.store import Store

from tests.support.bundles import BUNDLE, Remote
from tests.support.sync_service import Service
from tests.support.wait import until

KILLS = 50
SEED = 20260131


async def test_killed_at_any_moment_it_serves_the_old_or_the_new_version_and_leaves_nothing_behind(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    service, remote = Service(tmp_path), Remote(tmp_path)
    service.follow("test", str(remote.path))
    pushed = remote.push(dict(BUNDLE))
    await service.start()
    await service.live(pushed)
    known = {service.store.live("test")}
    for number in range(KILLS):
        remote.push({"static/a.txt": f"{number}", "static/css/tenant.css": f"h1 {{ order: {number} }}\n"})
        await _moment(service, known, chance)
        service.stop(signal.SIGKILL)
        known.add(_whole(service.state))
        await service.start()
    assert len(known) > KILLS // 4, "hardly a kill came after a swap"
    last = remote.push({"static/a.txt": "the end"})
    await service.live(last)
    service.stop()

    assert (
        Snapshot.open(service.state / "snapshots/test" / str(service.store.live("test"))).root / "static/a.txt"
    ).read_text() == "the end"
    _nothing_left(service.state)


async def _moment(service: Service, known: set[str | None], chance: random.Random) -> None:
    """Any moment: on the way to the new version, from the first byte that is written of it on, or just after the swap."""
    home = service.state / "snapshots" / "test"
    match chance.choice(("before", "within", "after")):
        case "before":
            await asyncio.sleep(chance.uniform(0, 0.4))
        case "within":
            await until(lambda: any(home.glob(".new-*")) or service.store.live("test") not in known, interval=0.0005)
            await asyncio.sleep(chance.uniform(0, 0.1))
        case _:
            await until(lambda: service.store.live("test") not in known, interval=0.0005)
            await asyncio.sleep(chance.uniform(0, 0.01))


def _whole(state: Path) -> str | None:
    """The digest that is live, every file of which is there as its manifest says."""
    snapshot = Store(state / "snapshots").current("test")
    assert snapshot
    for path, record in snapshot.manifest.files.items():
        data = (snapshot.root / path).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (record.size, record.sha256), path
    assert snapshot.manifest.digest == snapshot.digest
    return snapshot.digest


def _nothing_left(state: Path) -> None:
    """After the next start and collection nothing is there that no kept version needs."""
    store = Store(state / "snapshots")
    store.sweep()
    kept = history.earliest_kept(history.read(state, "test"), 10)
    store.collect("test", kept, grace=0)
    store.collect_blobs(grace=0)
    home = state / "snapshots"
    needed = {record.sha256 for digest in store.digests("test") for record in Snapshot.open(home / "test" / digest).manifest.files.values()}
    assert {path.name for path in (home / ".blobs").iterdir()} == needed
    assert {path.name for path in (home / "test").iterdir()} == {*store.digests("test"), "current"}
    assert not list(state.glob("**/.new-*"))
