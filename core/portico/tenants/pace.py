"""How long to wait until a repository is looked at again. Pure."""

from __future__ import annotations

JITTER = 0.1
"""Each pause is up to this share shorter or longer, so that tenants don't ask a forge in step."""
BACK_OFF_LIMIT = 300.0
"""Seconds: a repository that fails is asked at least this often, or at its own interval where that is longer."""


def pause(interval: float, failures: int, draw: float) -> float:
    """Seconds until the next look: doubled with each failure in a row; `draw` is a random number from 0 to 1."""
    longest = max(BACK_OFF_LIMIT, interval)
    wait = min(interval * float(1 << min(failures, 20)), longest)
    return wait * (1 + JITTER * (2 * draw - 1))
