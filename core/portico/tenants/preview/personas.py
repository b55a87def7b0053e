"""Who looks at a page: pages may show one thing to members of a group and another to everybody else. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass

from portico.tenants.bundle import Tenant
from portico.tenants.samples import USER
from portico.tenants.views import User

PERSONAS_LIMIT = 30


@dataclass(frozen=True, slots=True)
class Persona:
    """A user of the samples; `id` stands in addresses."""

    id: str
    title: str
    user: User


def personas(tenant: Tenant) -> tuple[Persona, ...]:
    """A member of all groups that the bundle names, a member of none, an admin of the portal, and a member of each group alone.

    A page that is shown to people who aren't logged in has no persona: that is one of its states.
    """
    groups = tuple(dict.fromkeys((*tenant.access.groups, *tenant.profiles.groups)))[:PERSONAS_LIMIT]
    everything = User(USER.name, USER.display_name, tuple(dict.fromkeys((*USER.groups, *groups))))
    alone = [Persona(f"group-{number}", f"Max ({group})", User("max", "Max Born", (group,))) for number, group in enumerate(groups)]
    return (
        Persona("ada", "Ada (every group)", everything),
        Persona("emmy", "Emmy (no group)", User("emmy", "Emmy Noether")),
        Persona("admin", "Lise (admin of the portal)", User("lise", "Lise Meitner", groups, admin=True)),
        *alone,
    )


def chosen(tenant: Tenant, name: str) -> User:
    """The user of a persona; the first one's where there is none of that name."""
    known = personas(tenant)
    return next((persona.user for persona in known if persona.id == name), known[0].user)
