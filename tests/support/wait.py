"""Wait for a condition, never for a time."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def until(condition: Callable[[], T | Awaitable[T]], *, limit: float = 20.0, interval: float = 0.02) -> T:
    """Ask again and again until the condition holds, and answer its value; raises TimeoutError after `limit` seconds."""
    deadline = time.monotonic() + limit
    while True:
        value = condition()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {limit} s still: {inspect.getsource(condition).strip()}")
        await asyncio.sleep(interval)
