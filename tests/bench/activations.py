"""A thousand activations while pages are loaded without a pause: `python -m tests.bench.activations` prints the section of the page.

A whole installation, one portal, asked through the gateway by connections that each ask again as soon as they are answered. Versions are
pushed, so that each is fetched, judged, written and collected as ever, and in between the last of them are made live in turn by rollbacks.
Half of the visitors are logged in, so that their pages are rendered for each of them. Every version says its number on a page of its own
and in its style sheet. A page is whole when all addresses of files in it carry one digest, when every one of these files answers and is
what it was the last time, and when the numbers that pages and style sheets say with a digest are one and the same.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import re
import statistics
import sys
import time
from collections import Counter
from collections.abc import Awaitable
from dataclasses import dataclass, field
from pathlib import Path

from portico.tenants.store import Store
from portico.tenants.trigger import ask

from tests.bench.installed import measured
from tests.support.bundles import git
from tests.support.installation import Up
from tests.support.visitor import Visitor

TENANT, USER = "juniq", "qubit"
ACTIVATIONS = 1000
PUSHES = 400
"""How many of them are a push; the others are rollbacks. So many that the first are collected while pages are still loaded."""
RETURNS = 8
"""Among so many of the last versions: fewer than the ten that are kept."""
CONNECTIONS = 4
SEED = 20260131
LIMIT = 30.0
PAGES = {"": ("/hub/login", "/hub/page/version"), USER: ("/hub/home", "/hub/page/version")}
"""By who loads them; nobody is logged out."""
_FILE = re.compile(rb"/hub/brand/([0-9a-f]{32})/[A-Za-z0-9._/-]+")
_NUMBER = re.compile(rb"Version ([0-9]+)\.")


@dataclass
class Seen:
    """What the visitors have got; `faults` counts what must not be, by its kind."""

    pages: int = 0
    files: int = 0
    changes: int = 0
    """Pages that came with another digest than the one before, on the same connection."""
    faults: Counter[str] = field(default_factory=Counter)
    numbers: dict[bytes, set[bytes]] = field(default_factory=dict)
    """The numbers that were seen with each digest."""
    contents: dict[bytes, bytes] = field(default_factory=dict)
    """What each file's address answered, as a SHA-256."""
    times: list[float] = field(default_factory=list)
    """Seconds for each page."""

    def page(self, body: bytes) -> tuple[bytes, list[bytes]] | None:
        """Look at a page; answers its digest and the addresses of its files."""
        self.pages += 1
        found = {match.group(): match.group(1) for match in _FILE.finditer(body)}
        digests = set(found.values())
        if len(digests) != 1:
            self.faults["page with more than one digest" if digests else "page without a digest"] += 1
            return None
        (digest,) = digests
        self.numbers.setdefault(digest, set()).update(_NUMBER.findall(body))
        return digest, sorted(found)

    def file(self, digest: bytes, address: bytes, body: bytes) -> None:
        """Look at a file of a page that has just come."""
        self.files += 1
        self.numbers.setdefault(digest, set()).update(_NUMBER.findall(body))
        content = hashlib.sha256(body).digest()
        if self.contents.setdefault(address, content) != content:
            self.faults["file that isn't what it was"] += 1

    def mixed(self) -> int:
        """Digests that came with more than one version's number, or with none."""
        return sum(len(numbers) != 1 for numbers in self.numbers.values())


class Connection:
    """One visitor's connection, kept open."""

    def __init__(self, port: int, host: str, cookies: str = "") -> None:
        self._port = port
        self._head = f"Host: {host}\r\nAccept: */*\r\n" + (f"Cookie: {cookies}\r\n" if cookies else "")
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self, path: str) -> tuple[int, bytes]:
        """Status and body; raises OSError or EOFError where none comes, and connects afresh the next time."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 20)
        reader, writer = self._streams
        try:
            writer.write(f"GET {path} HTTP/1.1\r\n{self._head}\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"content-length:"))
            return int(head.split(b" ", 2)[1]), await reader.readexactly(length)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Forget the connection."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def visit(installation: Up, seen: Seen, over: asyncio.Event, user: str, cookies: str) -> None:
    """Load the user's pages in turn, and after each all of its files, until it is over."""
    connection = Connection(installation.port, f"{TENANT}.localhost:{installation.port}", cookies)
    before = None
    while not over.is_set():
        for path in PAGES[user]:
            began = time.perf_counter()
            body = await _asked(connection, path, seen)
            seen.times.append(time.perf_counter() - began)
            found = seen.page(body) if body is not None else None
            if found is None:
                continue
            digest, files = found
            seen.changes += before not in (None, digest)
            before = digest
            for address in files:
                content = await _asked(connection, address.decode(), seen)
                if content is not None:
                    seen.file(digest, address, content)
    connection.close()


async def _asked(connection: Connection, path: str, seen: Seen) -> bytes | None:
    try:
        status, body = await connection.get(path)
    except (OSError, EOFError) as error:
        seen.faults[type(error).__name__] += 1
        return None
    if status != 200:
        seen.faults[f"answer {status}"] += 1
        return None
    return body


