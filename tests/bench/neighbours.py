"""A portal's pages while the tenant beside it does its worst: `python -m tests.bench.neighbours` prints the section of the page.

A whole installation. Two pages of one portal are asked for by a user who is logged in, at a steady rate, whether or not the one before was
answered, and each is timed from the moment when it was due. In turn nothing happens for some seconds and then the neighbour attacks: she
pushes one bundle after the other that costs as much as its limits allow, and loads a page of her own that hits its limits at each load.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
from portico.tenants.trigger import ask

from tests.bench.installed import measured
from tests.support.bundles import git, write_tree
from tests.support.installation import Up
from tests.support.visitor import Visitor

ATTACKER, NEIGHBOUR = "juniq", "coec"
PAGES = ("/hub/page/codes", "/hub/home")
PER_SECOND = 20
PHASE = 8.0
"""Seconds."""
PHASES = 4
"""Of each kind, in turn: whatever the machine does meanwhile it does to both."""
COSTLY = """\
{% extends "theme:home.html" %}
{% block main %}
{% if user.name == "qubit" %}{% for a in range(99) %}{% for b in range(999) %}{{ a ~ b }}{% endfor %}{% endfor %}{% endif %}
{{ super() }}
{% endblock %}
"""
"""Costs nothing in the rehearsal, whose users have other names."""


def attacks(number: int) -> Iterator[dict[str, bytes]]:
    """Files of bundles, each of which costs what it may."""
    fresh = f"{{# {number} #}}"
    page = "templates/pages/attack.html"
    yield {page: f"{fresh}{{{{ 7**{30_000_000 + number} }}}}".encode()}
    yield {page: f"{fresh}{{% for a in range(99999) %}}{{% for b in range(99999) %}}x{{% endfor %}}{{% endfor %}}".encode()}
    yield {page: f"{fresh}{{{{ 'x' * 400000000 }}}}{{{{ ('y' * 99999) ~ {number} }}}}".encode()}
    yield {page: (fresh + "{% if 1 %}" * 5_000).encode()}
    yield {f"templates/pages/p{count}.html": f"{fresh}{{{{ {'+'.join('1' * 900)} }}}}".encode() for count in range(900)}
    yield {"static/css/attack.css": f"/* {number} */ ".encode() + b":is(" * 20_000 + b"a{} " * 200_000}
    yield {"static/attack.svg": b'<svg xmlns="http://www.w3.org/2000/svg">' + b"<g>" * 100_000 + str(number).encode()}


class Attacker:
    """The tenant who does harm, as far as she can."""

    def __init__(self, installation: Up, root: Path) -> None:
        self._installation = installation
        self._work = root / "work"
        self._good = "HEAD"
        self._attacks = itertools.chain.from_iterable(map(attacks, itertools.count()))
        self.refused = 0
        self.loads = 0
        git(root, "clone", "--quiet", installation.tenant(ATTACKER)["repository"], str(self._work))

    async def begin(self) -> None:
        """Have the page that costs too much live, before anything is measured."""
        if (error := await self._push({"templates/home.html": COSTLY.encode()})) is not None:
            raise RuntimeError(error)
        self._good = (await asyncio.to_thread(git, self._work, "rev-parse", "HEAD")).strip()

    async def push(self) -> None:
        """Push hostile bundles until cancelled."""
        for files in self._attacks:
            self.refused += await self._push(files) is not None

    async def load(self, client: httpx.AsyncClient) -> None:
        """Load the page that costs too much until cancelled."""
        while True:
            (await client.get("/hub/home")).raise_for_status()
            self.loads += 1

    async def _push(self, files: dict[str, bytes]) -> str | None:
        await asyncio.to_thread(self._commit, files)
        return (await ask(self._installation.state, "sync", tenant=ATTACKER, timeout=120))["error"]

    def _commit(self, files: dict[str, bytes]) -> None:
        git(self._work, "reset", "--quiet", "--hard", self._good)
        write_tree(self._work, files)
        git(self._work, "add", "--all")
        git(self._work, "commit", "--quiet", "--allow-empty", "-m", "Attack")
        git(self._work, "push", "--quiet", "--force", "origin", "HEAD")


async def steadily(client: httpx.AsyncClient) -> list[float]:
    """Ask for the neighbour's pages in turn for one phase; seconds from when each was due until it was there."""

    async def one(path: str, due: float) -> float:
        (await client.get(path)).raise_for_status()
        return time.perf_counter() - due

    began, tasks = time.perf_counter(), []
    for number in range(int(PHASE * PER_SECOND)):
        due = began + number / PER_SECOND
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        tasks.append(asyncio.create_task(one(PAGES[number % 2], due)))
    return list(await asyncio.gather(*tasks))


async def measure(installation: Up, root: Path) -> list[str]:
    """All figures, as a section's lines."""
    attacker = Attacker(installation, root)
    await attacker.begin()
    calm: list[float] = []
    attacked: list[float] = []
    async with logged_in(installation, NEIGHBOUR, "flame") as client, logged_in(installation, ATTACKER, "qubit") as hers:
        await steadily(client)
        for _ in range(PHASES):
            calm += await steadily(client)
            harm = [asyncio.create_task(attacker.push()), asyncio.create_task(attacker.load(hers))]
            attacked += await steadily(client)
            for task in harm:
                task.cancel()
            for result in await asyncio.gather(*harm, return_exceptions=True):
                if isinstance(result, Exception):
                    raise result
    return lines(calm, attacked, attacker)


def logged_in(installation: Up, tenant: str, user: str) -> httpx.AsyncClient:
    """A client with the session of somebody who has logged in."""
    with Visitor(installation.address(tenant)) as visitor:
        visitor.log_in(user, installation.password(user))
        headers = {"Host": f"{tenant}.localhost:{installation.port}", "Cookie": visitor.session}
    return httpx.AsyncClient(base_url=f"http://127.0.0.1:{installation.port}", headers=headers, timeout=60)


def lines(calm: list[float], attacked: list[float], attacker: Attacker) -> list[str]:
    """The section."""

    def row(name: str, times: list[float]) -> str:
        figures = (statistics.median(times), _p95(times), max(times))
        return f"| {name} | {len(times)} | " + " | ".join(f"{1000 * seconds:.1f} ms" for seconds in figures) + " |"

    return [
        f"A page of one portal's own and a user's home page, {PER_SECOND} a second, in {PHASES} phases of {PHASE:.0f} s without and with "
        f"attacks. Meanwhile {attacker.refused} bundles were refused, and a page that hits its limits was loaded {attacker.loads} times.",
        "",
        "| pages | loaded | median | 95 % | slowest |",
        "|---|---|---|---|---|",
        row("while nothing happens", calm),
        row("while the neighbour attacks", attacked),
        "",
        f"Under attack the 95 % quantile is {_p95(attacked) / _p95(calm):.2f} times that without.",
    ]


def _p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]


def section() -> list[str]:
    """Measure in an installation of its own."""
    return measured(measure)


if __name__ == "__main__":
    sys.stdout.write("\n".join(section()) + "\n")
