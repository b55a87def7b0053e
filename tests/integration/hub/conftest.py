"""One world for all tests of the hub; each test leaves no lab running."""

from collections.abc import Iterator

import pytest

from tests.integration.hub.world import World


@pytest.fixture(scope="session")
def hub_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(tmp_path_factory.mktemp("hub")).running() as running:
        yield running


@pytest.fixture
def world(hub_world: World) -> Iterator[World]:
    yield hub_world
    backend = hub_world.backend
    backend.refuse, backend.silent, backend.ends_when_asked = None, False, True
    backend.health.clear()
    hub_world.sync.forget()
