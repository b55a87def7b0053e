"""The demo's processes, for real: a site whose jobs may reach one port of this machine, and its login node."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pyunicore.client import Client, Job
from pyunicore.credentials import UsernamePassword

from tests.support.demo import ALICE, RunningLoginNode, RunningSite, eventually, free_port, running_login_node, running_site

LISTENER = """
import os, socket
server = socket.create_server((os.environ.get("PORTICO_BIND", "0.0.0.0"), 0))
open("port.new", "w").write(str(server.getsockname()[1]))
os.rename("port.new", "port")
while True:
    connection, _ = server.accept()
    with connection:
        connection.sendall(b"the job")
"""


@dataclass(frozen=True)
class Outside:
    """A listener of this machine's own: `port` jobs may reach, and nobody listens at `other`."""

    port: int
    other: int


@pytest.fixture(scope="module")
def outside() -> Iterator[Outside]:
    server = socket.create_server(("127.0.0.1", free_port()))

    def answer() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.sendall(b"the host")

    threading.Thread(target=answer, daemon=True).start()
    yield Outside(port=server.getsockname()[1], other=free_port())
    server.shutdown(socket.SHUT_RDWR)
    server.close()


@pytest.fixture(scope="module", params=["isolated", "shared"])
def site(request: pytest.FixtureRequest, outside: Outside, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSite]:
    """Nodes with networks of their own, and the fallback on secret loopback addresses."""
    state = tmp_path_factory.mktemp(request.param)
    with running_site(state, egress=[outside.port, outside.other], isolation=request.param == "isolated") as running:
        if request.param == "isolated" and "no network of their own" in running.process.log:
            pytest.skip("this kernel gives no network namespaces to ordinary users")
        yield running


@pytest.fixture(scope="module")
def login_node(site: RunningSite) -> Iterator[RunningLoginNode]:
    with running_login_node(site.plan) as running:
        yield running


def start(site: RunningSite, command: str, **description: object) -> Job:
    """A job of Alice's at AURORA."""
    job = Client(UsernamePassword(*ALICE), site.url, cache_time=0).new_job({"Executable": command, **description})
    job.cache_time = 0
    return job


def leaves(job: Job, name: str) -> str:
    """What the job leaves in that file, once it does."""

    def content() -> str:
        files = job.working_dir.listdir()
        return files[name].read().decode() if name in files else ""

    return eventually(content, limit=30)


def python(program: str, directory: Path) -> str:
    """A command line for a program of several lines."""
    file = directory / "program.py"
    file.write_text(program)
    return f"python3 {file}"


@pytest.fixture
def listener(site: RunningSite, tmp_path: Path) -> Iterator[tuple[Job, str, int]]:
    """A job that listens: the job, its node, its port."""
    job = start(site, python(LISTENER, tmp_path))
    port = int(leaves(job, "port"))
    node = job.bss_details()["nodes"][0]
    yield job, node, port
    job.abort()
