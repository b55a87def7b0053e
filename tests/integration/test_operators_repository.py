"""The operator commits a list of tenants in her own repository: portals come and go as with a saved file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.git_servers import git_over_http, serving
from tests.support.installation import Up, portico, serve
from tests.support.labs import wait_for
from tests.support.operators import Operator
from tests.support.visitor import landing


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    return Operator(tmp_path)


@pytest.fixture
def running(operator: Operator) -> Iterator[Up]:
    operator.configure(operator.entry("own"))
    with serve(operator.file, operator.state, operator.port) as up:
        yield up


def tenants(up: Up) -> list[str]:
    return [tenant["name"] for tenant in up.status()["tenants"]]


def in_force(up: Up) -> str | None:
    commit = up.status()["tenant_list"]["commit"]
    return None if commit is None else str(commit)


def test_a_commit_brings_a_portal_up_and_a_bad_one_changes_nothing(operator: Operator, running: Up) -> None:
    own = running.tenant("own")["pid"]
    assert tenants(running) == ["own"]
    assert in_force(running) is None

    first = operator.push(operator.entry("fenix"))
    wait_for(lambda: "CoEC" in landing(running.address("fenix")))
    assert (tenants(running), in_force(running), running.tenant("own")["pid"]) == (["own", "fenix"], first, own)

    # A list that can't be used is said with file, line and cure, and changes nothing.
    fenix = running.tenant("fenix")["pid"]
    bad = operator.push_text('[[tenants]]\nname = "fenix"\nhots = "fenix.localhost"\n')
    error = wait_for(lambda: running.status()["tenant_list"]["error"])
    where = f"tenants.toml of {operator.list.path}, branch main at {bad[:12]}"
    assert f"{where}:3: tenants.0.hots: there is no such setting; remove it or look up its name in the reference." in error.splitlines()
    assert (tenants(running), in_force(running), running.tenant("fenix")["pid"]) == (["own", "fenix"], first, fenix)
    said = portico("status", "--state", str(running.state)).stdout
    assert f"commit {first[:12]} is in force.\nNothing newer is, since: {where}" in said

    # A saved file is taken all the same, with the list that was taken last.
    operator.configure(operator.entry("own", lab_limit=2))
    wait_for(lambda: running.tenant("own")["pid"] not in (own, None))
    assert tenants(running) == ["own", "fenix"]

    # A secret that comes later is waited for.
    entry = operator.entry("late")
    secret = Path(entry["crypt_key_file"])
    secret.unlink()
    operator.push(operator.entry("fenix"), entry)
    missing = f"late's crypt_key_file: there is no file {secret}; make it, with the secret in it."
    wait_for(lambda: missing in str(running.status()["tenant_list"]["error"]))
    operator.entry("late")
    wait_for(lambda: "CoEC" in landing(running.address("late")))

    # They go as they came.
    last = operator.push()
    wait_for(lambda: tenants(running) == ["own"])
    wait_for(lambda: not landing(running.address("fenix")))
    assert (in_force(running), running.status()["tenant_list"]["error"]) == (last, None)


def test_it_starts_with_the_list_that_was_taken_last_while_the_repository_is_out_of_reach(tmp_path: Path) -> None:
    with serving(git_over_http(tmp_path)) as address:
        operator = Operator(tmp_path, repository=f"{address}/bundle.git")
        commit = operator.push(operator.entry("fenix"))
        operator.configure()
        with serve(operator.file, operator.state, operator.port) as up:
            wait_for(lambda: "CoEC" in landing(up.address("fenix")))
    operator.push_text("tenants = 1")  # nobody can fetch this any more
    with serve(operator.file, operator.state, operator.port) as up:
        assert "CoEC" in landing(up.address("fenix"))
        assert in_force(up) == commit
        assert wait_for(lambda: up.status()["tenant_list"]["error"])
