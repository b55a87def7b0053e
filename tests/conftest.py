"""Fixtures that suites of several folders share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.installation import Up, up


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """The demo as `portico up` brings it up, once for all tests that look at it from outside."""
    with up(tmp_path_factory.mktemp("portico") / "state") as running:
        yield running
