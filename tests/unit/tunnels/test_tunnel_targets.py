"""What may be forwarded to, and by which settings: hostile inputs 53 to 58."""

from __future__ import annotations

from typing import Any

import pytest
from portico.settings.models import LoginNode
from portico.tunnels import Forward, Published, TargetError, check_target
from pydantic import ValidationError

LAB = "0123456789abcdef" * 2
ANY_NAME = r".*"


def login_node(**changes: Any) -> LoginNode:
    values = {"host": "login01.site.example", "user": "portico", "key_file": "/key", "known_hosts_file": "/known"}
    return LoginNode(**{**values, **changes})


def refused(node: Any = "node01", port: Any = 8888, lab: Any = LAB, **changes: Any) -> str | None:
    """Why a target is refused, or None."""
    try:
        check_target(Forward(id=lab, system="site", node=node, port=port), login_node(**changes))
    except TargetError as error:
        return str(error)
    return None


@pytest.mark.parametrize("node", ["node01", "jrc0437", "node01.cluster"])
def test_nodes_of_the_system_are_forwarded_to(node: str) -> None:
    assert refused(node) is None


@pytest.mark.parametrize("port", [1024, 8888, 65535])
def test_unprivileged_ports_are_forwarded_to(port: int) -> None:
    assert refused(port=port) is None


@pytest.mark.parametrize(
    "node",
    [
        *("-oProxyCommand=touch /tmp/x", "-node01", "--"),  # 53: an option in a host's place
        *("node01 node02", "node01:22", "node01\n", "node01\0", "/run/x.sock", "node01/x", "no de", "", "node01,node02", "[::1]"),  # 55
        *("NODE01", "nöde01", "node01.", ".node01", "n" * 300, "node$x01", "`id`", "node01;id", "%h", "*"),
        *(None, 1, b"node01", ["node01"]),
    ],
    ids=repr,
)
def test_what_is_no_host_name_is_refused(node: object) -> None:
    assert refused(node, node_pattern=ANY_NAME)


@pytest.mark.parametrize(
    "node",
    [
        *("127.0.0.1", "127.1", "127.0.0.53", "0.0.0.0", "0", "2130706433", "0x7f000001", "0x7f.1", "017700000001", "0177.0.0.1"),
        *("169.254.169.254", "169.254.1.1", "10.0.0.1", "192.168.1.1", "1.2.3.4.5", "node.1", "node.0x10"),
        *("localhost", "localhost.localdomain", "a.localhost", "localhost4", "ip6-localhost", "ip6-loopback", "localhost.site.example"),
        *("metadata.google.internal", "metadata"),
        *("login01.site.example", "login01", "login01.site"),
    ],
)
def test_addresses_loopback_metadata_and_the_login_node_are_refused_whatever_the_pattern(node: str) -> None:
    """57."""
    assert refused(node, node_pattern=ANY_NAME)


def test_a_login_node_that_is_configured_by_its_address_is_refused_by_it() -> None:
    assert refused("192.0.2.1", host="192.0.2.1", node_pattern=ANY_NAME)
    assert refused("node01", host="192.0.2.1") is None


@pytest.mark.parametrize("node", ["node01x", "xnode01.", "node", "01", "node01.other_site", "gateway.internal"])
def test_the_pattern_of_nodes_holds_for_the_whole_name(node: str) -> None:
    assert refused(node)
    assert refused("node01x", node_pattern="node01")
    assert refused("xnode01", node_pattern="node01")


@pytest.mark.parametrize("port", [0, -1, 22, 1023, 65536, 70000, True, "8888", 8888.0, None, "8888:x"], ids=repr)
def test_other_ports_are_refused(port: object) -> None:
    """56."""
    assert refused(port=port)


@pytest.mark.parametrize("lab", ["", "x" * 32, LAB.upper(), LAB + "\n", LAB[:-1], "../" + LAB, None], ids=repr)
def test_other_ids_are_refused(lab: object) -> None:
    assert refused(lab=lab)


@pytest.mark.parametrize(
    "changes",
    [
        {"host": "-oProxyCommand=touch x"},  # 53
        {"host": "login node"},
        {"user": "u$x"},  # 54: OpenSSH 9.2 itself lets it pass
        {"user": "-l"},
        {"user": "root;id"},
        {"port": -1},
        {"port": 70000},
        {"node_pattern": "("},
        {"ssh_options": ["-oProxyCommand=x"]},  # 58
        {"driver": "telnet"},
    ],
    ids=repr,
)
def test_settings_of_a_login_node_are_closed_and_checked(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        login_node(**changes)


def test_a_forward_has_no_place_for_options() -> None:
    """58."""
    with pytest.raises(TypeError):
        Forward(id=LAB, system="site", node="node01", port=8888, options="-oProxyCommand=x")  # type: ignore[call-arg]


def test_a_published_address_is_of_the_loopback() -> None:
    assert Published.at(20001) == Published("127.0.0.1:20001")
    assert Published("127.0.0.1:20001").port == 20001
