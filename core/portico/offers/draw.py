"""Draw a user's offer: accounts, as the operator grants them to the tenant, as the tenant filters them, on systems that are up.

The filters are applied one after the other, so that an offer that comes out empty can say which of them took the last entry.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from portico import api
from portico.offers.accounts import Account
from portico.settings.models import Partition, Profile, Range, Settings, System, TenantEntry
from portico.tenants.bundle import SystemFilter, Tenant
from portico.tenants.views import Amount, Offer, OfferAccount, OfferPartition, OfferProfile, OfferProject, OfferSystem
from portico.words import Said, Sentence, said, say


@dataclass(frozen=True, slots=True)
class Place:
    """A system as this portal has it: what is left of it after the operator's grant and the tenant's filter."""

    system: System
    description: Said
    partitions: tuple[Partition, ...]
    profiles: tuple[Profile, ...]
    projects: tuple[str, ...]
    """Those that the operator grants, in lower case; empty: all."""


def places(tenant: Tenant, entry: TenantEntry, settings: Settings, groups: Collection[str]) -> dict[str, Place]:
    """The portal's systems by name, in the tenant's order where it has one."""
    granted = {grant.system: grant for grant in entry.grants}
    wanted = [item for item in tenant.systems if item.name in granted] if tenant.systems else [SystemFilter(name=name) for name in granted]
    found = {}
    for item in wanted:
        grant, system = granted[item.name], settings.system(item.name)
        partitions = tuple(
            partition
            for partition in system.partitions
            if partition.name in (grant.partitions or [partition.name]) and partition.name in (item.partitions or [partition.name])
        )
        found[item.name] = Place(
            system=system,
            description=item.description or system.description,
            partitions=partitions,
            profiles=tuple(profile for profile in system.profiles if _profile_allowed(profile.name, tenant, groups)),
            projects=tuple(project.lower() for project in grant.projects),
        )
    return found


def draw(
    *,
    accounts: Sequence[Account],
    groups: Collection[str],
    tenant: Tenant,
    entry: TenantEntry,
    settings: Settings,
    systems: Mapping[str, api.System],
    locale: str = "",
) -> Offer:
    """What this user may start at this portal now, described in the language `locale` (by default the tenant's first).

    `systems` is what the backend last said of each; one that nobody has asked yet is not held against the user.
    """
    if tenant.access.groups and not set(tenant.access.groups) & set(groups):
        return _nothing(tenant, say("login_not_allowed", "Your login is not in one of the groups that this portal is for."))
    if not accounts:
        return _nothing(tenant, say("offer_no_account", "Your login comes without an account on any system that this portal knows."))
    here = places(tenant, entry, settings, groups)
    rest = list(accounts)
    for keeps, why in _filters(here, tenant, settings, systems):
        left = [account for account in rest if keeps(account)]
        if not left:
            return _nothing(tenant, why(rest))
        rest = left
    return _assemble(rest, here, systems, lambda words: said(words, locale, tenant.languages))


def _filters(
    here: Mapping[str, Place], tenant: Tenant, settings: Settings, systems: Mapping[str, api.System]
) -> Iterator[tuple[Callable[[Account], bool], Callable[[Sequence[Account]], Sentence]]]:
    """What an account must pass, one after the other, and the sentence for those of whom nothing is left."""
    yield (
        lambda account: account.system in here,
        lambda lost: say(
            "offer_elsewhere",
            "Your accounts are on {systems}, which this portal does not offer.",
            systems=_listed([settings.system(a.system).title for a in lost]),
        ),
    )
    yield (
        lambda account: _charged(account, here[account.system], tenant),
        lambda lost: say(
            "offer_other_projects",
            "This portal is for certain projects, and yours ({projects}) is not among them.",
            projects=_listed([a.project for a in lost]),
        ),
    )
    yield (
        lambda account: any(partition.name in account.partitions for partition in here[account.system].partitions),
        lambda _: say("offer_no_partition", "Your accounts may use none of the partitions that this portal offers."),
    )
    yield (
        lambda account: bool(here[account.system].profiles),
        lambda _: say("offer_no_profile", "This portal has no environment for you."),
    )
    yield (
        lambda account: not _down(account.system, systems),
        lambda lost: Sentence("").then(
            *dict.fromkeys(_outage(here[a.system].system, systems) for a in lost), say("offer_later", "Try again later.")
        ),
    )


def _assemble(
    accounts: Sequence[Account], here: Mapping[str, Place], systems: Mapping[str, api.System], words: Callable[[Said], str]
) -> Offer:
    shown = [name for name in here if any(account.system == name for account in accounts)]
    profiles: dict[str, tuple[Profile, list[str]]] = {}
    for name in shown:
        for profile in here[name].profiles:
            profiles.setdefault(profile.name, (profile, []))[1].append(name)
    return Offer(
        systems=tuple(_system(here[name], [account for account in accounts if account.system == name], systems, words) for name in shown),
        profiles=tuple(
            OfferProfile(name=name, title=words(profile.title), description=words(profile.description), systems=tuple(where))
            for name, (profile, where) in profiles.items()
        ),
    )


def _system(place: Place, accounts: Sequence[Account], systems: Mapping[str, api.System], words: Callable[[Said], str]) -> OfferSystem:
    told = systems.get(place.system.name)
    return OfferSystem(
        name=place.system.name,
        title=place.system.title,
        description=words(place.description),
        health=told.health.value if told else "unknown",
        accounts=tuple(
            OfferAccount(name=name, projects=_projects(place, [account for account in accounts if account.name == name], words))
            for name in dict.fromkeys(account.name for account in accounts)
        ),
    )


def _projects(place: Place, accounts: Sequence[Account], words: Callable[[Said], str]) -> tuple[OfferProject, ...]:
    """The projects of one account; entries that name the same project add up."""
    found = []
    for project in dict.fromkeys(account.project for account in accounts):
        names = {name for account in accounts if account.project == project for name in account.partitions}
        found.append(
            OfferProject(
                name=project, partitions=tuple(_partition(partition, words) for partition in place.partitions if partition.name in names)
            )
        )
    return tuple(found)


def _partition(partition: Partition, words: Callable[[Said], str]) -> OfferPartition:
    def amount(bounds: Range) -> Amount:
        return Amount(minimum=bounds.minimum, maximum=bounds.maximum, default=bounds.default)

    return OfferPartition(
        name=partition.name,
        title=words(partition.title) or partition.name,
        nodes=amount(partition.nodes),
        gpus=amount(partition.gpus),
        runtime=amount(partition.runtime),
    )


def _charged(account: Account, place: Place, tenant: Tenant) -> bool:
    """Whether the tenant may charge the project: the operator grants it and the tenant's patterns hold it."""
    granted = not place.projects or account.project in place.projects
    return granted and any(fnmatchcase(account.project, pattern.lower()) for pattern in tenant.projects.allow)


def _profile_allowed(name: str, tenant: Tenant, groups: Collection[str]) -> bool:
    patterns = [*tenant.profiles.allow, *(pattern for group in groups for pattern in tenant.profiles.groups.get(group, []))]
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _down(system: str, systems: Mapping[str, api.System]) -> bool:
    return system in systems and systems[system].health is api.Health.DOWN


def _outage(system: System, systems: Mapping[str, api.System]) -> Sentence:
    return say("offer_outage", "{system} is out of operation.", system=system.title).then(systems[system.name].sentence)


def _nothing(tenant: Tenant, why: Sentence) -> Offer:
    contact = tenant.contact.removeprefix("mailto:")
    return Offer(reason=why.then(say("offer_ask", "Ask {contact} if you expected something else.", contact=contact)))


def _listed(words: Sequence[str], most: int = 5) -> str:
    names = list(dict.fromkeys(words))
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")
