"""What the gateway says itself is in both languages, loads nothing, and looks again only where something is on its way back."""

from __future__ import annotations

from pathlib import Path

import pytest
from portico.gateway.process import PAGES, command
from portico.settings.models import Gateway
from portico.tenants import structure


@pytest.mark.parametrize(("name", "again"), [("404", False), ("503", True), ("error", False)])
def test_an_error_page_stands_alone(name: str, again: bool) -> None:
    html = (PAGES / f"{name}.html").read_text()
    assert not structure.read(html).objections
    assert '<section lang="de">' in html
    assert ('http-equiv="refresh"' in html) is again
    assert "src=" not in html
    assert "url(" not in html


def test_the_gateway_is_told_where_they_are() -> None:
    told = command(Gateway(auth_token_file=Path("token")), node=Path("node"), proxy=Path("proxy"))
    assert f"--error-path={PAGES}" in told
