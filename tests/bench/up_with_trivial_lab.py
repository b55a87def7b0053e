"""`portico up`, with a second profile whose lab is up at once."""

from __future__ import annotations

import sys
from typing import Any

from tests.bench.starts import TRIVIAL
from tests.support.up_changed import up_changed


def add_trivial_profile(settings: dict[str, Any]) -> None:
    """Give each system a profile `trivial` beside JupyterLab."""
    command = [sys.executable, "-S", "-E", str(TRIVIAL), "{address}", "{port}"]
    for system in settings["systems"]:
        system["profiles"].append({"name": "trivial", "title": "Trivial", "command": command})


if __name__ == "__main__":
    up_changed(add_trivial_profile)
