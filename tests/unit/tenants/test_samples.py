"""Samples are of the moment that is asked for: what happened minutes ago, and which announcements are due."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from portico.tenants.samples import NOW, Sample, samples
from portico.tenants.views import HomePage

from tests.support.bundles import TOML, composed

LATER = NOW + timedelta(days=300)
ANNOUNCED = f"""
[[announcements]]
text = "A summer school."
starts = {(LATER - timedelta(days=1)).isoformat()}
ends = {(LATER + timedelta(days=1)).isoformat()}
"""


def home(themes: Path, **moment: object) -> Sample:
    tenant = composed(themes, {"tenant.toml": TOML + ANNOUNCED}).composition.tenant
    found = samples(tenant, name="test", asset=str, **moment)  # type: ignore[arg-type]
    return next(each for each in found if (each.page, each.state) == ("home", "ten-labs"))


def test_samples_are_of_the_moment_that_is_asked_for(themes: Path) -> None:
    fixed, later = home(themes), home(themes, now=LATER)
    assert isinstance(fixed.view, HomePage)
    assert isinstance(later.view, HomePage)
    ages = [[moment - lab.since for lab in view.labs if lab.since] for moment, view in ((NOW, fixed.view), (LATER, later.view))]
    assert ages[0] == ages[1]
    assert timedelta(minutes=12) in ages[0]
    assert [[notice.text for notice in sample.common.portal.announcements] for sample in (fixed, later)] == [[], ["A summer school."]]
