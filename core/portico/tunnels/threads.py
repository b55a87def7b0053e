"""Work that blocks, in a thread of its own that never keeps the process from ending.

For the few calls of paramiko that wait: a login, a probe, the end of a connection. Each connection has at most one of a kind at a time,
which bounds the threads; a shared pool would let one silent login node make the others wait, and pools are joined when Python ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def in_thread(work: Callable[[], T], *, name: str, unwanted: Callable[[T], None] | None = None) -> T:
    """The value of `work()`, or its error.

    Cancelled, it stops waiting. The thread goes on to its end; what it yields then is given to `unwanted`, in a thread as well.
    """
    loop = asyncio.get_running_loop()
    result: asyncio.Future[T] = loop.create_future()

    def succeed(value: T) -> None:
        if not result.done():
            result.set_result(value)
        elif unwanted is not None:
            threading.Thread(target=unwanted, args=(value,), name=name, daemon=True).start()

    def fail(error: Exception) -> None:
        if not result.done():
            result.set_exception(error)

    def run() -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile, and with it everybody who waited
            try:
                value = work()
            except Exception as error:
                loop.call_soon_threadsafe(fail, error)
            else:
                loop.call_soon_threadsafe(succeed, value)

    threading.Thread(target=run, name=name, daemon=True).start()
    return await result
