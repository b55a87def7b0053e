"""A sync that runs as its own process and follows a real repository."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bundles import BUNDLE, Remote
from tests.support.sync_service import Service


@pytest.fixture
def remote(tmp_path: Path) -> Remote:
    return Remote(tmp_path)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path)
    yield service
    service.stop()


@pytest.fixture
async def following(service: Service, remote: Remote) -> Service:
    """A sync with one tenant whose first commit is live."""
    commit = remote.push(dict(BUNDLE))
    service.follow("test", str(remote.path))
    await service.start()
    await service.live(commit)
    return service
