"""The shell of a real UNICORE/X's embedded TSI in the tests: runs one job script, enforces its runtime, ends its whole process tree.

The server calls it with the script's path, in the job's directory; the script's `#TSI_TIME` comment holds the runtime in seconds.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from portico.demo.nodes.step import EXITED, Command, run

EXIT_CODE_FILE = Path("UNICORE_SCRIPT_EXIT_CODE")
TIMED_OUT = 124


def main() -> int:
    """Run the script that the first argument names."""
    script = Path(sys.argv[1])
    seconds = re.search(r"^#TSI_TIME\s+(\d+)", script.read_text(), re.MULTILINE)
    runtime = int(seconds[1]) if seconds else 0
    outcome = run(
        Command(
            job=script.name,
            argv=["/bin/bash", str(script)],
            directory=str(Path.cwd()),
            environment=dict(os.environ),
            stdout="/dev/stdout",  # the server reads our output into the job's files
            stderr="/dev/stderr",
            runtime=runtime if runtime > 0 else 86400,
        )
    )
    code = outcome.exit_code if outcome.reason == EXITED and outcome.exit_code is not None else TIMED_OUT
    if not EXIT_CODE_FILE.exists():
        EXIT_CODE_FILE.write_text(f"{code}\n")
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
