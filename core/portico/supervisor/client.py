"""Ask a running supervisor, over its socket in the state directory."""

from __future__ import annotations

from pathlib import Path

import httpx

from portico.supervisor.status import Status


class NotRunning(Exception):
    """No supervisor answers for this state directory."""


def ask_status(state: Path) -> Status:
    """The installation's status; raises NotRunning."""
    transport = httpx.HTTPTransport(uds=str(state / "run" / "supervisor.sock"))
    try:
        with httpx.Client(transport=transport, timeout=15) as client:
            return Status.model_validate_json(client.get("http://supervisor/status").raise_for_status().content)
    except (httpx.HTTPError, OSError) as error:
        raise NotRunning(f"Nothing runs with the state directory {state}; start it with `portico up`.") from error
