"""A tunnel manager in a process of its own, for tests that kill it: opens one forward, prints its address, and waits for the end."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

from portico.settings.models import LoginNode
from portico.tunnels import Forward, TunnelManager


async def _hold(directory: Path, login_node: LoginNode, forward: Forward) -> None:
    manager = TunnelManager({forward.system: login_node}, directory, lambda *change: None)
    await manager.start()
    print(await manager.open(forward), flush=True)
    await asyncio.Event().wait()


def start_holder(directory: Path, login_node: LoginNode, forward: Forward) -> tuple[subprocess.Popen[str], str]:
    """The process, and the address at which its forward listens."""
    arguments = {"id": forward.id, "system": forward.system, "node": forward.node, "port": forward.port}
    command = [sys.executable, __file__, str(directory), login_node.model_dump_json(), json.dumps(arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


if __name__ == "__main__":
    asyncio.run(_hold(Path(sys.argv[1]), LoginNode.model_validate_json(sys.argv[2]), Forward(**json.loads(sys.argv[3]))))
