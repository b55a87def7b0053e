"""A real hub behind a real gateway, with an OpenID Connect provider and a real bundle; only the backend follows a test's script."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import httpx
from cryptography.fernet import Fernet
from oidc_provider_mock import run_server_in_thread
from portico.gateway import process as gateway
from portico.settings import load
from portico.settings.models import Settings
from portico.tenants.composition import compose
from portico.tenants.layers import themes_directory
from portico.tenants.store import Store

from tests.integration.hub.backend import ScriptedBackend
from tests.integration.hub.sync import ScriptedSync
from tests.support.installation import ROOT
from tests.support.visitor import Visitor

T = TypeVar("T")
TENANT = "juniq"
BUNDLE = {
    "tenant.toml": b"""
contract = 1
title = "JUNIQ"
contact = "mailto:help@juniq.example"
languages = ["en", "de"]
[projects]
allow = ["qsim", "train*"]
[brand]
logo = "logo.svg"
favicon = "logo.svg"
stylesheets = []
""",
    "static/logo.svg": b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><path d="M0 0h8v8H0z"/></svg>',
    "templates/pages/quantum.html": b'{% extends "layout.html" %}{% block main %}<h1>Quantum systems</h1>{% endblock %}',
}
QUBIT = {
    "preferred_username": "qubit",
    "name": "Quantum developer",
    "groups": ["quantum"],
    "hpc_infos_attribute": [
        "qubit1,BOREALIS,qsim,q@example.org",
        "qubit1,AURORA,qsim,q@example.org",
        "qubit1,AURORA,combust,q@example.org",
    ],
}
GOOD: dict[str, object] = {"system": "borealis", "account": "qubit1", "project": "qsim", "partition": "emulator", "nodes": 1, "runtime": 60}


def until(condition: Callable[[], T], *, limit: float = 20.0) -> T:
    """Ask until the condition holds; raises TimeoutError."""
    deadline = time.monotonic() + limit
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"still {value!r}")
        time.sleep(0.01)
    return value


class World:
    """All of it. `hub` is the hub's process."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.state = directory / "state"
        self.port, self.api_port, self.hub_port, backend_port = (free_port_of(number) for number in range(4))
        self.backend = ScriptedBackend(backend_port)
        self.sync = ScriptedSync(self.state)
        self.hub: subprocess.Popen[bytes] | None = None
        self.idp = ""
        self.store = Store(self.state / "snapshots")
        self.settings: Settings

    # Parts

    @contextlib.contextmanager
    def running(self) -> Iterator[World]:
        with contextlib.ExitStack() as stack:
            provider = stack.enter_context(run_server_in_thread())
            self.idp = f"http://localhost:{provider.server_port}"
            self.claims("qubit", QUBIT)
            self.claims("ada", {"preferred_username": "ada", "name": "The portal's admin"})
            self.settings = self._settings()
            self.publish()
            self.backend.start()
            stack.callback(self.backend.stop)
            stack.enter_context(self.sync.listening())
            stack.enter_context(self._gateway())
            stack.callback(self.end_hub)
            self.start_hub()
            yield self

    def start_hub(self) -> None:
        command = [sys.executable, "-m", "portico.hub", "--config", str(self.directory / "portico.json"), "--tenant", TENANT]
        with (self.directory / "hub.out").open("ab") as output:
            self.hub = subprocess.Popen([*command, "--port", str(self.hub_port)], stdout=output, stderr=output)
        until(self._answers, limit=60)

    def end_hub(self, number: int = signal.SIGTERM) -> None:
        if self.hub is not None and self.hub.poll() is None:
            self.hub.send_signal(number)
            try:
                self.hub.wait(10)
            except subprocess.TimeoutExpired:
                self.hub.kill()
                self.hub.wait()

    def publish(self, **files: bytes) -> None:
        """Build a snapshot of the bundle, with these files beside it, and make it live."""
        candidate = compose(TENANT, {**BUNDLE, **files}, themes_directory())
        self.store.activate(TENANT, self.store.add(candidate, commit="").digest)

    def candidate(self, **files: bytes) -> str:
        """Build a snapshot as a preview's candidate, which goes live nowhere; answers its digest."""
        return self.store.add(compose(TENANT, {**BUNDLE, **files}, themes_directory()), commit="c" * 40).digest

    def claims(self, subject: str, claims: dict[str, Any]) -> None:
        httpx.put(f"{self.idp}/users/{subject}", json=claims).raise_for_status()

    # People

    @contextlib.contextmanager
    def somebody(self) -> Iterator[Visitor]:
        with Visitor(f"http://juniq.localhost:{self.port}") as visitor:
            yield visitor

    @contextlib.contextmanager
    def logged_in(self, subject: str = "qubit", name: str = "qubit") -> Iterator[Visitor]:
        with self.somebody() as visitor:
            visitor.name = name
            answer = log_in(visitor, subject)
            assert answer.status_code == 200, answer.text
            yield visitor

    def lab(self, name: str) -> str:
        """The id under which the backend has this lab now."""
        return until(lambda: next((key for key, lab in reversed(self.backend.labs.items()) if lab.request["name"] == name), ""))

    def whose(self, token: str) -> str | None:
        """The user to whom a lab's API token belongs; None where it is worth nothing."""
        answer = httpx.get(f"http://127.0.0.1:{self.hub_port}/hub/api/user", headers={"Authorization": f"token {token}"})
        return answer.json()["name"] if answer.is_success else None

    def log_lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.state / "logs" / f"hub-{TENANT}.jsonl").read_text().splitlines()]

    # How

    def _answers(self) -> bool:
        assert self.hub
        if self.hub.poll() is not None:
            log = self.state / "logs" / f"hub-{TENANT}.jsonl"
            raise RuntimeError((self.directory / "hub.out").read_text() + (log.read_text()[-4000:] if log.exists() else ""))
        try:
            headers = {"Host": "juniq.localhost"}
            return httpx.get(f"http://127.0.0.1:{self.port}/hub/login", headers=headers, timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    @contextlib.contextmanager
    def _gateway(self) -> Iterator[None]:
        node, proxy = gateway.find(ROOT / ".portico" / "gateway")
        command = gateway.command(self.settings.gateway, node=node, proxy=proxy)
        environment = {**os.environ, **gateway.environment(self.settings.gateway)}
        with (self.directory / "gateway.out").open("ab") as output:
            # A session of its own: `node` may be a small program that runs the real one, and both have to end.
            process = subprocess.Popen(command, env=environment, stdout=output, stderr=output, start_new_session=True)
        try:
            until(lambda: listens(self.api_port))
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(10)

    def _secret(self, name: str, value: str) -> str:
        file = self.directory / name
        file.touch(mode=0o600)
        file.write_text(value)
        return str(file)

    def _settings(self) -> Settings:
        token = secrets.token_hex(16)
        profile = {"name": "jupyterlab", "title": "JupyterLab", "command": ["x"]}
        login_node = {"host": "login", "user": "portico", "key_file": "/k", "known_hosts_file": "/h"}
        systems = [
            {
                "name": "borealis",
                "title": "Borealis",
                "partitions": [{"name": "emulator", "nodes": {"minimum": 1, "maximum": 2, "default": 1}}],
            },
            {"name": "aurora", "title": "Aurora", "partitions": [{"name": "batch"}, {"name": "gpus"}]},
        ]
        raw = {
            "state": str(self.state),
            "gateway": {"port": self.port, "api_port": self.api_port, "auth_token_file": self._secret("gateway", token)},
            "backend": {
                "port": self.backend.port,
                "database_url": "sqlite://",
                "operator_token_file": self._secret("operator", token),
                "encryption_key_file": self._secret("key", Fernet.generate_key().decode()),
            },
            "identity_provider": {
                "title": "the test's provider",
                "authorize_url": f"{self.idp}/oauth2/authorize",
                "token_url": f"{self.idp}/oauth2/token",
                "userinfo_url": f"{self.idp}/userinfo",
                "logout_url": f"{self.idp}/oauth2/end_session",
            },
            "account_keys": {
                "BOREALIS": {"system": "borealis", "partitions": ["emulator"]},
                "AURORA": {"system": "aurora", "partitions": ["batch"]},
            },
            "systems": [{"url": "https://site/rest", "login_node": login_node, "profiles": [profile], **system} for system in systems],
            "tenants": [
                {
                    "name": TENANT,
                    "host": "juniq.localhost",
                    "repository": "/nowhere",
                    "grants": [{"system": "borealis"}, {"system": "aurora"}],
                    "lab_limit": 3,
                    "admins": ["ada"],
                    "client_id": TENANT,
                    "client_secret_file": self._secret("client", "client-" + token),
                    "backend_token_file": self._secret("backend", "backend-" + token),
                    "cookie_secret_file": self._secret("cookie", secrets.token_hex(32)),
                    "crypt_key_file": self._secret("crypt", secrets.token_hex(32)),
                }
            ],
        }
        file = self.directory / "portico.json"
        file.write_text(json.dumps(raw))
        return load(file)


def log_in(visitor: Visitor, subject: str) -> httpx.Response:
    """Through the provider and back; answers the page that follows."""
    page = visitor.http.get("/hub/oauth_login")
    return visitor.http.post(str(page.url), data={"sub": subject})


def free_port_of(_: int) -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    import socket

    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def answering(text: str = "lab") -> Iterator[str]:
    """Something that answers HTTP like a lab: its address, `host:port`."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
