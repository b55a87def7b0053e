"""From a push to the page in a browser's place, with a hundred tenants: `python -m tests.bench.pushes` prints the section of the page.

A whole installation: a hundred repositories with copies of the three real bundles, a hub for each tenant, one gateway and one sync. A
push is told by a signed web hook, as a forge sends it, to the portal's own address; what is measured ends when the portal's first page,
through the gateway, leads to a style sheet that holds what was pushed. No repository is polled. What is pushed at ten a second was
committed before, as on its authors' machines.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path

import httpx
import psutil

from tests.bench.memory import of
from tests.support.bundles import Remote, git
from tests.support.installation import ROOT, Up, serve
from tests.support.operators import Operator

TENANTS = 100
ALONE = 40
"""Pushes one after the other."""
SECONDS = 10
PER_SECOND = 10
SECRET = "a secret for the benchmark"
LIMIT = 60.0
LOOK = 0.05
"""Seconds between two loads of the page: what is measured may be so much too long."""
_SHEET = re.compile(r"/hub/brand/[0-9a-f]+/css/tenant\.css")


class Fleet:
    """The tenants, their repositories, and the installation that serves them."""

    def __init__(self, root: Path) -> None:
        self.operator = Operator(root)
        secret = root / "hook-secret"
        secret.write_text(SECRET)
        bundles = sorted(path.parent for path in (ROOT / "tenants").glob("*/tenant.toml"))
        self.remotes: list[Remote] = []
        entries = []
        for number in range(TENANTS):
            home = root / f"t{number}"
            home.mkdir()
            remote = Remote(home)
            shutil.copytree(bundles[number % len(bundles)], remote.work, dirs_exist_ok=True)
            remote.commit("Begin")
            self.remotes.append(remote)
            entries.append(self.operator.entry(f"t{number}", repository=str(remote.path), webhook_secret_file=str(secret)))
        self.operator.configure(*entries, poll_interval=3600)

    def commit(self, number: int, mark: int) -> str:
        """Commit a changed style sheet; answers the line that is new in it."""
        work = self.remotes[number].work
        path = work / "static" / "css" / "tenant.css"
        line = f"h1 {{ order: {mark}; }}"
        path.write_text(f"{path.read_text()}\n{line}\n")
        git(work, "commit", "--quiet", "--all", "-m", "Change")
        return line

    async def push(self, number: int, line: str, http: httpx.AsyncClient) -> float:
        """Push what was committed; seconds from the push's return until the portal's first page has the line."""
        remote = self.remotes[number]
        await asyncio.to_thread(git, remote.work, "push", "--quiet", str(remote.path), "HEAD:refs/heads/main")
        pushed = time.monotonic()
        body = b'{"ref": "refs/heads/main"}'
        signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        host = {"Host": f"t{number}.localhost"}
        headers = {**host, "X-GitHub-Event": "push", "X-Hub-Signature-256": f"sha256={signature}"}
        (await http.post("/hooks/git", content=body, headers=headers)).raise_for_status()
        before = None
        while time.monotonic() - pushed < LIMIT:
            page = (await http.get("/hub/login", headers=host)).raise_for_status().text
            (sheet,) = set(_SHEET.findall(page))
            if sheet != before and line in (await http.get(sheet, headers=host)).raise_for_status().text:
                return time.monotonic() - pushed
            before = sheet
            await asyncio.sleep(LOOK)
        raise TimeoutError(f"t{number} has not got its style sheet")


async def measure(fleet: Fleet, up: Up) -> list[str]:
    """All figures, as a section's lines."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{up.port}", timeout=30) as http:
        alone = [await fleet.push(number, fleet.commit(number, number), http) for number in range(ALONE)]
        lines = [fleet.commit(number, 1000 + number) for number in range(SECONDS * PER_SECOND)]
        pushes = []
        for number, line in enumerate(lines):
            pushes.append(asyncio.create_task(fleet.push(number, line, http)))
            await asyncio.sleep(1 / PER_SECOND)
        busy = await asyncio.gather(*pushes)
    process = psutil.Process(up.process.pid)
    memory = sum(of(each.pid).pss for each in (process, *process.children(recursive=True)))
    return [
        f"{TENANTS} tenants with a repository and a hub each, one gateway, one sync; a push is told by a signed web hook.",
        "",
        "| from `git push` returned to the first page with the new style sheet | p50 | p95 | pushes |",
        "|---|---|---|---|",
        _row("one after the other", alone),
        _row(f"{PER_SECOND} a second over all tenants", busy),
        "",
        f"All {TENANTS} portals answered {up.seconds:.1f} s after the start. "
        f"In the end the installation has {memory / 1000:.1f} GB of PSS.",
    ]


def _row(name: str, seconds: list[float]) -> str:
    ordered = sorted(seconds)
    p50, p95 = (ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))] for share in (0.5, 0.95))
    return f"| {name} | {1000 * p50:.0f} ms | {1000 * p95:.0f} ms | {len(ordered)} |"


def section() -> list[str]:
    """Measure in a directory that goes away."""
    root = Path(tempfile.mkdtemp(prefix="portico-bench-"))
    try:
        fleet = Fleet(root)
        with serve(fleet.operator.file, fleet.operator.state, fleet.operator.port) as up:
            return asyncio.run(measure(fleet, up))
    finally:
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    sys.stdout.write("\n".join(section()) + "\n")
