"""Measure everything, side by side in one run, and write `docs/benchmarks.md`: `python -m tests.bench.run`.

Nothing here passes or fails. Run it on a quiet machine; it takes about twelve minutes.
"""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench import activations, memory, neighbours, newcomers, previews, pushes
from tests.bench.load import Rate, measure
from tests.bench.starts import ByHand, Times, repeat, summary, through_portico, token_of
from tests.bench.stock import Stock, stock_hub
from tests.support.installation import ROOT, Up, up
from tests.support.visitor import Visitor

STARTS = 15
REAL_STARTS = 5
SHARES = (
    "Private memory is what an added hub costs: it is what the machine gets back when the hub ends. PSS also counts each hub's share",
    "of the pages that it has in common with the warm parent, which are there once however many hubs there are.",
)


def bring_up(directory: Path) -> list[str]:
    """A fresh clone with an empty home directory and warm package caches, then the same again."""
    clone, home = directory / "clone", directory / "home"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    home.mkdir()
    cache = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("PORTICO", "VIRTUAL_ENV", "PYTHONPATH"))},
        "HOME": str(home),
        "UV_CACHE_DIR": f"{cache}/uv",
        "PIP_CACHE_DIR": f"{cache}/pip",
        "npm_config_cache": str(Path.home() / ".npm"),
    }
    rows = []
    for name in ("fresh clone, empty home, warm package caches", "a second `up`"):
        began = time.monotonic()
        process = subprocess.Popen(
            ["./portico", "up", "--port", "28999"],
            cwd=clone,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for line in process.stdout or ():
            if line.startswith("Portico is ready"):
                break
        rows.append(f"| {name} | {time.monotonic() - began:.1f} s |")
        process.send_signal(2)
        process.communicate(timeout=60)
    return ["| `./portico up` | until ready |", "|---|---|", *rows]


def hubs(installation: Up, stock: Stock) -> list[str]:
    """Each hub beside a stock hub with its proxy."""
    rows = ["| process | PSS | private |", "|---|---|---|"]
    stock_total = memory.of(stock.hub_pid) + memory.of(stock.proxy_pid)
    rows += [f"| a stock hub with its proxy | {stock_total.pss:.0f} MB | {stock_total.private:.0f} MB |"]
    for tenant in installation.status()["tenants"]:
        used = memory.of(tenant["pid"])
        rows.append(f"| the hub of {tenant['name']} | {used.pss:.0f} MB | {used.private:.0f} MB |")
    for name, part in (("the warm parent, once", "supervisor.warm"), ("the gateway, once", "configurable-http-proxy")):
        used = memory.of(installation.pid(part))
        rows.append(f"| {name} | {used.pss:.0f} MB | {used.private:.0f} MB |")
    return [*rows, "", *SHARES, "", added_hub(installation)]


def added_hub(installation: Up) -> str:
    """What the third hub adds to the sum of all PSS: measured with it, then without it while nothing can take its place."""
    warm = installation.pid("supervisor.warm")
    *others, last = (tenant["pid"] for tenant in installation.status()["tenants"])
    before = sum(memory.of(pid).pss for pid in (warm, *others, last))
    os.kill(warm, signal.SIGSTOP)
    try:
        os.kill(last, signal.SIGKILL)
        while not memory.ended(last):
            time.sleep(0.01)
        after = sum(memory.of(pid).pss for pid in (warm, *others))
    finally:
        os.kill(warm, signal.SIGCONT)
    return (
        f"The warm parent and three hubs have {before:.0f} MB of PSS in all, with one hub less {after:.0f} MB: "
        f"the third hub added {before - after:.0f} MB."
    )


def hub_port(pid: int) -> int:
    """The port that a hub's process listens at."""
    listing = subprocess.run(["ss", "-ltnpH"], check=True, capture_output=True, text=True).stdout
    line = next(line for line in listing.splitlines() if f"pid={pid}," in line)
    return int(line.split()[3].rsplit(":", 1)[1])


async def page_rates(installation: Up, stock: Stock) -> list[str]:
    """The login page of both, in turn, three times each."""
    tenant = installation.tenant("juniq")
    targets = {
        "Portico, JUNIQ's landing page": (hub_port(tenant["pid"]), f"juniq.localhost:{installation.port}"),
        "stock hub, its login page": (stock.hub_port, "127.0.0.1"),
    }
    rates: dict[str, list[Rate]] = {name: [] for name in targets}
    for _ in range(3):
        for name, (port, host) in targets.items():
            rates[name].append(await measure(port, host, "/hub/login"))
    best = {name: max(measured, key=lambda rate: rate.per_second) for name, measured in rates.items()}
    return [
        "| page, best of three runs in turn | pages a second | median | 95 % |",
        "|---|---|---|---|",
        *(f"| {name} | {rate.per_second:.0f} | {rate.p50:.2f} ms | {rate.p95:.2f} ms |" for name, rate in best.items()),
    ]


def starts(installation: Up) -> list[str]:
    """From request to first answer, by hand and through Portico, in turn."""

    def row(name: str, times: Times) -> str:
        return f"| {name} | {times.median:.0f} ms | {times.best:.0f} ms | {times.worst:.0f} ms | {times.count} |"

    by_hand = ByHand(installation, token_of(installation))
    with Visitor(installation.address("coec")) as visitor:
        visitor.log_in("flame", installation.password("flame"))
        hand, ours = [], []
        by_hand.start()
        through_portico(visitor, "warm", "trivial")
        for number in range(STARTS):
            hand.append(by_hand.start())
            ours.append(through_portico(visitor, f"t{number}", "trivial"))
        by_hand.close()
        real = repeat(lambda number: through_portico(visitor, f"j{number}", "jupyterlab"), REAL_STARTS)
    difference = summary(ours).median - summary(hand).median
    return [
        "| start request to first answer | median | best | worst | starts |",
        "|---|---|---|---|---|",
        row("by hand: pyunicore, ssh, trivial lab", summary(hand)),
        row("Portico: form to page through the gateway, trivial lab", summary(ours)),
        row("Portico, JupyterLab", summary(real)),
        "",
        f"Portico adds {difference:.0f} ms to the bare chain (difference of the medians).",
    ]


def main() -> int:
    """Measure and write the page."""
    directory = Path(tempfile.mkdtemp(prefix="portico-bench-"))
    try:
        sections = {"Bringing it up": bring_up(directory)}
        with up(directory / "state", module="tests.bench.up_with_trivial_lab") as installation, stock_hub(directory / "stock") as stock:
            for tenant in ("juniq", "coec", "eurocc"):
                asyncio.run(measure(installation.port, f"{tenant}.localhost", "/hub/login", seconds=1))
            asyncio.run(measure(stock.hub_port, "127.0.0.1", "/hub/login", seconds=1))
            sections["Memory of an added portal"] = hubs(installation, stock)
            sections["The first page"] = asyncio.run(page_rates(installation, stock))
            sections["Starting a lab"] = starts(installation)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    sections["From a push to the portal's page"] = pushes.section()
    sections["A thousand activations under load"] = activations.section()
    sections["A portal's pages while its neighbour attacks"] = neighbours.section()
    sections["From a saved file to the repainted page of a preview"] = previews.section()
    sections["From a tenant's entry to the portal"] = newcomers.section()
    write(sections)
    return 0


def write(sections: dict[str, list[str]]) -> None:
    """`docs/benchmarks.md`."""
    machine = f"{os.cpu_count()} cores, Linux {platform.release().split('-')[0]}, Python {platform.python_version()}"
    today = time.strftime("%Y-%m-%d", time.gmtime())
    text = f"# Benchmarks\n\nMade by `python -m tests.bench.run` on {machine}, {today}. Ratios matter, not seconds.\n"
    for title, lines in sections.items():
        text += f"\n## {title}\n\n" + "\n".join(lines) + "\n"
    (ROOT / "docs" / "benchmarks.md").write_text(text)
    print(text)


if __name__ == "__main__":
    sys.exit(main())
