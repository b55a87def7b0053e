"""What a tunnel must do, over every driver and every SSH server: the definition of `portico.tunnels.driver`.

Hostile inputs 60 to 63; faults 12 to 16.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
import secrets
import shutil
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest
from portico.api import Health, Reachability
from portico.tunnels import Forward, LoginNodeError, TargetError, Trouble, TunnelError, TunnelManager

from tests.support.sshd import NO_SUCH_NODE, Sshd, make_key, running_sshd, why_not
from tests.support.tunnel_process import start_holder
from tests.support.wait import until

DRIVERS = ("openssh", "sshtunnel")
SERVERS = ("asyncssh", "openssh")
HEALS_WITHIN = 10.0
"""Seconds from the return of a login node to that of its forwards."""

pytestmark = pytest.mark.skipif(not psutil.LINUX and not psutil.MACOS, reason="needs a POSIX system")


@pytest.fixture(params=SERVERS, ids=lambda server: f"{server}-sshd")
def sshd(request: pytest.FixtureRequest) -> Iterator[Sshd]:
    if reason := why_not(request.param):
        pytest.skip(reason)
    with running_sshd(request.param) as server:
        yield server


@pytest.fixture(params=DRIVERS)
def driver(request: pytest.FixtureRequest) -> str:
    return request.param


class Site:
    """A login node, a target behind it, and the managers that a test makes."""

    def __init__(self, sshd: Sshd, driver: str, directory: Path) -> None:
        self.sshd = sshd
        self.driver = driver
        self.directory = directory
        self.changes: list[tuple[str, Reachability, str | None]] = []
        self.managers: list[TunnelManager] = []
        self.target = 0

    async def manager(self, **changes: object) -> TunnelManager:
        login_node = self.sshd.login_node(**{"driver": self.driver, **changes})
        manager = TunnelManager({"site": login_node}, self.directory, self._changed)
        self.managers.append(manager)
        await manager.start()
        return manager

    async def _changed(self, lab: str, reachability: Reachability, address: str | None) -> None:
        self.changes.append((lab, reachability, address))

    def forward(self, *, port: int | None = None, node: str | None = None) -> Forward:
        return Forward(id=secrets.token_hex(16), system="site", node=node or self.sshd.node, port=port or self.target)

    def told(self, reachability: Reachability) -> list[tuple[str, str | None]]:
        return [(lab, address) for lab, told, address in self.changes if told is reachability]


@pytest.fixture
async def site(sshd: Sshd, driver: str) -> AsyncIterator[Site]:
    directory = Path(tempfile.mkdtemp(prefix="tunnels-"))  # short enough for control sockets, which pytest's own are not
    site = Site(sshd, driver, directory)
    target = await asyncio.start_server(_echo, sshd.node_address, 0)
    site.target = target.sockets[0].getsockname()[1]
    yield site
    sshd.thaw()
    for manager in site.managers:
        await manager.close(keep=False)
    target.close()
    await until(lambda: not masters(directory), limit=3)
    shutil.rmtree(directory, ignore_errors=True)


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def carries(address: str, data: bytes = b"ping") -> bool:
    """Whether the echo behind an address answers with the same bytes."""
    host, _, port = address.rpartition(":")
    try:
        async with asyncio.timeout(10):
            reader, writer = await asyncio.open_connection(host, int(port))
            with contextlib.closing(writer):
                writer.write(data)
                return await reader.readexactly(len(data)) == data
    except (OSError, asyncio.IncompleteReadError):
        return False


def listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex((host, int(port))) == 0


def masters(directory: Path) -> list[psutil.Process]:
    """The live ssh processes of a test, by the control path in their command line."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        command = " ".join(process.info["cmdline"] or ())
        if command.startswith("ssh ") and str(directory) in command and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


async def test_bytes_go_both_ways(site: Site) -> None:
    manager = await site.manager()
    forward = site.forward()
    address = await manager.open(forward)
    assert re.fullmatch(r"127\.0\.0\.1:[0-9]+", address)
    assert await carries(address, secrets.token_bytes(1_000_000))
    assert manager.reachability(forward.id) is Reachability.UP
    assert manager.systems_state()["site"].health is Health.UP


