"""What `./portico test` runs once everything is installed: the checks of the source first, pytest and its summary line last.

`--real` adds the suites on real servers. Everything else goes to pytest as it is: `./portico test tests/unit -k offer`.
Temporary files lie in one directory that is removed at the end (kept where a test failed), and a process that outlives the run fails it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from portico.supervisor.linux import marked

ROOT = Path(__file__).resolve().parent.parent
RUN = "PORTICO_TEST_RUN"
"""A variable that every process of a run inherits: its value is the run's directory."""
GRACE = 5.0
"""Seconds in which a process that was told to end must have done so."""
WORKERS = 4
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
        # A file stays with one worker, so that what its tests share is made once. More than a few workers would only wait for each other.
        arguments = [f"-n{min(os.cpu_count() or 1, WORKERS)}", "--dist=loadfile", *arguments]
    return tests(arguments)


def tests(arguments: list[str]) -> int:
    """Run pytest; answer its exit code, or 1 where it left a process behind."""
    directory = tempfile.mkdtemp(prefix="portico-test-")
    Path(directory).chmod(0o711)  # run by root, a test's sshd is an ordinary account that must get to its own files below
    environment = {**os.environ, "TMPDIR": directory, RUN: directory}
    command = [sys.executable, "-m", "pytest", f"--basetemp={directory}/pytest", *arguments]
    code = subprocess.run(command, env=environment, check=False).returncode
    left = outliving(directory)
    if left:
        print("These processes outlived the tests:", *left, sep="\n  ", file=sys.stderr)
        return code or 1
    if code:
        print(f"The tests' files are kept in {directory}.", file=sys.stderr)
    else:
        shutil.rmtree(directory)
    return code


def outliving(directory: str) -> list[str]:
    """The command lines of processes of this run that are still there after a moment for those that are just ending."""
    deadline = time.monotonic() + GRACE
    while (commands := belonging(directory)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return commands


def belonging(directory: str) -> list[str]:
    """The command lines of all processes that were started with the run's mark, or that name its directory."""
    own = set(marked(RUN, directory))
    commands = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if command and (int(entry.name) in own or directory in command):
                    commands.append(command)
    return commands


if __name__ == "__main__":
    sys.exit(main())
