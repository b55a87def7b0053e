"""A page whose template fails: whoever asks gets a plain one, and it isn't tried again for a while."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from portico.hub import pages
from portico.hub.pages import FAILING, Pages
from portico.tenants.samples import samples
from portico.tenants.snapshot import Snapshot
from portico.tenants.store import Store
from portico.tenants.views import LandingPage, User

from tests.support.bundles import composed, page, write_themes

ENDLESS = "{% if user %}{% for a in range(999) %}{% for b in range(999) %}{% endfor %}{% endfor %}{% endif %}fine"


@pytest.fixture
def snapshot(tmp_path: Path) -> Snapshot:
    candidate = composed(write_themes(tmp_path / "themes"), {"templates/landing.html": page(ENDLESS)})
    return Store(tmp_path / "snapshots").add(candidate, commit="a" * 40)


def test_a_page_that_fails_is_not_tried_again_for_a_while(snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    now, tried = 100.0, []
    monkeypatch.setattr(pages.time, "monotonic", lambda: now)
    render = snapshot.render

    def counted(*what: Any) -> str:
        tried.append(what)
        return render(*what)

    monkeypatch.setattr(Snapshot, "render", lambda self, *what: counted(*what))
    common = next(samples(snapshot.tenant, name="test", asset=str)).common
    drawn = Pages(SimpleNamespace(entry=None))  # type: ignore[arg-type] -- only a page that is rendered asks for more
    ada, bob = (pages.views.Common(**{**_fields(common), "user": User(name, name)}) for name in ("ada", "bob"))

    def load(who: Any) -> bool:
        """Whether the page is the tenant's."""
        return "fine" in drawn.render(snapshot, who, LandingPage())

    assert [load(ada), load(ada), load(ada)] == [False] * 3
    assert len(tried) == 1
    assert load(common), "what fails for one is another page for another"
    assert not load(bob)
    assert len(tried) == 3
    now += FAILING
    assert not load(ada)
    assert len(tried) == 4


def _fields(common: Any) -> dict[str, Any]:
    return {name: getattr(common, name) for name in common.__slots__}
