"""What several benchmarks do with a whole installation."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.support.installation import Up, up


def measured(measure: Callable[[Up, Path], Awaitable[list[str]]]) -> list[str]:
    """Measure in an installation of its own, which goes away with the directory that `measure` gets; answers a section's lines."""
    root = Path(tempfile.mkdtemp(prefix="portico-bench-"))

    async def run(installation: Up) -> list[str]:
        return await measure(installation, root)

    try:
        with up(root / "state") as installation:
            return asyncio.run(run(installation))
    finally:
        with contextlib.suppress(OSError):
            shutil.rmtree(root)
