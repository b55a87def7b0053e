"""`portico up` with the tunnel driver `sshtunnel` for every system."""

from __future__ import annotations

from typing import Any

from tests.support.up_changed import up_changed


def use_sshtunnel(settings: dict[str, Any]) -> None:
    """Choose the driver."""
    for system in settings["systems"]:
        system["login_node"]["driver"] = "sshtunnel"


if __name__ == "__main__":
    up_changed(use_sshtunnel)
