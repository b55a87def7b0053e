"""Whether `lab/overrides.json` holds settings that JupyterLab knows: checked against the JSON schemas that the installed one ships.

A schema lies at `<prefix>/share/jupyter/lab/schemas/<package>/<plugin>.json` and describes the settings of `<package>:<plugin>`.
fastjsonschema holds a value against it: it is imported in a hundredth of the time that jsonschema needs.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import fastjsonschema

from portico.tenants.findings import Finding, suggestion

FILE = "lab/overrides.json"
NOT_CHECKED = f"{FILE} was not held against JupyterLab's own settings: JupyterLab is not installed here. The server does that."

Schemas = Mapping[str, Mapping[str, Any]]
"""By plugin."""


@cache
def installed() -> Schemas:
    """The schemas of the JupyterLab that is installed beside Portico; none where there is none."""
    root = Path(sys.prefix) / "share" / "jupyter" / "lab" / "schemas"
    found = {}
    for path in root.glob("**/*.json"):
        package = path.parent.relative_to(root).as_posix()
        schema = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(schema, dict) and not path.name.endswith(".orig"):
            found[f"{package}:{path.stem}"] = schema
    return found


def check(overrides: Mapping[str, Mapping[str, object]], document: str, schemas: Schemas) -> list[Finding]:
    """What JupyterLab wouldn't know or take; nothing where there are no schemas. `document` is the file's text, for places in it."""
    findings = []
    for plugin, settings in overrides.items() if schemas else ():
        if plugin not in schemas:
            cure = suggestion(plugin, schemas) or "Look up the plugin's name in JupyterLab's settings editor."
            findings.append(_finding(document, [plugin], f"JupyterLab has no plugin {plugin!r}.", cure))
            continue
        properties = schemas[plugin].get("properties", {})
        for name, value in settings.items():
            if name not in properties and name not in ("jupyter.lab.toolbars", "jupyter.lab.menus", "jupyter.lab.shortcuts"):
                cure = suggestion(name, properties) or f"It has {', '.join(sorted(properties)[:12]) or 'none'}."
                findings.append(_finding(document, [plugin, name], f"{plugin!r} has no setting {name!r}.", cure))
            elif name in properties:
                wrong = _objection(schemas[plugin], properties[name], value)
                if wrong:
                    findings.append(_finding(document, [plugin, name], f"The setting {name!r} can't have this value: {wrong}.", ""))
    return findings


def _objection(schema: Mapping[str, Any], rule: Mapping[str, Any], value: object) -> str:
    """Why a value doesn't fit, in the validator's words; empty where it fits."""
    whole = {"definitions": schema.get("definitions", {}), "properties": {"value": rule}}
    try:
        fastjsonschema.compile(whole)({"value": value})
    except fastjsonschema.JsonSchemaValueException as error:
        return str(error.message).removeprefix("data.")[:200]
    except fastjsonschema.JsonSchemaDefinitionException:
        return ""  # the plugin's mistake, not the bundle's
    return ""


def _finding(document: str, path: list[str], what: str, cure: str) -> Finding:
    """At the last of the keys, each looked for behind the one before."""
    at = 0
    for key in path:
        found = re.compile(re.escape(json.dumps(key)) + r"\s*:").search(document, at)
        if found is None:
            break
        at = found.start()
    line, column = document.count("\n", 0, at) + 1, at - document.rfind("\n", 0, at)
    return Finding(FILE, line, column, what, cure)
