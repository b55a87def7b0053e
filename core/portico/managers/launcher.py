"""Start a lab at the site: runs as the job, imported into its directory as one file that needs nothing but Python 3.8.

Reads `lab.json` from the working directory and removes it, picks a free port, becomes the lab's command. So the job's process is the
lab: its exit code and its signals are the lab's own. A small process beside it waits until the lab listens, leaves node and port in
`portico.json`, and reports them where the site's nodes can reach the backend. It ends when it has told, or when the lab ends.

What it reads from the environment: `PORTICO_BIND`, the address on which the lab listens (default 0.0.0.0); `SLURMD_NODENAME`, the node's
name (default: the host's short name). No string of a user's ever reaches a shell: `setup` holds the operator's own lines.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time

TYPE_CHECKING = False  # typing's own constant, without its import: each millisecond here is one of the user's
if TYPE_CHECKING:
    from collections.abc import Callable

DESCRIPTION = "lab.json"
WHEREABOUTS = "portico.json"
POLL = 0.01  # seconds between two looks whether the lab listens
PATIENCE = 1800  # seconds until nobody waits any longer for the lab to listen
TRIES = 5  # attempts to report
TIMEOUT = 5  # seconds for one attempt


def main() -> int:
    """Read the description and become the lab."""
    with open(DESCRIPTION, encoding="utf-8") as file:
        lab = json.load(file)
    os.unlink(DESCRIPTION)  # it holds the lab's credentials
    bind = os.environ.get("PORTICO_BIND", "0.0.0.0")  # noqa: S104 -- a node's own network; the site decides by PORTICO_BIND
    port = free_port(bind)
    environment = dict(os.environ, **lab["environment"])
    # jupyterhub-singleuser requires this variable, and it wins over the command line's address and port.
    environment["JUPYTERHUB_SERVICE_URL"] = f"http://{bind}:{port}{lab['prefix']}"
    settings(lab.get("overrides"), environment)
    start_reporter(lab, bind, port)
    command = fill(lab["command"], {"{address}": bind, "{port}": str(port), "{prefix}": lab["prefix"]})
    if lab.get("setup"):
        command = ["/bin/bash", "-l", "-c", "\n".join(lab["setup"]) + '\nexec "$@"', "lab", *command]
    if os.path.isdir(environment.get("HOME", "")):
        os.chdir(environment["HOME"])  # a lab shows its user's files, not the job's
    try:
        os.execvpe(command[0], command, environment)  # noqa: S606 -- an argument list, no shell
    except OSError as error:
        sys.stderr.write(f"The lab's command can't be started: {command[0]}: {error.strerror}\n")
        return 127


def free_port(bind: str) -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind((bind, 0))
        port: int = probe.getsockname()[1]
        return port


def fill(command: list[str], values: dict[str, str]) -> list[str]:
    """The command with its placeholders replaced. No value holds a brace, so none is taken for a placeholder."""
    for name, value in values.items():
        command = [part.replace(name, value) for part in command]
    return command


def settings(overrides: dict[str, object] | None, environment: dict[str, str]) -> None:
    """Leave the tenant's JupyterLab settings where JupyterLab looks for them."""
    if not overrides:
        return
    top = os.path.abspath("jupyter-config")
    os.makedirs(os.path.join(top, "labconfig"), exist_ok=True)
    with open(os.path.join(top, "labconfig", "default_setting_overrides.json"), "w", encoding="utf-8") as file:
        json.dump(overrides, file)
    path = environment.get("JUPYTER_CONFIG_PATH")
    environment["JUPYTER_CONFIG_PATH"] = top + os.pathsep + path if path else top


def start_reporter(lab: dict[str, dict[str, str]], bind: str, port: int) -> None:
    """Fork the reporting process twice, so that the lab inherits no child that it doesn't know."""
    owner = os.getpid()
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    if not os.fork():
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):  # a site may wait until nobody holds the job's output any more
            os.dup2(nowhere, stream)
        try:
            report(lab.get("report"), owner, bind, port)
        finally:
            os._exit(0)  # whatever went wrong: the lab runs on, and its manager says that it didn't tell where it listens
    os._exit(0)


def report(target: dict[str, str] | None, owner: int, bind: str, port: int) -> None:
    """Wait until the lab listens, leave the file, tell the backend."""
    node = os.environ.get("SLURMD_NODENAME") or socket.gethostname().split(".")[0]
    body = json.dumps({"node": node.lower(), "port": port})
    ask = prepared(target, body)  # its imports happen while the lab starts
    if not listening(owner, "127.0.0.1" if bind == "0.0.0.0" else bind, port):  # noqa: S104
        return
    with open(WHEREABOUTS + ".new", "w", encoding="utf-8") as file:
        file.write(body)
    os.rename(WHEREABOUTS + ".new", WHEREABOUTS)
    if ask is None:
        return
    for attempt in range(TRIES):
        try:
            if ask() < 500:
                return
        except OSError:
            pass  # not every node has a route out: the file is there
        time.sleep(0.2 * 2**attempt)


def listening(owner: int, address: str, port: int) -> bool:
    """Whether the lab accepted a connection before it ended."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex((address, port)) == 0:
                return True
        try:
            os.kill(owner, 0)
        except OSError:
            return False
        time.sleep(POLL)
    return False


def prepared(target: dict[str, str] | None, body: str) -> Callable[[], int] | None:
    """A function that reports once and returns the HTTP status; None where there is nobody to report to."""
    if not target:
        return None
    from http.client import HTTPConnection, HTTPSConnection  # noqa: PLC0415 -- late, see above
    from urllib.parse import urlsplit  # noqa: PLC0415

    url = urlsplit(target["url"])
    kind = HTTPSConnection if url.scheme == "https" else HTTPConnection
    headers = {"Authorization": "Bearer " + target["token"], "Content-Type": "application/json"}

    def ask() -> int:
        connection = kind(url.hostname or "", url.port, timeout=TIMEOUT)
        try:
            connection.request("POST", url.path, body, headers)
            return connection.getresponse().status
        finally:
            connection.close()

    return ask


if __name__ == "__main__":
    sys.exit(main())
