"""A job's port is reached through the login node and in no other way."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import asyncssh
import psutil
import pytest
from portico.demo.nodes.egress import read_ports, write_ports
from pyunicore.client import Job, JobStatus

from tests.integration.demo.conftest import Outside, leaves, python, start
from tests.support.demo import RunningLoginNode, RunningSite, eventually

REACH = """
import json, os, socket, sys
found = {}
for port in sys.argv[1:]:
    try:
        with socket.create_connection(("127.0.0.1", int(port)), timeout=5) as connection:
            found[port] = connection.recv(99).decode()
    except OSError as error:
        found[port] = "refused"
open("found.new", "w").write(json.dumps(found))
os.rename("found.new", "found")
"""


def addresses_of_this_machine() -> set[str]:
    """Everything that a connection from here may be tried at."""
    own = {
        entry.address
        for entries in psutil.net_if_addrs().values()
        for entry in entries
        if entry.family in (socket.AF_INET, socket.AF_INET6)
    }
    return own | {"127.0.0.1", "127.0.1.1", "localhost", "::1", "0.0.0.0"}


def answers(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), timeout=2) as connection:
            return connection.recv(99) == b"the job"
    except OSError:
        return False


def test_the_port_of_a_job_refuses_whoever_comes_without_the_tunnel(listener: tuple[Job, str, int]) -> None:
    _, node, port = listener

    assert not [address for address in (*addresses_of_this_machine(), node) if answers(address, port)]


async def test_the_port_of_a_job_answers_through_the_login_node(listener: tuple[Job, str, int], login_node: RunningLoginNode) -> None:
    _, node, port = listener

    async with connected(login_node) as ssh:
        reader, writer = await ssh.open_connection(node, port)
        assert await reader.read() == b"the job"
        writer.close()


def connected(login_node: RunningLoginNode) -> asyncssh.SSHClientConnection:
    return asyncssh.connect(
        login_node.host,
        login_node.port,
        username=login_node.user,
        client_keys=[str(login_node.key_file)],
        known_hosts=str(login_node.known_hosts_file),
        config=None,
    )


def test_the_name_of_a_node_exists_at_the_login_node_only(listener: tuple[Job, str, int]) -> None:
    _, node, _ = listener

    with pytest.raises(OSError, match=r"Name or service not known|No address associated|failure"):
        socket.getaddrinfo(node, 80)


def test_a_job_reaches_the_ports_that_it_may(site: RunningSite, outside: Outside, tmp_path: Path) -> None:
    job = start(site, f"{python(REACH, tmp_path)} {outside.port} {outside.other}")

    found = json.loads(leaves(job, "found"))
    assert found[str(outside.port)] == "the host"
    assert found[str(outside.other)] in ("", "refused")


def test_a_port_that_is_allowed_later_is_reached_by_the_next_job(site: RunningSite, outside: Outside, tmp_path: Path) -> None:
    before = read_ports(site.plan.egress_file)
    later = socket.create_server(("127.0.0.1", 0))
    later.settimeout(30)
    try:
        port = later.getsockname()[1]
        write_ports(site.plan.egress_file, {*before, port})
        job = start(site, f"{python(REACH, tmp_path)} {port}")
        connection, _ = later.accept()
        connection.sendall(b"the new one")
        connection.close()
        assert json.loads(leaves(job, "found")) == {str(port): "the new one"}
    finally:
        write_ports(site.plan.egress_file, before)
        later.close()


def test_a_job_on_an_isolated_node_reaches_nothing_else(site: RunningSite, login_node: RunningLoginNode, tmp_path: Path) -> None:
    if "no network of their own" in site.process.log:
        pytest.skip("nodes share the host's network here")
    job = start(site, f"{python(REACH, tmp_path)} {login_node.port} {site.plan.site_port}")

    assert json.loads(leaves(job, "found")) == {str(login_node.port): "refused", str(site.plan.site_port): "refused"}


def test_a_job_knows_its_batch_system_and_not_the_server(site: RunningSite, monkeypatch: pytest.MonkeyPatch) -> None:
    job = start(site, "env > env.new; mv env.new environment", Resources={"Queue": "gpus", "Nodes": 2, "GPUsPerNode": 1})

    environment = dict(line.split("=", 1) for line in leaves(job, "environment").splitlines())
    nodes = environment["SLURM_JOB_NODELIST"].split(",")
    assert environment["SLURMD_NODENAME"] == nodes[0]
    assert len(nodes) == int(environment["SLURM_JOB_NUM_NODES"]) == 2
    assert (environment["USER"], environment["SLURM_JOB_PARTITION"], environment["SLURM_JOB_ACCOUNT"]) == ("alice1", "gpus", "qsim")
    assert not {name for name in environment if name.startswith(("PYTEST", "JUPYTERHUB", "PORTICO")) and name != "PORTICO_BIND"}


def test_the_host_name_of_an_isolated_node_is_its_own(site: RunningSite) -> None:
    if "no network of their own" in site.process.log:
        pytest.skip("nodes share the host's name here")
    job = start(site, "uname -n")

    eventually(lambda: job.status == JobStatus.SUCCESSFUL)
    assert job.working_dir.stat("stdout").read().decode().strip() == job.bss_details()["nodes"][0]


def test_users_of_a_node_share_it_as_jobs_of_a_cluster_do(site: RunningSite, tmp_path: Path) -> None:
    first, second = (
        start(site, "echo $SLURMD_NODENAME > node.new; mv node.new node; sleep 60", Resources={"Queue": "devel"}) for _ in "12"
    )

    assert {leaves(first, "node"), leaves(second, "node")} <= {"node01\n", "node02\n"}
    first.abort()
    eventually(lambda: first.status == JobStatus.FAILED)
    assert second.status == JobStatus.RUNNING
    second.abort()
