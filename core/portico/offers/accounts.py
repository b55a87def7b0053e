"""The accounts of a user, out of the identity provider's claim.

The claim `hpc_infos_attribute` is a list, sometimes one string, of `account,KEY,project,email`. What KEY stands for is the operator's to
say (`account_keys` of `portico.toml`). An entry that can't be read is skipped and counted: a login never fails because of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from portico.api import Identifier
from portico.settings.models import AccountKeys

LIMIT = 2000
"""Entries that are read; a claim with more is cut there."""

_identifier: TypeAdapter[str] = TypeAdapter(Identifier)


@dataclass(frozen=True, slots=True)
class Account:
    """One HPC entitlement: who, where, in which partitions, for which project."""

    name: str
    system: str
    partitions: tuple[str, ...]
    project: str
    """In lower case, as projects are compared."""


@dataclass(frozen=True, slots=True)
class Accounts:
    """What the claim held."""

    entries: tuple[Account, ...] = ()
    malformed: int = 0
    """Entries that couldn't be read."""
    unknown: int = 0
    """Entries whose KEY the operator hasn't listed: accounts elsewhere."""


def parse_accounts(claim: object, keys: Mapping[str, AccountKeys]) -> Accounts:
    """Read the claim, whatever it is."""
    if claim is None:
        return Accounts()
    items = claim if isinstance(claim, list | tuple) else [claim]
    entries: dict[Account, None] = {}
    malformed = max(0, len(items) - LIMIT)
    unknown = 0
    for item in items[:LIMIT]:
        parts = _split(item)
        if parts is None:
            malformed += 1
            continue
        name, key, project = parts
        place = keys.get(key)
        if place is None:
            unknown += 1
            continue
        entries[Account(name=name, system=place.system, partitions=tuple(place.partitions), project=project.lower())] = None
    return Accounts(entries=tuple(entries), malformed=malformed, unknown=unknown)


def _split(item: object) -> tuple[str, str, str] | None:
    """Account, KEY and project of one entry; None where it isn't one."""
    if not isinstance(item, str):
        return None
    parts = [part.strip() for part in item.split(",")]
    if len(parts) != 4:
        return None
    try:
        name, key, project = (_identifier.validate_python(part) for part in parts[:3])
    except ValidationError:
        return None
    return name, key, project
