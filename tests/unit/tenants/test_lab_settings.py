"""A portal's JupyterLab settings are ones that JupyterLab knows."""

from __future__ import annotations

import json

import pytest
from portico.tenants import lab_settings

SCHEMAS = {
    "@jupyterlab/terminal-extension:plugin": {
        "properties": {"scrollback": {"type": "number"}, "theme": {"$ref": "#/definitions/theme"}},
        "definitions": {"theme": {"enum": ["dark", "light"]}},
    }
}
TERMINAL = "@jupyterlab/terminal-extension:plugin"

CASES = [
    ({TERMINAL: {"scrollback": 2000, "theme": "dark"}}, ""),
    ({"@jupyterlab/terminal-extension:plugn": {}}, "2:3: JupyterLab has no plugin '@jupyterlab/terminal-extension:plugn'. Did you mean"),
    ({TERMINAL: {"scrolback": 1}}, "3:5: '@jupyterlab/terminal-extension:plugin' has no setting 'scrolback'. Did you mean 'scrollback'?"),
    ({TERMINAL: {"scrollback": "many"}}, "3:5: The setting 'scrollback' can't have this value: value must be number."),
    ({TERMINAL: {"theme": "pink"}}, "3:5: The setting 'theme' can't have this value: value must be one of ['dark', 'light']."),
]


@pytest.mark.parametrize(("overrides", "expected"), CASES)
def test_settings_are_held_against_the_plugins_schema(overrides: dict[str, dict[str, object]], expected: str) -> None:
    found = [str(finding) for finding in lab_settings.check(overrides, json.dumps(overrides, indent=2), SCHEMAS)]

    assert found == [] if not expected else found[0].startswith(f"lab/overrides.json:{expected}")


def test_where_no_jupyterlab_is_installed_nothing_is_objected_to() -> None:
    assert lab_settings.check({"any:plugin": {"any": 1}}, "{}", {}) == []


def test_the_installed_jupyterlab_brings_its_schemas() -> None:
    assert "scrollback" in lab_settings.installed()[TERMINAL]["properties"]
