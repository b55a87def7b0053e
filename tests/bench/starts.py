"""From the start request to the first answer of a lab: through Portico, and by hand on the same site.

By hand means what one would type: submit with pyunicore, wait for the file that tells the node, ask the live ssh master to forward, ask
the lab. Both ways run in turn on one installation, with one user, and measure the same: from before the request to the first answer.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import socket
import statistics
import subprocess
import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import pyunicore.client as unicore
from pyunicore import credentials

from tests.support.installation import Up
from tests.support.visitor import Visitor

TRIVIAL = Path(__file__).with_name("trivial_lab.py")
USER, SYSTEM = "flame", "aurora"
CHOICE = {"system": SYSTEM, "account": "flame1", "project": "combust", "partition": "batch", "nodes": 1, "gpus": 0, "runtime": 60}


@dataclass(frozen=True)
class Times:
    """Milliseconds."""

    median: float
    best: float
    worst: float
    count: int


def summary(seconds: list[float]) -> Times:
    """Median, best and worst of some measurements."""
    ordered = sorted(value * 1000 for value in seconds)
    return Times(statistics.median(ordered), ordered[0], ordered[-1], len(ordered))


class ByHand:
    """The bare chain on the demo's site."""

    def __init__(self, installation: Up, token: str) -> None:
        settings = tomllib.loads((installation.state / "portico.toml").read_text())
        system = next(item for item in settings["systems"] if item["name"] == SYSTEM)
        self.python = system["python"]
        self.login = system["login_node"]
        self.control = installation.state / "bench-master"
        # A site answers with where it is: asked once, as anybody would who starts more than one job.
        self.transport = unicore.Transport(credentials.OIDCToken(token))
        self.client = unicore.Client(self.transport, system["url"])
        subprocess.run([*self._ssh(), "-M", "-N", "-f", "--", self.login["host"]], check=True, capture_output=True)

    def _ssh(self) -> list[str]:
        login = self.login
        options = {
            "ControlPath": self.control,
            "UserKnownHostsFile": login["known_hosts_file"],
            "StrictHostKeyChecking": "yes",
            "BatchMode": "yes",
            "IdentityFile": login["key_file"],
        }
        words = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
        return ["ssh", "-F", "/dev/null", "-p", str(login["port"]), "-l", login["user"], *words]

    def start(self) -> float:
        """Seconds of one start; the job is aborted afterwards."""
        began = time.perf_counter()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            here = probe.getsockname()[1]
        there = 20000 + here % 40000
        script = f"echo $SLURMD_NODENAME > node; exec {self.python} -S -E {TRIVIAL} ${{PORTICO_BIND:-0.0.0.0}} {there}"
        job = self.client.new_job(
            {
                "Executable": "/bin/sh",
                "Arguments": ["start.sh"],
                "Imports": [{"From": "inline://dummy", "To": "start.sh", "Data": script}],
                "Resources": {"Queue": "batch", "Nodes": 1, "Runtime": 3600},
            }
        )
        job.cache_time = 0
        node = self._node_of(job)
        target = f"127.0.0.1:{here}:{node}:{there}"
        while True:
            subprocess.run([*self._ssh(), "-O", "forward", "-L", target, "--", self.login["host"]], check=True, capture_output=True)
            if _answers(here):
                break
            subprocess.run([*self._ssh(), "-O", "cancel", "-L", target, "--", self.login["host"]], check=True, capture_output=True)
        spent = time.perf_counter() - began
        job.abort()
        subprocess.run([*self._ssh(), "-O", "cancel", "-L", target, "--", self.login["host"]], check=False, capture_output=True)
        return spent

    @staticmethod
    def _node_of(job: unicore.Job) -> str:
        """What the job wrote into its file, as soon as it is there."""
        directory = job.working_dir
        while True:
            try:
                with directory.stat("node").raw() as content:
                    node = str(content.read().decode()).strip()
            except httpx.HTTPError as error:
                if "404" not in str(error):
                    raise
                node = ""
            if node:
                return node
            if job.properties["status"] == "FAILED":
                raise RuntimeError(job.properties["statusMessage"])

    def close(self) -> None:
        """End the ssh master."""
        subprocess.run([*self._ssh(), "-O", "exit", "--", self.login["host"]], check=False, capture_output=True)


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def through_portico(visitor: Visitor, name: str, profile: str) -> float:
    """Seconds from posting the start form to the lab's first answer through the gateway; the lab is stopped afterwards."""
    began = time.perf_counter()
    answer = visitor.start(**CHOICE, profile=profile, title=name)
    if answer.status_code not in (302, 303):
        raise RuntimeError(answer.text)
    slug = answer.headers["location"].rstrip("/").split("/")[-1]
    for event in visitor.events(slug):
        if event.get("can_open"):
            break
        if event.get("state") == "ended":
            raise RuntimeError(event["message"])
    path = f"/user/{USER}/{slug}/api"
    while visitor.http.get(path, follow_redirects=False).status_code != 200:
        pass
    spent = time.perf_counter() - began
    visitor.post(f"/hub/labs/{slug}/stop")
    for event in visitor.events(slug):
        if event.get("state") in ("ended", "stopped"):
            break
    return spent


def token_of(installation: Up) -> str:
    """The user's own access token, got the way that a command-line client gets one: by the code flow with the portal's client."""
    settings = tomllib.loads((installation.state / "portico.toml").read_text())
    tenant = next(item for item in settings["tenants"] if item["name"] == "coec")
    provider = settings["identity_provider"]
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    redirect = f"{installation.address('coec')}/hub/oauth_callback"
    query = {
        "client_id": tenant["client_id"],
        "redirect_uri": redirect,
        "response_type": "code",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "state": "bench",
    }
    base = provider["userinfo_url"].rsplit("/", 1)[0]
    form = {"username": USER, "password": installation.password(USER)}
    back = httpx.post(f"{base}/authorize", params=query, data=form).headers["location"]
    code = re.search(r"code=([^&]+)", back).group(1)
    answer = httpx.post(
        provider["token_url"],
        data={"grant_type": "authorization_code", "code": code, "redirect_uri": redirect, "code_verifier": verifier},
        auth=(tenant["client_id"], Path(tenant["client_secret_file"]).read_text().strip()),
    )
    return str(json.loads(answer.text)["access_token"])


def repeat(action: Callable[[int], float], count: int) -> list[float]:
    """Measure `count` times, after one that doesn't count."""
    action(0)
    return [action(number) for number in range(1, count + 1)]
