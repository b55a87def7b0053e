"""Whether a tenant may start what was asked: the backend's own look at grants, projects and ceilings.

The hub has checked the choice against the user's offer already. This check knows no user: it holds even where a hub is wrong or
taken over. Whether the account and the project are the user's is decided by the site, with the user's own token.
"""

from __future__ import annotations

from dataclasses import dataclass

from portico.api import Choice, LabRequest
from portico.settings.models import Grant, Partition, Profile, Range, Settings, System, TenantEntry

MAX_DEPTH = 20
"""How deep a tenant's JupyterLab settings may be nested."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why not: an HTTP status (403 where it isn't granted, 400 where it is nonsense), the field, a sentence."""

    status: int
    field: str
    detail: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where and how a lab runs, as the operator describes it."""

    system: System
    partition: Partition
    profile: Profile


def place(settings: Settings, tenant: TenantEntry, choice: Choice) -> Place | Refusal:
    """What the choice names, or why it is refused."""
    grant = next((grant for grant in tenant.grants if grant.system == choice.system), None)
    if grant is None:
        return Refusal(403, "choice.system", f"This portal has no access to the system {choice.system}.")
    system = settings.system(choice.system)
    partition = next((each for each in system.partitions if each.name == choice.partition), None)
    if partition is None or (grant.partitions and partition.name not in grant.partitions):
        return Refusal(403, "choice.partition", f"This portal has no access to the partition {choice.partition} of {system.title}.")
    if not _project_granted(grant, choice.project):
        return Refusal(403, "choice.project", f"This portal has no access to the project {choice.project} at {system.title}.")
    profile = next((each for each in system.profiles if each.name == choice.profile), None)
    if profile is None:
        return Refusal(400, "choice.profile", f"{system.title} has no configuration {choice.profile}.")
    for field, value, bounds in (
        ("nodes", choice.nodes, partition.nodes),
        ("gpus", choice.gpus, partition.gpus),
        ("runtime", choice.runtime, partition.runtime),
    ):
        if not _within(value, bounds):
            sentence = f"{field.capitalize()} must lie between {bounds.minimum} and {bounds.maximum} in {partition.name} of {system.title}."
            return Refusal(400, f"choice.{field}", sentence)
    return Place(system, partition, profile)


def recorded(settings: Settings, choice: Choice) -> Place | None:
    """Where a lab that was admitted earlier runs, even if it wouldn't be admitted now; None where its system isn't configured any more."""
    system = next((each for each in settings.systems if each.name == choice.system), None)
    if system is None:
        return None
    partition = next((each for each in system.partitions if each.name == choice.partition), None)
    profile = next((each for each in system.profiles if each.name == choice.profile), None)
    return Place(system, partition or Partition(name=choice.partition), profile or system.profiles[0])


def content(request: LabRequest) -> Refusal | None:
    """Why what travels with the lab is refused; None where it may go."""
    if _depth(request.overrides) > MAX_DEPTH:
        return Refusal(400, "overrides", f"The JupyterLab settings are nested more than {MAX_DEPTH} deep.")
    if "\x00" in request.title:
        return Refusal(400, "title", "A title can't hold a NUL character.")
    for name, value in request.environment.items():
        if "\x00" in value:
            return Refusal(400, f"environment.{name}", "A variable of the environment can't hold a NUL character.")
    return None


def _project_granted(grant: Grant, project: str) -> bool:
    return not grant.projects or project.lower() in (each.lower() for each in grant.projects)


def _within(value: int, bounds: Range) -> bool:
    return bounds.minimum <= value <= bounds.maximum


def _depth(value: object) -> int:
    """How deep dicts and lists are nested, level by level, without recursion."""
    depth, level = 0, [value]
    while level:
        inner: list[object] = []
        for each in level:
            if isinstance(each, dict):
                inner.extend(each.values())
            elif isinstance(each, list):
                inner.extend(each)
        depth, level = depth + 1, inner
    return depth
