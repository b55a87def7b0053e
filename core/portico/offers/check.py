"""Hold a wish against an offer; propose what a form shows first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from portico.api import Choice
from portico.offers.wish import Refusal, Refused, Wish
from portico.tenants.bundle import Defaults
from portico.tenants.views import Amount, Form, Offer, OfferPartition, OfferProfile, OfferSystem
from portico.words import Sentence, say


class _Named(Protocol):
    @property
    def name(self) -> str: ...


_N = TypeVar("_N", bound=_Named)


class _Stop(Exception):
    pass


def check(offer: Offer, wish: Wish) -> Choice | Refused:
    """The wish as a choice that the offer holds, or every field that it doesn't hold.

    What the wish leaves open is filled in where the offer has one possibility only, or a default.
    """
    if not offer.systems:
        return Refused((Refusal("system", offer.reason),))
    refusals: list[Refusal] = []
    try:
        system = _pick("system", offer.systems, wish.system, "", refusals)
        profile = _profile(offer, system, wish.profile, refusals)
        account = _pick("account", system.accounts, wish.account, system.title, refusals)
        project = _pick("project", account.projects, wish.project, f"{account.name}, {system.title}", refusals)
        partition = _pick("partition", project.partitions, wish.partition, f"{project.name}, {system.title}", refusals)
        nodes = _amount("nodes", partition, partition.nodes, wish.nodes, refusals)
        gpus = _amount("gpus", partition, partition.gpus, wish.gpus, refusals)
        runtime = _amount("runtime", partition, partition.runtime, wish.runtime, refusals)
    except _Stop:
        return Refused(tuple(refusals))
    if refusals:
        return Refused(tuple(refusals))
    return Choice(
        system=system.name,
        account=account.name,
        project=project.name,
        partition=partition.name,
        profile=profile,
        nodes=nodes,
        gpus=gpus,
        runtime=runtime,
    )


def propose(offer: Offer, defaults: Defaults) -> Form:
    """The form's first values: the tenant's defaults where the offer holds them, else the offer's first entries."""
    if not offer.systems:
        return Form()
    system = _named(offer.systems, defaults.system) or offer.systems[0]
    account = system.accounts[0]
    project = next((item for item in account.projects if _named(item.partitions, defaults.partition)), account.projects[0])
    partition = _named(project.partitions, defaults.partition) or project.partitions[0]
    here = _profiles(offer, system)
    runtime = (
        defaults.runtime if defaults.runtime is not None and _holds(partition.runtime, defaults.runtime) else partition.runtime.default
    )
    return Form(
        system=system.name,
        account=account.name,
        project=project.name,
        partition=partition.name,
        profile=(_named(here, defaults.profile) or here[0]).name,
        nodes=partition.nodes.default,
        gpus=partition.gpus.default,
        runtime=runtime,
    )


_ABSENT = {
    "system": ("refused_system", "This portal has no system {name}. Choose {names}."),
    "account": ("refused_account", "You have no account {name} ({where}). Choose {names}."),
    "project": ("refused_project", "You have no project {name} ({where}). Choose {names}."),
    "partition": ("refused_partition", "There is no partition {name} for you ({where}). Choose {names}."),
}
_OPEN = {
    "system": ("choose_system", "Choose a system: {names}."),
    "account": ("choose_account", "Choose one of your accounts: {names}."),
    "project": ("choose_project", "Choose one of your projects: {names}."),
    "partition": ("choose_partition", "Choose a partition: {names}."),
}


def _pick(field: str, items: Sequence[_N], name: str | None, where: str, refusals: list[Refusal]) -> _N:
    if name is None and len(items) == 1:
        return items[0]
    found = _named(items, name)
    if found is None:
        names = ", ".join(item.name for item in items[:10])
        sentence = say(*_ABSENT[field], name=name, where=where, names=names) if name else say(*_OPEN[field], names=names)
        refusals.append(Refusal(field, sentence, malformed=name is None))
        raise _Stop
    return found


def _profile(offer: Offer, system: OfferSystem, name: str | None, refusals: list[Refusal]) -> str:
    here = _profiles(offer, system)
    if name is None:
        return here[0].name
    if _named(here, name) is None:
        names = ", ".join(profile.name for profile in here[:10])
        sentence = say(
            "refused_profile", "{name} is not offered to you on {system}. Choose {names}.", name=name, system=system.title, names=names
        )
        refusals.append(Refusal("profile", sentence))
    return name


def _amount(field: str, partition: OfferPartition, bounds: Amount, value: int | None, refusals: list[Refusal]) -> int:
    if value is None:
        return bounds.default
    if not _holds(bounds, value):
        refusals.append(Refusal(field, _beyond(partition.title, bounds, value)))
    return value


def _beyond(partition: str, bounds: Amount, value: int) -> Sentence:
    if bounds.maximum > bounds.minimum:
        return say(
            "refused_range",
            "{partition} gives {minimum} to {maximum}, not {value}.",
            partition=partition,
            minimum=bounds.minimum,
            maximum=bounds.maximum,
            value=value,
        )
    return say("refused_amount", "{partition} gives {maximum}, not {value}.", partition=partition, maximum=bounds.maximum, value=value)


def _profiles(offer: Offer, system: OfferSystem) -> list[OfferProfile]:
    return [profile for profile in offer.profiles if system.name in profile.systems]


def _named(items: Sequence[_N], name: str | None) -> _N | None:
    return next((item for item in items if item.name == name), None)


def _holds(bounds: Amount, value: int) -> bool:
    return bounds.minimum <= value <= bounds.maximum
