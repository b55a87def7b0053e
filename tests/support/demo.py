"""Start the demo's processes for real, on free ports below a temporary directory.

`running_demo` starts all of them as `portico up` does; `running_site`, `running_idp` and `running_login_node` start one. All are plain
context managers, for synchronous and asynchronous tests alike. Each gives a `Process` that can be killed and started again.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import httpx
from portico.demo.catalogue import USERS
from portico.demo.install import install
from portico.demo.plan import DemoPlan, DemoProcess

T = TypeVar("T")
ALICE, BOB = ("alice", "alice-pw"), ("bob", "bob-pw")
"""Users of `running_site`, by HTTP basic authentication."""
SITE_USERS = {
    "alice": {
        "password": "alice-pw",
        "accounts": [
            "alice1,AURORA,qsim,alice@users.example",
            "alice1,AURORA_GPU,qsim,alice@users.example",
            "alice2,AURORA,other,a@users.example",
        ],
    },
    "bob": {"password": "bob-pw", "accounts": ["bob1,AURORA,qsim,bob@users.example"]},
}
START_LIMIT = 20.0
"""Seconds."""


def free_port() -> int:
    """A port of the loopback on which nobody listens, below the range from which outgoing connections are served."""
    while True:
        port = random.randint(16_000, 30_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def eventually(condition: Callable[[], T], *, limit: float = 20.0, interval: float = 0.02) -> T:
    """Ask until the condition holds, and answer its value; raises TimeoutError with the last value."""
    deadline = time.monotonic() + limit
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"still {value!r} after {limit} s")
        time.sleep(interval)
    return value


@dataclass
class Process:
    """One of the demo's processes."""

    described: DemoProcess
    popen: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        """Returns when it listens."""
        self.described.log_file.parent.mkdir(parents=True, exist_ok=True)
        output = self.described.log_file.with_suffix(".out")
        with output.open("ab") as out:
            self.popen = subprocess.Popen(self.described.argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        deadline = time.monotonic() + START_LIMIT
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.described.port), timeout=1):
                return
            if self.popen.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{self.described.name} does not start: {output.read_text()}{self.log}")
            time.sleep(0.01)

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def log(self) -> str:
        return self.described.log_file.read_text() if self.described.log_file.exists() else ""

    def kill(self) -> None:
        """SIGKILL."""
        self.popen.kill()
        self.popen.wait()

    def stop(self) -> None:
        """SIGTERM, and wait until it has ended."""
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
            self.popen.wait(15)


@dataclass
class RunningSite:
    """The UNICORE-compatible server; `url` is AURORA's, `urls` has both by name."""

    plan: DemoPlan
    process: Process
    urls: dict[str, str]
    directory: Path

    @property
    def url(self) -> str:
        return self.urls["AURORA"]

    def hold(self, partition: str, *, site: str = "AURORA") -> Path:
        """While this file exists, jobs of the partition stay QUEUED; the caller makes and removes it."""
        return self.directory / site / "hold" / partition


@dataclass
class RunningLoginNode:
    """The SSH login node, and what a client of it needs."""

    plan: DemoPlan
    process: Process
    host: str
    port: int
    user: str
    key_file: Path
    known_hosts_file: Path


@dataclass
class RunningIdp:
    """The identity provider, asked on loopback; `issuer` is what browsers would see."""

    plan: DemoPlan
    process: Process
    url: str
    issuer: str
    client_id: str
    client_secret: str
    redirect_uri: str

    def tokens(self, user: str, password: str | None = None) -> dict[str, Any]:
        """Log in as a browser does, and exchange the code: the token endpoint's answer."""
        verifier, challenge = "v" * 43, "7w_YNF9DSfIdPf_pRjSq646_kPr-2-o9NAl16JGghdM"
        with httpx.Client(base_url=self.url) as browser:
            query = {
                "response_type": "code",
                "client_id": self.client_id,
                "redirect_uri": self.redirect_uri,
                "scope": "openid profile email",
                "state": "s",
                "code_challenge": challenge,
                "code_challenge_method": "S256",
            }
            page = browser.get("/authorize", params=query)
            answer = browser.post(page.url, data=sign_in_fields(page.text, user, password))
            assert answer.status_code in (302, 303), f"{answer.status_code} {answer.text}"
            code = parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]
            tokens = browser.post(
                "/token",
                data={"grant_type": "authorization_code", "code": code, "redirect_uri": self.redirect_uri, "code_verifier": verifier},
                auth=(self.client_id, self.client_secret),
            )
            assert tokens.status_code == 200, tokens.text
            return dict(tokens.json())

    def access_token(self, user: str) -> str:
        """An access token of that demo user."""
        return str(self.tokens(user)["access_token"])


@dataclass
class RunningDemo:
    """All of them together."""

    plan: DemoPlan
    idp: RunningIdp
    site: RunningSite
    login_node: RunningLoginNode


