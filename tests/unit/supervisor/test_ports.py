"""Ports stay the same from one start to the next, unless somebody else has taken one."""

import socket

from portico.supervisor.ports import is_free, remembered_ports


def test_ports_are_remembered(tmp_path):
    file = tmp_path / "run" / "ports.json"
    first = remembered_ports(file, ["juniq", "coec"])
    assert len(set(first.values())) == 2
    assert remembered_ports(file, ["juniq", "coec"]) == first


def test_a_new_name_gets_a_port_of_its_own(tmp_path):
    file = tmp_path / "ports.json"
    first = remembered_ports(file, ["juniq"])
    both = remembered_ports(file, ["juniq", "coec"])
    assert both["juniq"] == first["juniq"]
    assert both["coec"] != both["juniq"]


def test_a_taken_port_is_replaced(tmp_path):
    file = tmp_path / "ports.json"
    port = remembered_ports(file, ["juniq"])["juniq"]
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", port))
        somebody.listen()
        assert not is_free(port)
        assert remembered_ports(file, ["juniq"])["juniq"] != port
    file.write_text("not JSON")
    assert remembered_ports(file, ["juniq"])["juniq"] > 0
