"""How long a new portal takes while others run: `python -m tests.bench.newcomers` prints the section of the page.

An installation of three portals. A tenant is added by a saved `portico.toml`, then by a commit in the operator's own repository, which is
looked at as often as the product does by itself; each begins at a random moment between two looks. A portal is there when its first page
answers with its own snapshot, and gone when nothing answers at its address any more.
"""

from __future__ import annotations

import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.support.installation import Up, serve
from tests.support.labs import wait_for
from tests.support.operators import Operator
from tests.support.visitor import landing

ROUNDS = 8
_random = random.Random(20260131)
OTHERS = ("one", "two", "three")


def section() -> list[str]:
    """The lines of the section."""
    root = Path(tempfile.mkdtemp(prefix="portico-bench-"))
    try:
        operator = Operator(root)
        others = [operator.entry(name) for name in OTHERS]
        new = operator.entry("fenix")
        source = {"repository": str(operator.list.path)}
        operator.configure(*others, tenant_list=source)
        operator.push()
        with serve(operator.file, operator.state, operator.port) as up:
            wait_for(lambda: up.status()["ready"])
            saved = [
                _round(
                    up,
                    lambda: operator.configure(*others, new, tenant_list=source),
                    lambda: operator.configure(*others, tenant_list=source),
                )
                for _ in range(ROUNDS)
            ]
            pushed = [_round(up, lambda: operator.push(new), operator.push) for _ in range(ROUNDS)]
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return [
        f"Three portals run; a fourth comes and goes {ROUNDS} times each way, at random moments. The repository is looked at every",
        "5 seconds, which is the product's own pace.",
        "",
        "| a tenant's entry | first page, median | worst | gone, median | worst |",
        "|---|---|---|---|---|",
        _row("is saved in `portico.toml`", saved),
        _row("is pushed to the operator's repository", pushed),
    ]


def _round(up: Up, add: Callable[[], object], remove: Callable[[], object]) -> tuple[float, float]:
    """Seconds until the portal is there, and until it is gone."""
    address = up.address("fenix")
    return _until(add, lambda: "CoEC" in landing(address)), _until(remove, lambda: not landing(address))


def _until(act: Callable[[], object], done: Callable[[], bool]) -> float:
    time.sleep(_random.uniform(1, 6))  # a restarted sync looks at once, so what follows at its heels would never wait for a look
    act()
    began = time.monotonic()
    wait_for(done, interval=0.02)
    return time.monotonic() - began


def _row(name: str, rounds: list[tuple[float, float]]) -> str:
    cells = (f"{cell:.1f} s" for times in zip(*rounds, strict=True) for cell in (statistics.median(times), max(times)))
    return f"| {name} | {' | '.join(cells)} |"


if __name__ == "__main__":
    print("\n".join(section()))
    sys.exit(0)