def password_of(user: str) -> str:
    """A demo user's."""
    return next(entry.password for entry in USERS if entry.name == user)


def sign_in_fields(page: str, user: str, password: str | None = None) -> dict[str, str]:
    """What a browser posts from the sign-in page."""
    hidden = dict(re.findall(r'<input[^>]*type="hidden"[^>]*name="([^"]+)"[^>]*value="([^"]*)"', page))
    return {**hidden, "username": user, "password": password_of(user) if password is None else password}


def make_plan(
    state: Path, *, tenants: Sequence[str] = ("juniq", "coec", "eurocc"), egress: Sequence[int] = ()
) -> tuple[DemoPlan, dict[str, Path]]:
    """A plan on free ports and the files with the clients' secrets. `egress`: ports of 127.0.0.1 that jobs may reach."""
    gateway, backend, *more = [*egress, free_port(), free_port()] if len(egress) < 2 else [*egress]
    plan = DemoPlan(
        state=state,
        gateway_port=gateway,
        backend_port=backend,
        hub_ports=tuple(more),
        identity_port=free_port(),
        site_port=free_port(),
        ssh_port=free_port(),
        tenants=tuple(tenants),
    )
    secrets = {}
    for tenant in tenants:
        secrets[tenant] = state / f"{tenant}-client-secret"
        if not secrets[tenant].exists():
            state.mkdir(parents=True, exist_ok=True)
            secrets[tenant].write_text(f"secret-of-{tenant}\n")
    install(plan, client_secret_files=secrets)
    return plan, secrets


def _process(plan: DemoPlan, name: str) -> Process:
    return Process(next(process for process in plan.processes() if process.name == name))


@contextlib.contextmanager
def _started(process: Process) -> Iterator[Process]:
    process.start()
    try:
        yield process
    finally:
        process.stop()


@contextlib.contextmanager
def _site(plan: DemoPlan) -> Iterator[RunningSite]:
    with _started(_process(plan, "site")) as process:
        scheme = "https" if json.loads(plan.config_file("site").read_text())["tls"] else "http"
        urls = {system.url.split("/")[3]: system.url.replace("http", scheme, 1) for system in plan.systems()}
        yield RunningSite(plan=plan, process=process, urls=urls, directory=plan.directory / "site")


@contextlib.contextmanager
def running_site(state: Path, *, egress: Sequence[int] = (), **changes: Any) -> Iterator[RunningSite]:
    """The site alone, with the users `ALICE` and `BOB`. `changes`: other values of SiteServerConfig."""
    plan, _ = make_plan(state, egress=egress)
    users = state / "users.json"
    users.write_text(json.dumps(SITE_USERS))
    path = plan.config_file("site")
    content = json.loads(path.read_text()) | {"users_file": str(users), "userinfo_url": None} | changes
    path.write_text(json.dumps(content))
    with _site(plan) as site:
        yield site


@contextlib.contextmanager
def running_login_node(plan: DemoPlan) -> Iterator[RunningLoginNode]:
    """The login node of a plan (of `running_site`'s, to reach its nodes)."""
    with _started(_process(plan, "login-node")) as process:
        login = plan.systems()[0].login_node
        yield RunningLoginNode(
            plan=plan,
            process=process,
            host=login.host,
            port=login.port,
            user=login.user,
            key_file=login.key_file,
            known_hosts_file=login.known_hosts_file,
        )


@contextlib.contextmanager
def _idp(plan: DemoPlan, secrets: dict[str, Path]) -> Iterator[RunningIdp]:
    tenant = plan.tenants[0]
    with _started(_process(plan, "identity-provider")) as process:
        yield RunningIdp(
            plan=plan,
            process=process,
            url=f"http://127.0.0.1:{plan.identity_port}",
            issuer=plan.issuer,
            client_id=plan.client_id(tenant),
            client_secret=secrets[tenant].read_text().strip(),
            redirect_uri=f"{plan.portal(tenant)}/hub/oauth_callback",
        )


@contextlib.contextmanager
def running_idp(state: Path) -> Iterator[RunningIdp]:
    """The identity provider alone."""
    with _idp(*make_plan(state)) as idp:
        yield idp


@contextlib.contextmanager
def running_demo(state: Path, *, egress: Sequence[int] = ()) -> Iterator[RunningDemo]:
    """Identity provider, site and login node; the site takes the identity provider's tokens."""
    plan, secrets = make_plan(state, egress=egress)
    with _idp(plan, secrets) as idp, _site(plan) as site, running_login_node(plan) as login_node:
        yield RunningDemo(plan=plan, idp=idp, site=site, login_node=login_node)


def alive(pid: int) -> bool:
    """Whether there is such a process that is not a zombie."""
    try:
        os.kill(pid, 0)
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text() if Path("/proc").exists() else True
    except OSError:
        return False
