"""How ssh is called, what its complaints mean, and where its files lie."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from portico.settings.models import LoginNode
from portico.tunnels.driver import Listener
from portico.tunnels.errors import Trouble, sentence
from portico.tunnels.ports import Ports
from portico.tunnels.runs import Run, prepare, socket_directory, tidy
from portico.tunnels.ssh_command import ENVIRONMENT, master_command, trouble


def login_node(**changes: Any) -> LoginNode:
    values = {"host": "login.site.example", "port": 2222, "user": "portico", "key_file": "/keys/site", "known_hosts_file": "/keys/known"}
    return LoginNode(**{**values, **changes})


def command(**changes: Any) -> list[str]:
    return master_command(login_node(**changes), control_path=Path("/run/c.ctl"), log=Path("/run/c.log"))


def test_the_host_comes_last_after_the_end_of_options() -> None:
    assert command()[-2:] == ["--", "login.site.example"]


@pytest.mark.parametrize(
    "option",
    [
        "BatchMode=yes",
        "StrictHostKeyChecking=yes",
        'UserKnownHostsFile="/keys/known"',
        "GlobalKnownHostsFile=none",
        "IdentitiesOnly=yes",
        "IdentityAgent=none",
        "PreferredAuthentications=publickey",
        "GatewayPorts=no",
        "ExitOnForwardFailure=yes",
        "ProxyCommand=none",
        "PermitLocalCommand=no",
        "ForwardAgent=no",
        "ServerAliveInterval=10",
        "ServerAliveCountMax=3",
        "ConnectTimeout=10",
    ],
)
def test_what_protects_is_fixed(option: str) -> None:
    argv = command()
    assert argv[argv.index(option) - 1] == "-o"
    assert sum(argument.startswith(option.partition("=")[0] + "=") for argument in argv) == 1


def test_no_configuration_file_is_read() -> None:
    assert command()[:3] == ["ssh", "-F", "none"]


def test_a_master_gets_none_of_this_process_environment() -> None:
    assert set(ENVIRONMENT) == {"PATH", "LC_ALL"}


def test_paths_reach_ssh_unexpanded() -> None:
    assert "/keys/100%%h/site" in command(key_file="/keys/100%h/site")
    assert 'UserKnownHostsFile="/keys of site/known"' in command(known_hosts_file="/keys of site/known")


@pytest.mark.parametrize("path", ['/keys/"x', "/keys/${HOME}", "/keys/a\nb", "/keys/a\\b"])
def test_paths_that_ssh_would_expand_are_refused(path: str) -> None:
    with pytest.raises(ValueError, match="can't be given to ssh"):
        command(key_file=path)


@pytest.mark.parametrize(
    ("complaints", "expected"),
    [
        ("@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.", Trouble.KEY_CHANGED),
        ("No ED25519 host key is known for [127.0.0.1]:22 and you have requested strict checking.", Trouble.KEY_UNKNOWN),
        ("u@login: Permission denied (publickey).", Trouble.DENIED),
        ("@ WARNING: UNPROTECTED PRIVATE KEY FILE! @\nu@login: Permission denied (publickey).", Trouble.KEY_UNUSABLE),
        ('Load key "/k": error in libcrypto\nu@login: Permission denied (publickey).', Trouble.KEY_UNUSABLE),
        ("ssh: Could not resolve hostname login.invalid: Name or service not known", Trouble.UNRESOLVED),
        ("ssh: connect to host login port 22: Connection refused", Trouble.REFUSED),
        ("ssh: connect to host login port 22: Connection timed out", Trouble.TIMED_OUT),
        ("Connection timed out during banner exchange", Trouble.TIMED_OUT),
        ("clientloop.c:server_alive_check():664 (pid=1): Timeout, server login not responding.", Trouble.TIMED_OUT),
        ("ssh: connect to host login port 22: No route to host", Trouble.UNREACHABLE),
        ("kex_exchange_identification: Connection closed by remote host", Trouble.CLOSED),
        ("something new", Trouble.OTHER),
        ("", Trouble.OTHER),
    ],
)
def test_complaints_become_sentences(complaints: str, expected: Trouble) -> None:
    assert trouble(complaints) is expected
    assert "login.site.example:2222" in sentence(expected, login_node()) or expected is Trouble.NO_CLIENT


def test_the_directory_of_sockets_is_its_owners_alone(tmp_path: Path) -> None:
    directory = tmp_path / "tunnels"
    directory.mkdir(mode=0o755)
    prepare(directory)
    assert directory.stat().st_mode & 0o777 == 0o700
    assert socket_directory(Path("/srv/portico/tunnels")) == Path("/srv/portico/tunnels")


def test_a_directory_that_is_too_deep_has_one_stand_in(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)
    directory = socket_directory(deep)
    assert directory == socket_directory(deep)
    assert directory != socket_directory(tmp_path / ("e" * 100))
    assert not directory.exists()
    run = Run.begin(directory, "site", "login")
    assert len(os.fsencode(run.control_path)) + 17 < 104
    tidy(directory)
    assert directory.exists()
    run.forget()
    tidy(directory)
    assert not directory.exists()


def test_a_stand_in_that_somebody_else_has_made_is_refused(tmp_path: Path) -> None:
    directory = socket_directory(tmp_path / ("f" * 100))
    directory.symlink_to(tmp_path)
    try:
        with pytest.raises(PermissionError, match="directory of the user"):
            Run.begin(directory, "site", "login")
    finally:
        directory.unlink()


def test_a_ledger_knows_the_listeners_that_stand(tmp_path: Path) -> None:
    one, two = (Listener(local_port=port, node="node01", port=8888) for port in (20001, 20002))
    run = Run.begin(tmp_path, "site", "settings")
    run.opened(one)
    run.opened(two)
    run.closed(one)
    with run.ledger.open("a") as file:
        file.write("+ 20003 node0")  # a write that was cut short
    assert run.read() == ("settings", frozenset({two}))
    assert list(Run.of(tmp_path, "site")) == [run]
    assert list(Run.of(tmp_path, "other")) == []
    run.forget()
    run.opened(one)
    assert list(tmp_path.iterdir()) == []


def test_a_promised_port_is_nobody_elses() -> None:
    ports = Ports(lowest=20000, highest=20001)
    ports.promise(20000)
    assert set(ports.candidates(None)) == {20001}
    assert next(iter(ports.candidates(20000))) == 20000
    ports.release(20000)
    assert set(ports.candidates(None)) == {20000, 20001}
