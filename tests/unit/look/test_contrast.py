"""The base theme's two schemes are told twice in its sheet, by the system's wish and by the visitor's choice: both say the same."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from portico.tenants.contrast import declared

ROOT = Path(__file__).parents[3]
ROLES = ROOT / "themes/base/static/css/roles.css"
BUNDLES = sorted(path.parent.name for path in (ROOT / "tenants").glob("*/tenant.toml"))


def test_the_dark_scheme_is_the_same_by_the_system_and_by_choice() -> None:
    css = ROLES.read_text()
    by_system = css[css.index('not([data-scheme="light"]) {') :]
    by_system = by_system[: by_system.index("}")]
    chosen = {name: value for scheme, name, value, _, _ in declared(css) if scheme == "dark"}
    assert dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", by_system)) == chosen


def test_dark_and_light_have_the_same_roles() -> None:
    for portal in BUNDLES:
        brand = tomllib.loads((ROOT / "tenants" / portal / "tenant.toml").read_text()).get("brand", {})
        assert set(brand.get("light", {})) == set(brand.get("dark", {})), portal
