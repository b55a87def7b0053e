"""What the demo's site does beyond the contract: it survives its own restarts, leaves nothing behind, and takes the demo's tokens."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from pyunicore.client import Client, Job, JobStatus, Transport
from pyunicore.credentials import AuthenticationFailedException, OIDCToken, UsernamePassword

from tests.integration.demo.conftest import leaves, start
from tests.support.demo import (
    ALICE,
    RunningDemo,
    RunningSite,
    alive,
    eventually,
    running_demo,
    running_site,
)

SLEEPER = "(setsid sleep 71 & echo $! > child; mv child pid.child); echo $$ > pid.new; mv pid.new pid; sleep 72"


@pytest.fixture
def own_site(tmp_path: Path) -> Iterator[RunningSite]:
    """A site that a test may kill."""
    with running_site(tmp_path / "state") as running:
        yield running


@pytest.fixture
def impatient_site(tmp_path: Path) -> Iterator[RunningSite]:
    """A site whose nodes wait for a second when it was killed."""
    with running_site(tmp_path / "state", patience=1) as running:
        yield running


def processes_of(site: RunningSite) -> list[psutil.Process]:
    """Everything that belongs to it, by the state directory in its environment, its arguments or its directory."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                about = [*process.cmdline(), process.cwd(), *process.environ().values()]
                if any(str(site.directory) in part for part in about):
                    found.append(process)
    return found


def sockets_of(site: RunningSite) -> list[Path]:
    """Those of its nodes; a node removes its own when it ends."""
    return list((site.plan.directory / "nodes").glob("*.sock"))


def sleeper(site: RunningSite, **description: object) -> tuple[Job, list[int]]:
    job = start(site, SLEEPER, **description)
    return job, [int(leaves(job, "pid")), int(leaves(job, "pid.child"))]


def test_a_killed_server_comes_back_to_its_running_jobs(own_site: RunningSite) -> None:
    job, pids = sleeper(own_site)

    own_site.process.kill()
    own_site.process.start()

    assert job.status == JobStatus.RUNNING
    assert all(alive(pid) for pid in pids)
    assert job.working_dir.stat("pid").read().decode().strip() == str(pids[0])
    job.abort()
    eventually(lambda: job.status == JobStatus.FAILED)
    assert job.properties["statusMessage"] == "Job aborted."
    assert not any(alive(pid) for pid in pids)


def test_a_job_that_ended_while_the_server_was_away_is_known_by_its_outcome(own_site: RunningSite) -> None:
    job = start(own_site, "while [ ! -e go ]; do sleep 0.02; done; exit 5")
    eventually(lambda: job.status == JobStatus.RUNNING)
    directory = Path(job.working_dir.properties["mountPoint"])

    own_site.process.kill()
    (directory / "go").touch()
    own_site.process.start()

    eventually(lambda: job.status == JobStatus.FAILED)
    assert job.exit_code == 5


def test_queued_and_finished_jobs_survive_a_restart_of_the_server(own_site: RunningSite) -> None:
    own_site.hold("batch").touch()
    finished, waiting = start(own_site, "true", Resources={"Queue": "devel"}), start(own_site, "echo run > out")
    eventually(lambda: finished.status == JobStatus.SUCCESSFUL)
    eventually(lambda: waiting.status == JobStatus.QUEUED)

    own_site.process.kill()
    own_site.process.start()

    assert finished.status == JobStatus.SUCCESSFUL
    assert waiting.status == JobStatus.QUEUED
    own_site.hold("batch").unlink()
    eventually(lambda: waiting.status == JobStatus.SUCCESSFUL)
    assert leaves(waiting, "out") == "run\n"


def test_sigterm_ends_all_jobs_and_nodes(own_site: RunningSite) -> None:
    _, pids = sleeper(own_site)

    own_site.process.stop()

    assert not any(alive(pid) for pid in pids)
    assert not processes_of(own_site)
    assert not sockets_of(own_site)
    own_site.process.start()
    (job,) = Client(UsernamePassword(*ALICE), own_site.url).get_jobs()
    assert job.status == JobStatus.FAILED


def test_nodes_whose_server_does_not_come_back_end_themselves(impatient_site: RunningSite) -> None:
    _, pids = sleeper(impatient_site)

    impatient_site.process.kill()

    eventually(lambda: not any(alive(pid) for pid in pids), limit=15)
    eventually(lambda: not processes_of(impatient_site), limit=15)
    eventually(lambda: not sockets_of(impatient_site), limit=15)


