"""Which local ports forwards listen on.

They lie below the range from which the kernel serves outgoing connections: a port out of that range can be lost to any of them while
a login node is away, and a forward must come back on the port that its lab's route names.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

_LOWEST = 16_384
_FEWEST = 4_096
_TRIES = 64


class Ports:
    """The local ports of one manager: promised ones belong to a forward even while nobody listens there."""

    def __init__(self, *, lowest: int = _LOWEST, highest: int | None = None) -> None:
        self._lowest = lowest
        self._highest = highest if highest is not None else max(_kernels_lowest() - 1, lowest + _FEWEST)
        self._promised: set[int] = set()

    def candidates(self, promised: int | None) -> Iterator[int]:
        """Ports to try, one after the other: the promised one first, then others at random that nobody is promised."""
        if promised is not None:
            yield promised
        for _ in range(_TRIES):
            port = random.randint(self._lowest, self._highest)  # noqa: S311 -- spreads, and guards nothing
            if port not in self._promised:
                yield port

    def promise(self, port: int) -> None:
        """Keep a port for a forward."""
        self._promised.add(port)

    def release(self, port: int | None) -> None:
        """Let others have it."""
        self._promised.discard(port or 0)


def _kernels_lowest() -> int:
    """Where the range for outgoing connections begins; 32768 by default on Linux, 49152 on macOS."""
    try:
        return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return 32_768
