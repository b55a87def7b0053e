"""What the demo's second `up` finds: tenants that somebody has added stay, with their clients."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import tomli_w
from portico.demo.configuration import ProviderConfig
from portico.demo.nodes.egress import read_ports
from portico.settings.models import TenantList
from portico.supervisor import demo
from portico.supervisor.run import CannotStart

from tests.support.installation import ROOT


def entry(state: Path) -> dict[str, object]:
    """An added tenant; its secrets are another's, which is as good here."""
    first = tomllib.loads((state / "portico.toml").read_text())["tenants"][0]
    return {**first, "name": "fenix", "host": "fenix.localhost", "client_id": "fenix"}


def clients(state: Path) -> dict[str, tuple[str, ...]]:
    config = ProviderConfig.read(state / "demo" / "identity-provider.json")
    return {client.client_id: client.redirect_uris for client in config.clients}


def test_an_added_tenant_stays_and_is_known_to_the_provider(tmp_path: Path) -> None:
    first = demo.arrange(tmp_path, port=8000, checkout=ROOT)
    config = tmp_path / "portico.toml"
    content = tomllib.loads(config.read_text())
    before = clients(tmp_path)
    source = {"repository": "/srv/list.git"}
    config.write_text(tomli_w.dumps({**content, "tenants": [*content["tenants"], entry(tmp_path)], "tenant_list": source}))

    second = demo.arrange(tmp_path, port=8001, checkout=ROOT)

    names = [tenant.name for tenant in first.installation.settings.tenants]
    assert [tenant.name for tenant in second.installation.settings.tenants] == [*names, "fenix"]
    assert second.installation.settings.tenant_list == TenantList.model_validate(source)
    after = clients(tmp_path)
    assert after.keys() == {*before, "fenix"}
    assert after["fenix"] == ("http://fenix.localhost:8001/hub/oauth_callback",)


def test_the_running_demo_tells_the_provider_and_the_nodes_of_tenants_that_come_and_go(tmp_path: Path) -> None:
    installation = demo.arrange(tmp_path, port=8000, checkout=ROOT).installation
    tell = installation.tell
    assert tell is not None
    before = clients(tmp_path)
    fenix = installation.settings.tenants[0].model_copy(update={"name": "fenix", "host": "fenix.localhost", "client_id": "fenix"})

    tell(installation.settings.model_copy(update={"tenants": [fenix]}), {"fenix": 8107})

    # Whoever went may come back: her client is kept.
    assert clients(tmp_path) == {**before, "fenix": ("http://fenix.localhost:8000/hub/oauth_callback",)}
    assert 8107 in read_ports(tmp_path / "demo" / "egress.json")


@pytest.mark.parametrize("text", ["tenants = [", 'tenants = [{name = "fenix"}]', "tenants = [1]"])
def test_a_file_that_can_not_be_read_is_not_written_over(tmp_path: Path, text: str) -> None:
    (tmp_path / "portico.toml").write_text(text)
    with pytest.raises(CannotStart, match=r"portico.toml can't be used"):
        demo.arrange(tmp_path, port=8000, checkout=ROOT)
    assert (tmp_path / "portico.toml").read_text() == text
