"""The warm parent: a process that has imported all that a hub needs, and forks hubs on request.

It has one thread and no event loop, so that a fork is safe; it talks JSON lines on the socket that it inherits:

    {"tenant": "juniq", "port": 41001}  ->  {"tenant": "juniq", "pid": 1234}

A hub forked here has imported everything already and shares those pages of memory with its siblings: it answers in about 0.2 s and
takes a third of a stock hub's memory. The warm parent reaps what it forked and knows nothing of restarts; the supervisor watches the hubs
by themselves. When the socket is closed it ends, and its hubs live on until the supervisor ends them.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import select
import signal
import socket
import sys
import threading
from pathlib import Path


def main() -> None:
    """Run the warm parent: `python -m portico.supervisor.warm --config portico.toml --output DIR --control FD`."""
    parser = argparse.ArgumentParser(description="Fork hubs from a process that has imported everything.")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True, help="the directory of the hubs' raw output")
    parser.add_argument("--control", type=int, required=True, help="the file descriptor of the supervisor's socket")
    arguments = parser.parse_args()

    from portico.hub.warm import preload  # noqa: PLC0415 -- the costly import is this process's purpose; --help needn't wait for it

    preload()
    if threading.active_count() != 1:
        names = ", ".join(thread.name for thread in threading.enumerate())
        raise SystemExit(f"A fork is safe only from a single thread, but an import started others: {names}.")
    # What is alive now lives in all hubs: move it out of the collector's sight, so that its pages stay shared.
    gc.collect()
    gc.freeze()
    serve(socket.socket(fileno=arguments.control), arguments.config, arguments.output)


def serve(control: socket.socket, config: Path, output: Path) -> None:
    """Answer requests until the supervisor closes its end."""
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    os.set_blocking(readable, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    reader = control.makefile("rb")
    control.sendall(b'{"ready": true}\n')
    while True:
        ready, _, _ = select.select([control.fileno(), readable], [], [])
        if readable in ready:
            os.read(readable, 4096)
            reap()
        if control.fileno() in ready:
            line = reader.readline()
            if not line:
                return
            request = json.loads(line)
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                for descriptor in (readable, writable):
                    os.close(descriptor)
                reader.close()
                control.close()
                become_hub(str(request["tenant"]), int(request["port"]), config, output)
            control.sendall(json.dumps({"tenant": request["tenant"], "pid": pid}).encode() + b"\n")


def reap() -> None:
    """Take the exit codes of hubs that ended, so that no zombie stays."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return


def become_hub(tenant: str, port: int, config: Path, output: Path) -> None:
    """In the forked child: be the hub of this tenant until it ends; never returns."""
    code = 1
    try:
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        descriptor = os.open(output / f"hub-{tenant}.out", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        os.close(descriptor)

        from portico.hub.app import run  # noqa: PLC0415 -- imported already by preload; a cold start of this module doesn't need it
        from portico.settings import load  # noqa: PLC0415

        run(load(config), tenant, port)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
