"""A hub by itself, started cold: `python -m portico.hub --config portico.toml --tenant juniq --port 41001`."""

from __future__ import annotations

import argparse
from pathlib import Path

from portico.hub.app import run
from portico.settings import SettingsError, load


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(prog="python -m portico.hub", description="Run one tenant's hub.")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--tenant", required=True)
    parser.add_argument("--port", type=int, required=True, help="the port on loopback on which the hub listens")
    arguments = parser.parse_args()
    try:
        settings = load(arguments.config)
        settings.tenant(arguments.tenant)
    except SettingsError as error:
        raise SystemExit(str(error)) from error
    except KeyError as error:
        raise SystemExit(f"{arguments.config}: there is no tenant {error}.") from error
    run(settings, arguments.tenant, arguments.port)


if __name__ == "__main__":
    main()
