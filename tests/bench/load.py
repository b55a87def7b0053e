"""A page's rate, by keep-alive connections that each ask again as soon as they are answered.

Written on plain streams: a full HTTP client would be the slower of the two and would measure itself.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Rate:
    """Answers a second, and milliseconds of the median and the 95th percentile."""

    per_second: float
    p50: float
    p95: float


async def _client(port: int, request: bytes, until: float, times: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.perf_counter() < until:
        began = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"not a page: {head[:80]!r}")
        length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(length)
        times.append(time.perf_counter() - began)
    writer.close()


async def measure(port: int, host: str, path: str, *, seconds: float = 4.0, connections: int = 4) -> Rate:
    """Ask for one page over and over; raises RuntimeError upon any answer but 200."""
    request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: text/html\r\n\r\n".encode()
    times: list[float] = []
    began = time.perf_counter()
    await asyncio.gather(*(_client(port, request, began + seconds, times) for _ in range(connections)))
    spent = time.perf_counter() - began
    cuts = statistics.quantiles(times, n=20)
    return Rate(per_second=len(times) / spent, p50=statistics.median(times) * 1000, p95=cuts[-1] * 1000)
