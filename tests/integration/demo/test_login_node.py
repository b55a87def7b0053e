"""The login node forwards to its nodes, for who has the key, and does nothing else."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import asyncssh
import pytest
from pyunicore.client import Job

from tests.integration.demo.test_nodes import connected
from tests.support.demo import RunningLoginNode, eventually


@pytest.fixture
async def ssh(login_node: RunningLoginNode) -> AsyncIterator[asyncssh.SSHClientConnection]:
    async with connected(login_node) as connection:
        yield connection


@pytest.mark.parametrize("host", ["node99", "127.0.0.1", "localhost", "example.org", "node01.evil", "", "../node01"])
async def test_a_node_that_does_not_exist_is_refused(ssh: asyncssh.SSHClientConnection, host: str) -> None:
    with pytest.raises(asyncssh.ChannelOpenError) as refused:
        await ssh.open_connection(host, 80)

    assert refused.value.code == asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED


async def test_a_port_where_nobody_listens_is_refused(ssh: asyncssh.SSHClientConnection, listener: tuple[Job, str, int]) -> None:
    _, node, _ = listener

    with pytest.raises(asyncssh.ChannelOpenError) as refused:
        await ssh.open_connection(node, 1)

    assert refused.value.code == asyncssh.OPEN_CONNECT_FAILED


async def test_a_node_that_is_down_is_refused(ssh: asyncssh.SSHClientConnection) -> None:
    with pytest.raises(asyncssh.ChannelOpenError) as refused:
        await ssh.open_connection("node13", 80)

    assert refused.value.code == asyncssh.OPEN_CONNECT_FAILED


@pytest.mark.parametrize(
    "asked",
    [
        lambda ssh: ssh.create_process(),
        lambda ssh: ssh.run("id"),
        lambda ssh: ssh.start_sftp_client(),
        lambda ssh: ssh.forward_remote_port("127.0.0.1", 0, "127.0.0.1", 80),
        lambda ssh: ssh.forward_remote_path("/tmp/portico-test.sock", "/tmp/nowhere.sock"),
        lambda ssh: ssh.open_unix_connection("/tmp/nowhere.sock"),
    ],
    ids=["shell", "command", "sftp", "reverse forward", "reverse forward of a path", "path"],
)
async def test_there_is_no_shell_no_command_and_no_way_back(
    ssh: asyncssh.SSHClientConnection, asked: Callable[[asyncssh.SSHClientConnection], Awaitable[object]]
) -> None:
    with pytest.raises((asyncssh.ChannelOpenError, asyncssh.ChannelListenError)):
        await asked(ssh)


@pytest.mark.parametrize(("user", "own_key"), [("tunnel", False), ("root", True)], ids=["wrong key", "wrong user"])
async def test_a_stranger_is_refused(login_node: RunningLoginNode, tmp_path: Path, user: str, own_key: bool) -> None:
    key = login_node.key_file if own_key else tmp_path / "key"
    if not own_key:
        asyncssh.generate_private_key("ssh-ed25519").write_private_key(key)

    with pytest.raises(asyncssh.PermissionDenied):
        await asyncssh.connect(
            login_node.host,
            login_node.port,
            username=user,
            client_keys=[str(key)],
            known_hosts=str(login_node.known_hosts_file),
            config=None,
        )


async def test_a_password_is_not_even_asked_for(login_node: RunningLoginNode) -> None:
    with pytest.raises(asyncssh.PermissionDenied):
        await asyncssh.connect(
            login_node.host,
            login_node.port,
            username="tunnel",
            password="tunnel",
            client_keys=None,
            known_hosts=str(login_node.known_hosts_file),
            config=None,
        )


async def test_it_comes_back_on_its_port_with_its_host_key(login_node: RunningLoginNode, listener: tuple[Job, str, int]) -> None:
    _, node, port = listener

    login_node.process.kill()
    began = time.monotonic()
    login_node.process.start()

    assert time.monotonic() - began < 5
    async with connected(login_node) as connection:
        reader, _ = await connection.open_connection(node, port)
        assert await reader.read() == b"the job"


async def test_many_connections_at_once_get_through_whole(login_node: RunningLoginNode, listener: tuple[Job, str, int]) -> None:
    _, node, port = listener

    async with connected(login_node) as connection:
        for _ in range(50):
            reader, writer = await connection.open_connection(node, port)
            assert await reader.read() == b"the job"
            writer.close()


@pytest.mark.skipif(shutil.which("ssh") is None, reason="needs OpenSSH's client")
def test_openssh_forwards_through_it(login_node: RunningLoginNode, listener: tuple[Job, str, int]) -> None:
    _, node, port = listener
    options = [
        "-F",
        "none",
        "-o",
        "BatchMode=yes",
        "-o",
        f"UserKnownHostsFile={login_node.known_hosts_file}",
        "-o",
        "StrictHostKeyChecking=yes",
    ]
    command = ["ssh", *options, "-i", str(login_node.key_file), "-p", str(login_node.port), "-W", f"{node}:{port}", "tunnel@127.0.0.1"]

    done = eventually(lambda: subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=20, check=False))

    assert done.stdout == b"the job", done.stderr
