"""What `./portico test` runs once everything is installed: the checks of the source first, pytest and its summary line last.

`--real` adds the suites on real servers. Everything else goes to pytest as it is: `./portico test tests/unit -k offer`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHECKS = {
    "ruff check": ["ruff", "check", "core", "tests", "docs"],
    "ruff format": ["ruff", "format", "--check", "--quiet", "core", "tests", "docs"],
    "mypy": ["mypy"],
    "import-linter": ["lint-imports", "--no-cache"],
}


def main() -> int:
    """Run the checks unless single tests were asked for, then pytest; answer its exit code."""
    arguments = sys.argv[1:]
    os.chdir(ROOT)
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    if "--real" in arguments:
        arguments.remove("--real")
    else:
        arguments += ["-m", "not real"]
    if not any(not argument.startswith("-") and Path(argument.split("::")[0]).exists() for argument in arguments):
        for name, command in CHECKS.items():
            print(f"== {name}", flush=True)
            if subprocess.run(command, check=False).returncode != 0:
                print(f"{name} found something; nothing else was run.", file=sys.stderr)
                return 1
    return subprocess.run([sys.executable, "-m", "pytest", *arguments], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