class Versions:
    """Makes versions live, by a push or by a rollback, and waits until they are."""

    def __init__(self, installation: Up, root: Path) -> None:
        self._state = installation.state
        self._repository = installation.tenant(TENANT)["repository"]
        self._work = root / "work"
        self._store = Store(installation.state / "snapshots")
        self.digests: list[str] = []
        git(root, "clone", "--quiet", self._repository, str(self._work))

    async def push(self, number: int) -> None:
        """Push a version that says its number, and have the sync look."""
        page = self._work / "templates" / "pages" / "version.html"
        page.write_text(f'{{% extends "prose.html" %}}\n{{% block heading %}}Version {number}.{{% endblock %}}\n')
        sheet = self._work / "static" / "css" / "tenant.css"
        sheet.write_text(re.sub(r"\n/\* Version .*", "", sheet.read_text()) + f"\n/* Version {number}. */\n")
        await asyncio.to_thread(self._commit, number)
        answer = await ask(self._state, "sync", tenant=TENANT)
        if answer["error"] is not None:
            raise RuntimeError(answer["error"])
        self._expect(str(answer["snapshot"]))
        self.digests.append(str(answer["snapshot"]))

    async def back(self, digest: str) -> float:
        """Roll back to a version; seconds until the sync has said that it is live."""
        began = time.perf_counter()
        answer = await ask(self._state, "rollback", tenant=TENANT, digest=digest)
        if answer["error"] is not None:
            raise RuntimeError(answer["error"])
        self._expect(digest)
        return time.perf_counter() - began

    def live(self) -> str | None:
        """The digest that is live."""
        return self._store.live(TENANT)

    def collected(self) -> int:
        """How many of the versions are gone."""
        return sum(not self._store.has(TENANT, digest) for digest in self.digests)

    def _expect(self, digest: str) -> None:
        if self.live() != digest:
            raise RuntimeError(f"{digest} is not live")

    def _commit(self, number: int) -> None:
        git(self._work, "add", "--all")
        git(self._work, "commit", "--quiet", "-m", f"Version {number}")
        git(self._work, "push", "--quiet", "origin", "HEAD")


async def measure(installation: Up, root: Path) -> list[str]:
    """All figures, as a section's lines."""
    versions, chance, calm, busy = Versions(installation, root), random.Random(SEED), Seen(), Seen()
    await versions.push(0)
    await _under_load(installation, calm, asyncio.sleep(5))
    returns: list[float] = []

    async def activate() -> None:
        pushed = 0
        for number in range(ACTIVATIONS):
            if number * PUSHES >= pushed * ACTIVATIONS:
                pushed += 1
                await versions.push(pushed)
            else:
                others = [digest for digest in versions.digests[-RETURNS:] if digest != versions.live()]
                returns.append(await versions.back(chance.choice(others)))

    began = time.perf_counter()
    await _under_load(installation, busy, activate())
    spent = time.perf_counter() - began
    return lines(calm, busy, returns, spent, versions.collected())


async def _under_load(installation: Up, seen: Seen, doing: Awaitable[None]) -> None:
    over = asyncio.Event()
    cookies = await asyncio.to_thread(logged_in, installation)
    whose = [(user, cookies if user else "") for user in PAGES] * (CONNECTIONS // len(PAGES))
    visitors = [asyncio.create_task(visit(installation, seen, over, *who)) for who in whose]
    try:
        await doing
    finally:
        over.set()
        await asyncio.wait(visitors, timeout=LIMIT)
    for visitor in visitors:
        visitor.result()


def logged_in(installation: Up) -> str:
    """The cookies of somebody who has logged in, as a header."""
    with Visitor(installation.address(TENANT)) as visitor:
        visitor.log_in(USER, installation.password(USER)).raise_for_status()
        return visitor.session


def lines(calm: Seen, busy: Seen, returns: list[float], spent: float, collected: int) -> list[str]:
    """The section."""
    faults = ", ".join(f"{count} x {kind}" for kind, count in sorted(busy.faults.items())) or "none"
    return [
        f"One portal through the gateway, {CONNECTIONS} connections without a pause, half of them logged in; {ACTIVATIONS:,} activations, "
        f"{PUSHES} of them a push with all checks and {ACTIVATIONS - PUSHES} a rollback, in {spent:.0f} s.",
        "",
        "| pages | loaded | median | 95 % | slowest |",
        "|---|---|---|---|---|",
        _row("while nothing changes", calm),
        _row("while versions change", busy),
        "",
        "| under change | |",
        "|---|---|",
        f"| pages with another digest than the one before | {busy.changes:,} |",
        f"| digests seen | {len(busy.numbers)} |",
        f"| files loaded after their page, and addresses of them | {busy.files:,}, {len(busy.contents):,} |",
        f"| versions that were collected meanwhile | {collected} |",
        f"| digests with another content than one version's | {busy.mixed()} |",
        f"| requests that failed, pages that mixed digests, files that changed | {faults} |",
        f"| a rollback, asked until live: median, slowest | {1000 * statistics.median(returns):.0f} ms, {1000 * max(returns):.0f} ms |",
    ]


def _row(name: str, seen: Seen) -> str:
    cuts = statistics.quantiles(seen.times, n=20)
    times = (statistics.median(seen.times), cuts[-1], max(seen.times))
    return f"| {name} | {seen.pages:,} | " + " | ".join(f"{1000 * seconds:.1f} ms" for seconds in times) + " |"


def section() -> list[str]:
    """Measure in an installation of its own."""
    return measured(measure)


if __name__ == "__main__":
    sys.stdout.write("\n".join(section()) + "\n")
