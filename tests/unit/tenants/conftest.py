"""A directory with two small themes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.bundles import write_themes


@pytest.fixture
def themes(tmp_path: Path) -> Path:
    return write_themes(tmp_path / "themes")
