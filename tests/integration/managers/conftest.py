"""The demo's site, login node and identity provider once for all tests here, and a backend process for each test."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from portico.settings.models import Profile, Settings, UnicoreSystem

from tests.support import backend
from tests.support.backend_process import BackendProcess
from tests.support.demo import RunningDemo, free_port, running_demo

WEB = """
import http.server, sys
class Lab(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        body = ("lab at " + self.path).encode()
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Lab).serve_forever()
"""
LIE = """echo '{"node": "localhost", "port": 6443}' > "$SLURM_SUBMIT_DIR/portico.json"; sleep 1000"""
PROFILES = [
    Profile(name="trivial", title="Answers", command=[sys.executable, "-I", "-S", "-c", WEB, "{address}", "{port}"]),
    Profile(name="silent", title="Never listens", command=["sleep", "1000"]),
    Profile(name="short", title="Ends by itself", command=["true"]),
    Profile(name="broken", title="Fails", command=["sh", "-c", "echo no kernel today >&2; exit 3"]),
    Profile(name="missing", title="Isn't there", command=["/no/such/lab"]),
    Profile(name="liar", title="Names a target", command=["sh", "-c", LIE]),
]
LISTEN_WITHIN = 10.0
"""Seconds; the shortest that an operator can set."""
PORTS = [free_port(), free_port()]
"""Where labs can report: of the backend that many tests share, and of one that a test has for itself."""


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    with running_demo(tmp_path_factory.mktemp("demo") / "state", egress=[free_port(), *PORTS]) as demo:
        yield demo


@pytest.fixture(scope="session")
def token(demo: RunningDemo) -> str:
    """A token of the demo's user `qubit`."""
    return demo.idp.access_token("qubit")


@pytest.fixture(scope="session")
def systems(demo: RunningDemo) -> list[UnicoreSystem]:
    """The demo's systems with labs that start at once, and with short limits."""
    changes = {"profiles": PROFILES, "start_timeout": LISTEN_WITHIN, "request_timeout": 3.0}
    return [system.model_copy(update=changes) for system in demo.plan.systems()]


def _settings(state: Path, systems: list[UnicoreSystem], port: int) -> Settings:
    return backend.settings(state, systems=systems, port=port, public_url=f"http://127.0.0.1:{port}")


@pytest.fixture(scope="session")
def service(systems: list[UnicoreSystem], tmp_path_factory: pytest.TempPathFactory) -> Iterator[BackendProcess]:
    """A running backend that tests share, and leave as they found it."""
    process = BackendProcess(_settings(tmp_path_factory.mktemp("backend"), systems, PORTS[0]))
    process.start()
    yield process
    process.end()


@pytest.fixture
def own_service(systems: list[UnicoreSystem], tmp_path: Path) -> Iterator[BackendProcess]:
    """A running backend that a test may kill."""
    process = BackendProcess(_settings(tmp_path, systems, PORTS[1]))
    process.start()
    yield process
    process.end()


@pytest.fixture
async def juniq(service: BackendProcess) -> AsyncIterator[httpx.AsyncClient]:
    """The shared backend as the tenant `juniq` sees it."""
    async with service.client() as client:
        yield client