async def test_many_connections_are_carried_at_once(site: Site) -> None:
    manager = await site.manager()
    address = await manager.open(site.forward())
    assert all(await asyncio.gather(*(carries(address, secrets.token_bytes(1000)) for _ in range(60))))


async def test_who_has_said_all_still_gets_the_answer(site: Site) -> None:
    """A half-closed connection stays open the other way."""
    manager = await site.manager()
    address = await manager.open(site.forward())
    reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]))
    writer.write(b"question")
    writer.write_eof()
    async with asyncio.timeout(10):
        assert await reader.read() == b"question"
    writer.close()


async def test_a_second_forward_is_quick_and_needs_no_process(site: Site) -> None:
    manager = await site.manager()
    await manager.open(site.forward())
    before = masters(site.directory)
    assert len(before) == (1 if site.driver == "openssh" else 0)
    other = await asyncio.start_server(_echo, site.sshd.node_address, 0)
    began = time.monotonic()
    address = await manager.open(site.forward(port=other.sockets[0].getsockname()[1]))
    assert time.monotonic() - began < 0.25
    assert await carries(address)
    assert masters(site.directory) == before
    other.close()


async def test_opening_again_keeps_the_address(site: Site) -> None:
    manager = await site.manager()
    forward = site.forward()
    assert await manager.open(forward) == await manager.open(forward)


async def test_a_lab_that_moved_is_reached_at_its_new_target(site: Site) -> None:
    manager = await site.manager()
    forward = site.forward(node=NO_SUCH_NODE)
    await manager.open(forward)
    address = await manager.open(Forward(id=forward.id, system="site", node=site.sshd.node, port=site.target))
    assert await carries(address)


async def test_another_labs_target_is_refused(site: Site) -> None:
    manager = await site.manager()
    await manager.open(site.forward())
    with pytest.raises(TargetError, match="another lab"):
        await manager.open(site.forward())


async def test_listens_at_the_loopback_only(site: Site) -> None:
    """Hostile input 63."""
    manager = await site.manager()
    port = int((await manager.open(site.forward())).rpartition(":")[2])
    listeners = [
        found.laddr.ip for found in psutil.net_connections("inet") if found.status == psutil.CONN_LISTEN and found.laddr.port == port
    ]
    assert listeners == ["127.0.0.1"]


@pytest.mark.parametrize("where", ["a closed port", "a node that doesn't exist"])
async def test_a_far_end_that_refuses_is_seen_by_a_dial(site: Site, where: str) -> None:
    manager = await site.manager()
    closed = site.forward(port=1024) if where == "a closed port" else site.forward(node=NO_SUCH_NODE)
    await manager.open(closed)
    good = site.forward()
    await manager.open(good)
    assert await manager.dial(closed.id, patience=5) is Reachability.DOWN
    assert await manager.dial(good.id) is Reachability.UP
    assert await manager.dial(good.id, probe=carries) is Reachability.UP
    assert await manager.dial(closed.id, probe=carries) is Reachability.DOWN
    assert await manager.dial(secrets.token_hex(16)) is Reachability.UNKNOWN


async def test_drop_closes_the_listener_and_leaves_the_others(site: Site) -> None:
    manager = await site.manager()
    kept, dropped = site.forward(), site.forward(port=1024)
    kept_address, address = await manager.open(kept), await manager.open(dropped)
    await manager.drop(dropped.id)
    await manager.drop(dropped.id)
    assert not listens(address)
    assert manager.reachability(dropped.id) is Reachability.UNKNOWN
    assert await carries(kept_address)


