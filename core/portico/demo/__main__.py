"""The demo's processes: `python -m portico.demo identity-provider|site|login-node --config FILE`; `node` is started by `site`."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

# Imported when they are started, so that a node doesn't load what only a web server needs.
PROCESSES = {
    "identity-provider": "portico.demo.provider.process",
    "site": "portico.demo.site.process",
    "login-node": "portico.demo.login_node",
}


def main() -> None:
    """Run the process that the first argument names, until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m portico.demo", description="One of the demo's processes.")
    commands = parser.add_subparsers(dest="process", required=True)
    for name in PROCESSES:
        commands.add_parser(name).add_argument("--config", type=Path, required=True, help="a JSON file, as portico.demo.install writes it")
    commands.add_parser("node")
    arguments = parser.parse_args()
    if arguments.process == "node":
        importlib.import_module("portico.demo.nodes.daemon").main()
    else:
        importlib.import_module(PROCESSES[arguments.process]).main(arguments.config)


if __name__ == "__main__":
    main()
