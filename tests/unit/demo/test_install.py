"""A demo is written once: a second time it comes back with the same keys."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from portico.demo.configuration import LoginNodeConfig, ProviderConfig, SiteServerConfig
from portico.demo.install import install, loopback_address
from portico.demo.nodes.egress import read_ports
from portico.demo.plan import DemoPlan


@pytest.fixture
def plan(tmp_path: Path) -> DemoPlan:
    return DemoPlan(
        state=tmp_path,
        gateway_port=8000,
        backend_port=8002,
        hub_ports=(8101,),
        identity_port=8201,
        site_port=8202,
        ssh_port=8203,
        tenants=("juniq", "coec"),
    )


@pytest.fixture
def secrets(tmp_path: Path) -> dict[str, Path]:
    return {name: tmp_path / f"{name}-secret" for name in ("juniq", "coec")}


KEPT = ("ssh/host_key", "ssh/tunnel_key", "ssh/known_hosts", "site/key.pem", "site/certificate.pem", "nodes/secret", "site.json")


def test_a_second_time_changes_nothing(plan: DemoPlan, secrets: dict[str, Path]) -> None:
    install(plan, client_secret_files=secrets)
    before = {name: (plan.directory / name).read_bytes() for name in KEPT}
    install(plan, client_secret_files=secrets)

    assert {name: (plan.directory / name).read_bytes() for name in KEPT} == before


def test_a_moved_login_node_keeps_its_host_key(plan: DemoPlan, secrets: dict[str, Path]) -> None:
    install(plan, client_secret_files=secrets)
    host, key = (plan.directory / "ssh" / "known_hosts").read_text().split(" ", 1)
    install(plan.model_copy(update={"ssh_port": 9203}), client_secret_files=secrets)
    moved, same = (plan.directory / "ssh" / "known_hosts").read_text().split(" ", 1)

    assert (host, moved) == ("[127.0.0.1]:8203", "[127.0.0.1]:9203")
    assert key == same


def test_what_is_secret_is_the_owners_only(plan: DemoPlan, secrets: dict[str, Path]) -> None:
    install(plan, client_secret_files=secrets)

    for name in ("ssh/host_key", "ssh/tunnel_key", "site/key.pem", "nodes/secret", "identity-provider.json", "site.json"):
        assert stat.S_IMODE((plan.directory / name).stat().st_mode) == 0o600, name


def test_every_process_reads_what_was_written(plan: DemoPlan, secrets: dict[str, Path]) -> None:
    install(plan, client_secret_files=secrets)

    provider = ProviderConfig.read(plan.config_file("identity-provider"))
    site = SiteServerConfig.read(plan.config_file("site"))
    login_node = LoginNodeConfig.read(plan.config_file("login-node"))
    assert [client.redirect_uris for client in provider.clients] == [
        ("http://juniq.localhost:8000/hub/oauth_callback",),
        ("http://coec.localhost:8000/hub/oauth_callback",),
    ]
    assert read_ports(site.egress_file) == {8000, 8002, 8101}
    assert set(login_node.nodes) == set(site.addresses)
    assert site.node_directory == login_node.node_directory


def test_the_operators_settings_name_the_same_sites(plan: DemoPlan) -> None:
    systems = {system.name: system for system in plan.systems(driver="sshtunnel")}

    assert systems["aurora"].url == "http://127.0.0.1:8202/AURORA/rest/core"
    assert systems["borealis"].login_node.driver == "sshtunnel"
    for key in plan.account_keys().values():
        assert set(key.partitions) <= {partition.name for partition in systems[key.system].partitions}
    assert all([profile.name for profile in system.profiles] == ["jupyterlab"] for system in systems.values())


def test_loopback_addresses_follow_from_the_secret() -> None:
    addresses = [loopback_address(secret, node) for secret in (b"1", b"2") for node in ("node01", "node02")]

    assert len(set(addresses)) == 4
    assert all(address.startswith("127.") and address != "127.0.0.1" for address in addresses)
    assert loopback_address(b"1", "node01") == addresses[0]
