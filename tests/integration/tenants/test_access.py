"""Repositories that let nobody in without a key or a token, and where that key or token can be seen meanwhile: nowhere."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.bundles import BUNDLE, Remote
from tests.support.git_servers import GitHost, Quiet, basic, git_host, git_over_http, serving
from tests.support.sshd import make_key, why_not
from tests.support.sync_service import Service
from tests.support.wait import until

TOKEN = "glpat-not-to-be-seen-anywhere"
DENIED = "The repository doesn't let this portal in: its deploy key or token is missing, wrong or out of date."


@pytest.fixture
def token(tmp_path: Path) -> Path:
    file = tmp_path / "secrets" / "token"
    file.parent.mkdir()
    file.write_text(f"{TOKEN}\n")
    file.chmod(0o600)
    return file


def below(service: Service) -> dict[int, str]:
    """What /proc shows of every process below the sync, and of the sync itself: arguments and environment."""
    shown = {}
    for process in [psutil.Process(service.pid), *psutil.Process(service.pid).children(recursive=True)]:
        try:
            shown[process.pid] = " ".join(
                (Path("/proc") / str(process.pid) / name).read_bytes().decode(errors="replace").replace("\0", " ")
                for name in ("cmdline", "environ")
            )
        except (OSError, psutil.Error):
            continue
    return shown


def written(service: Service) -> str:
    """Everything that lies below the state: logs, status, git's configuration, mirrors."""
    files = [path for path in service.state.rglob("*") if path.is_file() and not path.is_symlink()]
    return "\n".join(path.read_bytes().decode("latin-1") for path in files)


async def test_a_token_is_seen_nowhere_while_git_uses_it(service: Service, remote: Remote, tmp_path: Path, token: Path) -> None:
    """Neither while git's helper reads it (from a pipe here, so that it waits), nor while git fetches with it, nor afterwards."""
    commit = remote.push(dict(BUNDLE))
    pipe = tmp_path / "secrets" / "pipe"
    os.mkfifo(pipe)
    go, fetching = threading.Event(), threading.Event()

    def wait(path: str) -> None:
        fetching.set()
        go.wait(20)

    def helpers() -> set[int]:
        return {pid for pid, shown in below(service).items() if "credential.py" in shown}

    def feed() -> None:
        while True:
            with pipe.open("w") as writing:  # waits for who reads
                served = helpers()
                writing.write(token.read_text())
            while served & helpers():
                time.sleep(0.005)

    feeding = threading.Thread(target=feed, daemon=True)
    with serving(git_over_http(tmp_path, user="portal", password=lambda: TOKEN, before=wait)) as address:
        service.follow("test", f"{address}/bundle.git", token_file=pipe, token_user="portal", poll_interval=3600)
        await service.start()
        await until(lambda: any("credential.py" in shown and str(pipe) in shown for shown in below(service).values()))
        reading = below(service)
        feeding.start()
        await until(fetching.is_set)
        fetching_shown = below(service)
        go.set()
        await service.live(commit)
    assert any("git-remote-http" in shown for shown in fetching_shown.values())
    for shown in (*reading.values(), *fetching_shown.values(), written(service)):
        assert TOKEN not in shown
        assert basic("portal", TOKEN).removeprefix("Basic ") not in shown


async def test_a_wrong_token_is_said_and_a_new_one_counts_at_once(service: Service, remote: Remote, tmp_path: Path, token: Path) -> None:
    commit = remote.push(dict(BUNDLE))
    token.write_text("wrong\n")
    with serving(git_over_http(tmp_path, password=lambda: TOKEN)) as address:
        service.follow("test", f"{address}/bundle.git", token_file=token)
        await service.start()
        await until(lambda: service.status().error == DENIED)
        token.write_text(f"{TOKEN}\n")
        await service.live(commit)
        token.write_text("")
        await until(lambda: service.status().error == "The file of the repository's token can't be read. Ask the operator to look at it.")
        assert service.status().commit == commit


async def test_a_token_that_a_server_sends_back_is_not_passed_on(service: Service, token: Path) -> None:
    """Hostile input 31: git repeats what a server calls its error."""

    class Echo(Quiet):
        def do_GET(self) -> None:
            authorization = self.headers.get("Authorization")
            if authorization is None:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="git"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            line = f"ERR you said {TOKEN} as {authorization}\n"
            body = f"001e# service=git-upload-pack\n0000{len(line) + 4:04x}{line}".encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-git-upload-pack-advertisement")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with serving(Echo) as address:
        service.follow("test", f"{address}/bundle.git", token_file=token)
        await service.start()
        await until(lambda: service.status().error)
        assert "you said ***" in (service.status().error or "")
    assert TOKEN not in written(service)
    assert basic("git", TOKEN).removeprefix("Basic ") not in written(service)


@pytest.fixture
def host() -> Iterator[GitHost]:
    reason = why_not("openssh")
    if reason:
        pytest.skip(reason)
    with git_host() as host:
        yield host


async def test_a_deploy_key_is_seen_nowhere_while_ssh_uses_it(service: Service, remote: Remote, host: GitHost) -> None:
    commit = remote.push(dict(BUNDLE))
    service.follow("test", host.address(remote.path), key_file=host.user_key, known_hosts_file=host.known_hosts)
    await service.start()
    await until(lambda: any("ssh" in shown and str(host.user_key) in shown for shown in below(service).values()))
    await until(lambda: len(host._processes()) > 1)
    shown = below(service)
    host.go.touch()
    await service.live(commit)
    secret = host.user_key.read_text().splitlines()[1:-1]
    for line in secret:
        assert not any(line in each for each in shown.values())
        assert line not in written(service)
    moved = remote.push({"static/a.txt": "a"})
    await service.live(moved)


async def test_a_host_with_another_key_and_a_key_without_rights_are_refused(service: Service, remote: Remote, host: GitHost) -> None:
    remote.push(dict(BUNDLE))
    host.go.touch()
    stranger = make_key(host.directory / "stranger")
    other = host.directory / "other_hosts"
    kind, key, *_ = stranger.with_suffix(".pub").read_text().split()
    other.write_text(f"[127.0.0.1]:{host.port} {kind} {key}\n")
    service.follow("test", host.address(remote.path), key_file=host.user_key, known_hosts_file=other)
    service.follow("other", host.address(remote.path), key_file=stranger, known_hosts_file=host.known_hosts)
    await service.start()
    await until(lambda: service.status().error == "The repository's host shows a key that the operator doesn't know.")
    await until(lambda: service.status("other").error == DENIED)