def test_a_killed_node_fails_its_jobs_and_comes_back_for_the_next(own_site: RunningSite) -> None:
    job, pids = sleeper(own_site)
    node = next(process for process in psutil.Process(pids[0]).parents() if listens_at(process, "node01.sock"))

    node.kill()

    eventually(lambda: job.status == JobStatus.FAILED)
    assert "node went down" in job.properties["statusMessage"]
    eventually(lambda: not any(alive(pid) for pid in pids))
    again = start(own_site, "echo again > out")
    assert leaves(again, "out") == "again\n"


def listens_at(process: psutil.Process, name: str) -> bool:
    """By the socket's own name alone: a path that is too long for a socket's address is bound by way of /proc."""
    return any(Path(str(connection.laddr)).name == name for connection in process.net_connections("unix"))


def test_waiting_in_the_queue_takes_as_long_as_told(tmp_path: Path) -> None:
    with running_site(tmp_path / "state") as site:
        content = json.loads(site.plan.config_file("site").read_text())
        content["sites"][0]["partitions"][0]["queue_delay"] = 600
        site.process.stop()
        site.plan.config_file("site").write_text(json.dumps(content))
        site.process.start()

        job, quick = start(site, "true"), start(site, "true", Resources={"Queue": "devel"})

        eventually(lambda: quick.status == JobStatus.SUCCESSFUL)
        assert job.status == JobStatus.QUEUED
        job.abort()
        eventually(lambda: job.status == JobStatus.FAILED)


def test_nothing_secret_stays_in_the_record_of_a_job(own_site: RunningSite) -> None:
    job = start(own_site, "sleep 60", Environment={"SECRET": "s3cr3t-value"})
    eventually(lambda: job.status == JobStatus.RUNNING)

    files = [file for file in own_site.directory.rglob("*") if file.is_file()]
    assert not [file for file in files if b"s3cr3t-value" in file.read_bytes()]
    assert "s3cr3t-value" not in own_site.process.log
    listing = subprocess.run(["ps", "-A", "-o", "args="], capture_output=True, text=True, check=True).stdout
    assert "s3cr3t-value" not in listing


# -- with the demo's identity provider -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    with running_demo(tmp_path_factory.mktemp("demo")) as running:
        yield running


def client(demo: RunningDemo, user: str, site: str, *, preferences: str | None = None) -> Client:
    transport = Transport(OIDCToken(demo.idp.access_token(user)))
    if preferences:
        transport.preferences = preferences
    return Client(transport, demo.site.urls[site], cache_time=0)


@pytest.mark.parametrize(
    ("user", "site", "partition", "runs"),
    [
        ("qubit", "BOREALIS", "emulator", True),
        ("qubit", "BOREALIS", "annealer", True),
        ("qubit", "AURORA", "batch", True),
        ("qubit", "AURORA", "gpus", False),
        ("flame", "AURORA", "gpus", True),
        ("teach", "AURORA", "devel", True),
        ("teach", "AURORA", "gpus", False),
        ("roam", "BOREALIS", "annealer", True),
    ],
)
def test_a_user_may_compute_where_the_claim_says(demo: RunningDemo, user: str, site: str, partition: str, runs: bool) -> None:
    job = client(demo, user, site).new_job({"Executable": "true", "Resources": {"Queue": partition}})
    job.cache_time = 0

    eventually(lambda: not job.is_running())
    assert (job.status == JobStatus.SUCCESSFUL) is runs
    assert runs or "Invalid account" in job.properties["statusMessage"]


@pytest.mark.parametrize(("user", "site"), [("guest", "AURORA"), ("guest", "BOREALIS"), ("flame", "BOREALIS"), ("teach", "BOREALIS")])
def test_a_user_without_an_account_at_a_site_is_nobody_there(demo: RunningDemo, user: str, site: str) -> None:
    with pytest.raises(AuthenticationFailedException):
        client(demo, user, site)


def test_the_project_is_picked_by_preference(demo: RunningDemo) -> None:
    info = client(demo, "roam", "AURORA", preferences="uid:roam1,group:combust").access_info()

    assert (info["authenticationMethod"], info["xlogin"]["UID"], info["xlogin"]["group"]) == ("OAUTH", "roam1", "combust")
    with pytest.raises(httpx.HTTPError, match="403"):
        client(demo, "qubit", "AURORA", preferences="uid:qubit1,group:combust")


def test_a_token_of_the_sites_own_is_as_good_at_that_site(demo: RunningDemo) -> None:
    token = client(demo, "qubit", "AURORA").issue_auth_token()

    again = Client(OIDCToken(token), demo.site.urls["AURORA"])
    assert again.access_info()["authenticationMethod"] == "ETD"
    assert again.access_info()["xlogin"]["UID"] == "qubit1"
