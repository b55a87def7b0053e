"""What only the driver `openssh` has: masters that outlive the manager, are adopted, and are ended when nobody wants them any more.

Fault 15.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest
from portico.api import Health, Reachability
from portico.tunnels import Forward, Trouble, TunnelManager, end_tunnels
from portico.tunnels.errors import LoginNodeError

from tests.support.sshd import Sshd, running_sshd
from tests.support.tunnel_process import start_holder
from tests.support.wait import until


@pytest.fixture
def sshd() -> Iterator[Sshd]:
    with running_sshd("asyncssh") as server:
        yield server


@pytest.fixture
async def directory() -> AsyncIterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="tunnels-"))
    yield path
    await end_tunnels(path)
    await until(lambda: not masters(path), limit=3)
    shutil.rmtree(path, ignore_errors=True)


def masters(directory: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        command = " ".join(process.info["cmdline"] or ())
        if command.startswith("ssh ") and str(directory) in command and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


def forward(port: int = 8888) -> Forward:
    return Forward(id=secrets.token_hex(16), system="site", node="node01", port=port)


def listens(address: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(address.rpartition(":")[2]))) == 0


Changes = list[tuple[str, Reachability, str | None]]


async def start(sshd: Sshd, directory: Path, changes: Changes | None = None, **options: object) -> TunnelManager:
    told = changes if changes is not None else []
    manager = TunnelManager({"site": sshd.login_node(**options)}, directory, lambda *change: told.append(change))
    await manager.start()
    return manager


async def test_a_master_and_its_forwards_outlive_a_manager_that_lets_them(sshd: Sshd, directory: Path) -> None:
    first = await start(sshd, directory)
    address = await first.open(forward())
    (master,) = masters(directory)
    await first.close(keep=True)
    assert listens(address)
    second = await start(sshd, directory)
    assert second.systems_state()["site"].health is Health.UP
    assert masters(directory) == [master]
    await second.close(keep=False)
    await until(lambda: not masters(directory))
    assert not listens(address)


async def test_a_ctrl_c_in_the_terminal_ends_no_master(sshd: Sshd, directory: Path) -> None:
    process, address = await asyncio.to_thread(start_holder, directory, sshd.login_node(), forward())
    with process:
        (master,) = masters(directory)
        assert os.getsid(master.pid) not in (os.getsid(0), process.pid)
        assert os.getpgid(master.pid) != os.getpgid(process.pid)
        process.send_signal(signal.SIGKILL)
    assert listens(address)


async def test_a_listener_that_no_record_names_is_closed(sshd: Sshd, directory: Path) -> None:
    first = await start(sshd, directory)
    known, unknown = forward(8001), forward(8002)
    kept, forgotten = await first.open(known), await first.open(unknown)
    await first.close(keep=True)
    second = await start(sshd, directory)
    await second.restore([(known, int(kept.rpartition(":")[2]))])
    assert listens(kept)
    assert not listens(forgotten)
    await second.close(keep=True)


async def test_a_listener_is_found_again_although_its_port_was_not_recorded(sshd: Sshd, directory: Path) -> None:
    """Fault 6's cousin: killed after the tunnel was opened, before the manager's record said so."""
    first = await start(sshd, directory)
    lab = forward()
    address = await first.open(lab)
    await first.close(keep=True)
    second = await start(sshd, directory)
    await second.restore([(lab, None)])
    assert second.address(lab.id) == address
    await second.close(keep=True)


async def test_a_master_of_other_settings_is_ended(sshd: Sshd, directory: Path) -> None:
    first = await start(sshd, directory)
    address = await first.open(forward())
    await first.close(keep=True)
    second = await start(sshd, directory, alive_interval=2)
    await until(lambda: not masters(directory))
    assert not listens(address)
    await second.close(keep=True)


async def test_a_master_of_a_system_that_is_gone_is_ended_with_the_rest(sshd: Sshd, directory: Path) -> None:
    first = await start(sshd, directory)
    await first.warm("site")
    await first.close(keep=True)
    others = TunnelManager({}, directory, lambda *change: None)
    await others.start()
    await others.close(keep=True)
    await until(lambda: not masters(directory))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP], ids=lambda number: number.name)
async def test_a_master_that_is_ended_or_hangs_is_replaced(sshd: Sshd, directory: Path, number: signal.Signals) -> None:
    changes: Changes = []
    manager = await start(sshd, directory, changes)
    lab = forward()
    address = await manager.open(lab)
    (master,) = masters(directory)
    master.send_signal(number)
    if number == signal.SIGSTOP:
        await manager.open(forward(8001))  # who asks something of it notices
    await until(lambda: changes == [(lab.id, Reachability.DOWN, address), (lab.id, Reachability.UP, address)])
    assert master not in masters(directory)
    assert listens(address)
    await manager.close(keep=False)


async def test_hundreds_of_forwards_are_adopted_and_healed_in_no_time(sshd: Sshd, directory: Path) -> None:
    changes: Changes = []
    first = await start(sshd, directory)
    labs = [forward(port) for port in range(2000, 2300)]
    ports = [int((await first.open(lab)).rpartition(":")[2]) for lab in labs]
    await first.close(keep=True)
    second = await start(sshd, directory, changes)
    began = time.monotonic()
    await second.restore(zip(labs, ports, strict=True))
    assert time.monotonic() - began < 3
    await until(lambda: len(changes) == 300)
    assert {(lab, address) for lab, _, address in changes} == {(lab.id, f"127.0.0.1:{port}") for lab, port in zip(labs, ports, strict=True)}
    changes.clear()
    sshd.kill()
    await until(lambda: len(changes) == 300)
    sshd.start()
    await until(lambda: len(changes) == 600, limit=10)
    assert {(told, address) for _, told, address in changes[300:]} == {(Reachability.UP, f"127.0.0.1:{port}") for port in ports}
    await second.close(keep=False)


async def test_a_machine_without_an_ssh_client_says_so(sshd: Sshd, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portico.tunnels.openssh.ENVIRONMENT", {"PATH": str(directory)})
    manager = await start(sshd, directory)
    with pytest.raises(LoginNodeError, match="no ssh client") as failure:
        await manager.open(forward())
    assert failure.value.trouble is Trouble.NO_CLIENT
    await manager.close(keep=False)


async def test_who_is_told_may_fail(sshd: Sshd, directory: Path) -> None:
    """A failing listener of changes keeps nobody else's tunnel from healing."""
    told = []

    async def fail(lab: str, reachability: Reachability, address: str | None) -> None:
        told.append(reachability)
        raise RuntimeError("the database is locked")

    manager = TunnelManager({"site": sshd.login_node()}, directory, fail)
    await manager.start()
    lab = forward()
    await manager.open(lab)
    sshd.kill()
    await until(lambda: told == [Reachability.DOWN])
    sshd.start()
    await until(lambda: told == [Reachability.DOWN, Reachability.UP])
    assert manager.reachability(lab.id) is Reachability.UP
    await manager.close(keep=False)


async def test_a_directory_that_is_too_deep_leaves_no_stand_in_behind(sshd: Sshd, tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 80)
    manager = await start(sshd, deep)
    assert listens(await manager.open(forward()))
    before = set(Path(tempfile.gettempdir()).glob("portico-*"))
    await manager.close(keep=False)
    assert len(before - set(Path(tempfile.gettempdir()).glob("portico-*"))) == 1
