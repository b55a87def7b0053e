"""`portico up` with a changed configuration: for tests and benchmarks that need what the demo doesn't have."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import tomli_w
from portico.supervisor import demo
from portico.supervisor.run import run

from tests.support.installation import ROOT


def up_changed(change: Callable[[dict[str, Any]], None]) -> None:
    """Arrange the demo as the command line's arguments say, let `change` edit its `portico.toml`, and run it."""
    arguments = dict(zip(sys.argv[2::2], sys.argv[3::2], strict=True))
    arranged = demo.arrange(Path(arguments["--state"]), port=int(arguments["--port"]), checkout=ROOT)
    installation = arranged.installation
    file = installation.configuration.file
    settings = tomllib.loads(file.read_text())
    change(settings)
    file.write_text(tomli_w.dumps(settings))
    run(
        replace(installation, settings=installation.configuration.start()),
        say=print,
        when_ready=lambda: print(arranged.welcome(), flush=True),
    )
