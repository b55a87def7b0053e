"""A hub's routes stand below its host in the shared gateway, and it sees nothing of other hosts."""

import pytest
from portico.gateway.proxy import from_gateway, to_gateway

HOST = "juniq.localhost"


@pytest.mark.parametrize(
    ("hub", "gateway"),
    [
        ("/", "/juniq.localhost/"),
        ("/user/qubit/one", "/juniq.localhost/user/qubit/one"),
        ("/user/caf%C3%A9", "/juniq.localhost/user/caf%C3%A9"),
    ],
)
def test_a_path_goes_to_the_gateway_and_back(hub, gateway):
    assert to_gateway(HOST, hub) == gateway
    assert from_gateway(HOST, gateway) == hub


@pytest.mark.parametrize("foreign", ["/coec.localhost", "/coec.localhost/user/x", "/juniq.localhost.evil/user/x", "/", "/juniq.localhos"])
def test_a_path_of_another_host_is_not_the_hubs(foreign):
    assert from_gateway(HOST, foreign) is None


def test_the_host_alone_is_the_hubs_root():
    assert from_gateway(HOST, "/juniq.localhost") == "/"