async def test_twenty_at_once_share_one_connection(site: Site) -> None:
    manager = await site.manager()
    forwards = [site.forward(port=port) for port in itertools.chain([site.target], range(2000, 2019))]
    addresses = await asyncio.gather(*(manager.open(forward) for forward in forwards))
    assert len(set(addresses)) == 20
    assert all(listens(address) for address in addresses)
    assert await carries(addresses[0])
    assert len(masters(site.directory)) == (1 if site.driver == "openssh" else 0)


async def test_a_warm_system_is_connected_before_the_first_lab(site: Site) -> None:
    manager = await site.manager()
    await manager.warm("site")
    assert manager.systems_state()["site"].health is Health.UP


async def test_a_wanted_local_port_is_taken_where_it_is_free(site: Site) -> None:
    manager = await site.manager()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert await manager.open(site.forward(), local_port=port) == f"127.0.0.1:{port}"


async def test_a_foreign_listener_is_never_taken_for_ours(site: Site) -> None:
    """Hostile input 62."""
    manager = await site.manager()
    with socket.create_server(("127.0.0.1", 0)) as foreign:
        port = foreign.getsockname()[1]
        address = await manager.open(site.forward(), local_port=port)
        assert address != f"127.0.0.1:{port}"
        assert await carries(address)


async def test_a_changed_host_key_fails_closed(site: Site) -> None:
    """Hostile input 61, fault 14."""
    site.sshd.kill()
    make_key(site.sshd.host_key)
    site.sshd.start()
    await _fails(site, Trouble.KEY_CHANGED, "has changed")


async def test_an_unknown_host_fails_closed(site: Site) -> None:
    site.sshd.known_hosts.write_text("")
    await _fails(site, Trouble.KEY_UNKNOWN, "not on record")


async def test_a_key_that_the_site_does_not_know_is_told(site: Site) -> None:
    make_key(site.sshd.user_key)
    await _fails(site, Trouble.DENIED, "permission denied")


async def test_a_login_node_that_is_down_is_told(site: Site) -> None:
    site.sshd.kill()
    await _fails(site, Trouble.REFUSED, "refused the connection")


async def test_a_name_that_does_not_resolve_is_told(site: Site) -> None:
    await _fails(site, Trouble.UNRESOLVED, "can't be resolved", host="login.invalid", connect_timeout=20)


async def test_a_silent_login_node_is_told_within_the_timeout(site: Site) -> None:
    """Hostile input 60."""
    site.sshd.freeze()
    began = time.monotonic()
    await _fails(site, Trouble.TIMED_OUT, "did not answer in time", connect_timeout=1)
    assert time.monotonic() - began < 5


async def _fails(site: Site, trouble: Trouble, words: str, **changes: object) -> None:
    """Opening fails with this trouble, these words stand in the system's state, and nothing is left behind."""
    manager = await site.manager(**changes)
    forward = site.forward()
    with pytest.raises(LoginNodeError, match=words) as failure:
        await manager.open(forward)
    assert failure.value.trouble is trouble
    state = manager.systems_state()["site"]
    assert (state.health, state.message) == (Health.DOWN, str(failure.value))
    assert manager.reachability(forward.id) is Reachability.UNKNOWN
    assert not masters(site.directory)


async def test_a_killed_login_node_heals_on_the_same_address(site: Site) -> None:
    """Fault 12."""
    manager = await site.manager()
    forwards = [site.forward(), *(site.forward(port=port) for port in range(2000, 2004))]
    addresses = {forward.id: await manager.open(forward) for forward in forwards}
    site.sshd.kill()
    await until(lambda: len(site.told(Reachability.DOWN)) == 5, limit=2)
    assert not listens(addresses[forwards[0].id])
    assert manager.systems_state()["site"].health is Health.DOWN
    site.sshd.start()
    await until(lambda: len(site.told(Reachability.UP)) == 5, limit=HEALS_WITHIN)
    assert dict(site.told(Reachability.UP)) == addresses
    assert await carries(addresses[forwards[0].id])


