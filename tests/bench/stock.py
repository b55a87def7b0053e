"""A stock JupyterHub with its own proxy, as its documentation starts it: what an added portal would cost without Portico."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from portico.gateway import process as gateway
from portico.supervisor.ports import remembered_ports

from tests.support.installation import ROOT, environment

CONFIG = """
c.JupyterHub.bind_url = "http://127.0.0.1:{public}"
c.JupyterHub.hub_port = {hub}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api}"
c.ConfigurableHTTPProxy.command = ["{node}", "{proxy}"]
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.db_url = "sqlite:///{directory}/jupyterhub.sqlite"
c.JupyterHub.cookie_secret_file = "{directory}/cookie_secret"
c.ConfigurableHTTPProxy.pid_file = "{directory}/proxy.pid"
"""


@dataclass(frozen=True)
class Stock:
    """Its processes and its hub's own port."""

    hub_pid: int
    proxy_pid: int
    hub_port: int


@contextlib.contextmanager
def stock_hub(directory: Path) -> Iterator[Stock]:
    """Run one until the block ends."""
    directory.mkdir()
    ports = remembered_ports(directory / "ports.json", ["public", "hub", "api"])
    node, proxy = gateway.find(ROOT / ".portico" / "gateway")
    config = directory / "jupyterhub_config.py"
    config.write_text(CONFIG.format(**ports, node=node, proxy=proxy, directory=directory))
    log = (directory / "log").open("w")
    command = [sys.executable, "-m", "jupyterhub", "--config", str(config)]
    process = subprocess.Popen(command, cwd=directory, env=environment(), stdout=log, stderr=log)
    try:
        pid_file = directory / "proxy.pid"
        deadline = time.monotonic() + 60
        while not (pid_file.exists() and "now running" in (directory / "log").read_text()):
            if time.monotonic() > deadline or process.poll() is not None:
                raise RuntimeError((directory / "log").read_text())
            time.sleep(0.05)
        yield Stock(hub_pid=process.pid, proxy_pid=int(pid_file.read_text().split()[0]), hub_port=ports["hub"])
    finally:
        process.terminate()
        process.wait(20)
        log.close()
