"""Whether a lab answers: one HTTP request through its tunnel. Any HTTP answer will do; what it says is the lab's business."""

from __future__ import annotations

import asyncio
import contextlib


async def answers(address: str, path: str, *, timeout: float) -> bool:
    """Whether `GET path` at `address` (`host:port`) brings an HTTP answer within `timeout` seconds."""
    try:
        async with asyncio.timeout(timeout):
            return await _first_line(address, path)
    except (OSError, TimeoutError, ValueError):
        return False


async def _first_line(address: str, path: str) -> bool:
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: portico\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        return (await reader.readline()).startswith(b"HTTP/")
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