async def test_a_port_that_was_taken_during_an_outage_is_replaced(site: Site) -> None:
    """Hostile input 62, fault 16."""
    manager = await site.manager()
    forward = site.forward()
    address = await manager.open(forward)
    site.sshd.kill()
    await until(lambda: site.told(Reachability.DOWN), limit=2)
    with socket.create_server(("127.0.0.1", int(address.rpartition(":")[2]))):
        site.sshd.start()
        ((lab, moved),) = await until(lambda: site.told(Reachability.UP), limit=HEALS_WITHIN)
        assert lab == forward.id
        assert moved not in (None, address)
        assert manager.address(lab) == moved
        assert await carries(str(moved))


async def test_a_silent_hang_is_noticed(site: Site) -> None:
    """Fault 13: three probes, one second apart, where the operator's setting is ten."""
    manager = await site.manager(connect_timeout=1)
    forward = site.forward()
    address = await manager.open(forward)
    site.sshd.freeze()
    await until(lambda: site.told(Reachability.DOWN), limit=6)
    assert "did not answer in time" in manager.systems_state()["site"].message
    site.sshd.thaw()
    await until(lambda: site.told(Reachability.UP) == [(forward.id, address)], limit=HEALS_WITHIN)
    assert await carries(address)


async def test_restored_forwards_come_back_when_the_login_node_does(site: Site) -> None:
    """A backend that starts while a login node is away starts nevertheless."""
    first = await site.manager()
    forward = site.forward()
    address = await first.open(forward)
    await first.close(keep=False)
    site.sshd.kill()
    second = await site.manager()
    await second.restore([(forward, int(address.rpartition(":")[2]))])
    await until(lambda: site.told(Reachability.DOWN) == [(forward.id, address)])
    site.sshd.start()
    await until(lambda: site.told(Reachability.UP) == [(forward.id, address)], limit=HEALS_WITHIN)
    assert await carries(address)


async def test_a_recorded_target_that_is_no_longer_allowed_is_not_restored(site: Site) -> None:
    manager = await site.manager(node_pattern="other[0-9]+")
    forward = site.forward()
    await manager.restore([(forward, None)])
    await until(lambda: site.told(Reachability.DOWN) == [(forward.id, None)])
    assert manager.reachability(forward.id) is Reachability.UNKNOWN


async def test_a_killed_manager_is_succeeded_on_the_same_address(site: Site) -> None:
    """Fault 15: with `openssh` the bytes never stop, with `sshtunnel` they are back at once."""
    forward = site.forward()
    process, address = await asyncio.to_thread(start_holder, site.directory, site.sshd.login_node(driver=site.driver), forward)
    try:
        assert await carries(address)
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
    before = masters(site.directory)
    assert await carries(address) is (site.driver == "openssh")
    manager = await site.manager()
    await manager.restore([(forward, int(address.rpartition(":")[2]))])
    await until(lambda: site.told(Reachability.UP) == [(forward.id, address)], limit=HEALS_WITHIN)
    assert await carries(address)
    assert masters(site.directory) == before
    assert manager.reachability(forward.id) is Reachability.UP
    await manager.drop(forward.id)
    assert not listens(address)


async def test_close_leaves_nothing(site: Site) -> None:
    manager = await site.manager()
    address = await manager.open(site.forward())
    await manager.close(keep=False)
    assert not listens(address)
    await until(lambda: not masters(site.directory), limit=2)
    assert not site.directory.exists()


async def test_a_caller_who_gives_up_leaves_no_listener(site: Site) -> None:
    manager = await site.manager()
    await manager.warm("site")
    before = _listening()
    for pause in (0.0, 0.0002, 0.001):
        opening = asyncio.create_task(manager.open(forward := site.forward()))
        await asyncio.sleep(pause)
        opening.cancel()
        with contextlib.suppress(asyncio.CancelledError, TunnelError):
            await opening
            await manager.drop(forward.id)
    await until(lambda: _listening() == before, limit=3)


def _listening() -> set[tuple[str, int]]:
    return {
        found.laddr for found in psutil.net_connections("tcp4") if found.status == psutil.CONN_LISTEN and 16384 <= found.laddr.port < 32768
    }
