"""Bundles that were written for an older contract: what has changed since, as a table, and how it is applied. Pure functions.

A contract is the schema of `tenant.toml`, what templates see, and their blocks. When one of them changes so that a bundle would break,
`CONTRACT` is raised and a `Change` says how to get from the version before: what only has another name is read under the new one, and what
an author has to decide is refused with the change that it needs. A bundle that names no version is taken for one of the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from portico.positions import nearest, positions
from portico.tenants.bundle import CONTRACT
from portico.tenants.findings import Finding, Refused, refuse

FIRST = 1
Values = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Change:
    """From one version to the next. Keys of `tenant.toml` with dots between their parts."""

    renamed: Mapping[str, str] = field(default_factory=dict)
    """New keys by the old ones."""
    gone: Mapping[str, str] = field(default_factory=dict)
    """What to write in its place, as a sentence, by key."""


CHANGES: Mapping[int, Change] = {}
"""By the version from which each leads to the next. There has been one version so far."""


def upgraded(values: Values, text: str, *, file: str, changes: Mapping[int, Change] = CHANGES, current: int = CONTRACT) -> Values:
    """The values of a document as the current contract names them; `text` is its source, for places.

    Raises Refused where the document is for a newer contract, or needs a change that only its author can make. A version that is no number
    is left to the schema to refuse.
    """
    version = values.get("contract", FIRST)
    if not isinstance(version, int) or isinstance(version, bool):
        return values
    place = nearest(positions(text), ("contract",)) if "contract" in values else None
    if not FIRST <= version <= current:
        known = f"{FIRST} to {current}" if current > FIRST else f"{current}"
        cure = (
            "Ask your operator for a newer Portico, or write for the older contract."
            if version > current
            else f"Write contract = {current}."
        )
        where = {"line": place.line, "column": place.column} if place else {}
        raise refuse(file, f"This is written for the contract {version}; this Portico knows {known}.", cure, **where)
    findings: list[Finding] = []
    for step in range(version, current):
        change = changes[step]
        for key, cure in change.gone.items():
            if _taken(values, key)[0]:
                found = nearest(positions(text), tuple(key.split(".")))
                findings.append(Finding(file, found.line, found.column, f"{key!r} went with the contract {step + 1}.", cure))
        for old, new in change.renamed.items():
            there, value = _taken(values, old)
            if there:
                values = _set(_without(values, old.split(".")), new.split("."), value)
    if findings:
        raise Refused(findings)
    return {**values, "contract": current} if "contract" in values else values


def _taken(values: Values, key: str) -> tuple[bool, object]:
    current: object = values
    for part in key.split("."):
        if not isinstance(current, dict) or part not in current:
            return False, None
        current = current[part]
    return True, current


def _without(values: Values, path: list[str]) -> Values:
    first, *rest = path
    if not rest:
        return {key: value for key, value in values.items() if key != first}
    inner = values[first]
    return {**values, first: _without(inner, rest)} if isinstance(inner, dict) else values


def _set(values: Values, path: list[str], value: object) -> Values:
    """With the value under a key; one that stands there already wins, for its author has moved on."""
    first, *rest = path
    if not rest:
        return {first: value, **values}
    inner = values.get(first, {})
    return {**values, first: _set(inner, rest, value)} if isinstance(inner, dict) else values
