"""From a push to the live version, with a hundred tenants: `python -m tests.bench.pushes` prints the section of `docs/benchmarks.md`.

A hundred repositories with copies of the three real bundles, one sync, no hub: what is measured ends when `current` leads to a snapshot
that holds the pushed style sheet, which is what a hub reads at its next request. A push is told by a signed web hook, as a forge sends it.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import shutil
import sys
import tempfile
import time
from pathlib import Path

import httpx
import psutil

from tests.bench.memory import of
from tests.support.bundles import Remote
from tests.support.installation import ROOT
from tests.support.sync_service import Service

TENANTS = 100
ALONE = 40
"""Pushes one after the other."""
SECONDS = 10
PER_SECOND = 10
SECRET = "a secret for the benchmark"
LIMIT = 60.0


class Fleet:
    """The tenants, their repositories, and the sync that follows them."""

    def __init__(self, root: Path) -> None:
        self.service = Service(root, poll=3600, themes=ROOT / "themes")
        secret = root / "hook-secret"
        secret.write_text(SECRET)
        bundles = sorted(path.parent for path in (ROOT / "tenants").glob("*/tenant.toml"))
        self.remotes: list[Remote] = []
        for number in range(TENANTS):
            home = root / f"t{number}"
            home.mkdir()
            remote = Remote(home)
            shutil.copytree(bundles[number % len(bundles)], remote.work, dirs_exist_ok=True)
            remote.commit("Begin")
            self.remotes.append(remote)
            self.service.follow(f"t{number}", str(remote.path), webhook_secret_file=secret)

    async def begin(self) -> float:
        """Start the sync; seconds until all are live."""
        began = time.monotonic()
        await self.service.start()
        while any(self.service.store.live(f"t{number}") is None for number in range(TENANTS)):
            await asyncio.sleep(0.05)
        return time.monotonic() - began

    async def push(self, number: int, mark: int, http: httpx.AsyncClient) -> float:
        """Push a changed style sheet; seconds from the push's return until it is live."""
        remote = self.remotes[number]
        path = remote.work / "static" / "css" / "tenant.css"
        line = f"h1 {{ order: {mark}; }}"
        path.write_text(f"{path.read_text()}\n{line}\n")
        await asyncio.to_thread(remote.commit)
        pushed = time.monotonic()
        body = b'{"ref": "refs/heads/main"}'
        signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        headers = {"Host": f"t{number}.localhost", "X-GitHub-Event": "push", "X-Hub-Signature-256": f"sha256={signature}"}
        answer = await http.post(f"http://127.0.0.1:{self.service.hooks_port}/hooks/git", content=body, headers=headers)
        answer.raise_for_status()
        live = self.service.state / "snapshots" / f"t{number}" / "current" / "static" / "css" / "tenant.css"
        while line not in live.read_text():
            if time.monotonic() - pushed > LIMIT:
                raise TimeoutError(f"t{number}: {self.service.status(f't{number}').error}")
            await asyncio.sleep(0.005)
        return time.monotonic() - pushed


async def measure(root: Path) -> list[str]:
    """All figures, as a section's lines."""
    fleet = Fleet(root)
    first = await fleet.begin()
    try:
        async with httpx.AsyncClient(timeout=30) as http:
            alone = [await fleet.push(number % TENANTS, 10_000 + number, http) for number in range(ALONE)]
            pushes = []
            for number in range(SECONDS * PER_SECOND):
                pushes.append(asyncio.create_task(fleet.push(number % TENANTS, 20_000 + number, http)))
                await asyncio.sleep(1 / PER_SECOND)
            busy = await asyncio.gather(*pushes)
        process = psutil.Process(fleet.service.pid)
        memory = sum(of(each.pid).pss for each in (process, *process.children(recursive=True)))
    finally:
        fleet.service.stop()
    return [
        f"{TENANTS} tenants with a repository each, one sync, no hub; a push is told by a signed web hook.",
        "",
        "| from `git push` returned to live | p50 | p95 | pushes |",
        "|---|---|---|---|",
        _row("one after the other", alone),
        _row(f"{PER_SECOND} a second over all tenants", busy),
        "",
        f"All {TENANTS} were live {first:.1f} s after the sync's start; the sync and its judge have {memory:.0f} MB of PSS then.",
    ]


def _row(name: str, seconds: list[float]) -> str:
    ordered = sorted(seconds)
    p50, p95 = (ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))] for share in (0.5, 0.95))
    return f"| {name} | {1000 * p50:.0f} ms | {1000 * p95:.0f} ms | {len(ordered)} |"


def section() -> list[str]:
    """Measure in a directory that goes away."""
    root = Path(tempfile.mkdtemp(prefix="portico-bench-"))
    try:
        return asyncio.run(measure(root))
    finally:
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    sys.stdout.write("\n".join(section()) + "\n")
