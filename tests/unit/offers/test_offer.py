"""What is on offer, and why nothing is."""

import pytest
from portico.offers import propose
from portico.tenants.bundle import Defaults
from portico.tenants.views import Offer

from tests.unit.offers.conftest import DrawOffer


def flat(offer: Offer) -> set[str]:
    return {
        f"{system.name}/{account.name}/{project.name}/{partition.name}"
        for system in offer.systems
        for account in system.accounts
        for project in account.projects
        for partition in project.partitions
    }


ALL = {"jusuf/mueller1/ctest/batch", "jusuf/mueller1/ctest/gpus", "deep/mueller1/training7/dp-cn"}
JUSUF = {"jusuf/mueller1/ctest/batch", "jusuf/mueller1/ctest/gpus"}
DEEP = {"deep/mueller1/training7/dp-cn"}


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ({}, ALL),
        ({"systems": [{"name": "deep"}]}, DEEP),
        ({"systems": [{"name": "jusuf", "partitions": ["gpus", "large"]}]}, {"jusuf/mueller1/ctest/gpus"}),
        ({"systems": [{"name": "not-granted"}, {"name": "deep"}]}, DEEP),
        ({"entry": {"grants": [{"system": "jusuf", "partitions": ["batch"]}]}}, {"jusuf/mueller1/ctest/batch"}),
        ({"entry": {"grants": [{"system": "jusuf", "projects": ["CTEST"]}, {"system": "deep", "projects": ["other"]}]}}, JUSUF),
        ({"projects": {"allow": ["TRAINING*"]}}, DEEP),
        ({"projects": {"allow": ["ctest"]}}, JUSUF),
        ({"down": {"deep": "Maintenance"}}, JUSUF),
        ({"profiles": {"allow": ["quantum"]}}, JUSUF),
        ({"access": {"groups": ["members"]}, "groups": ("members", "others")}, ALL),
    ],
)
def test_the_offer_is_what_every_filter_leaves(draw_offer: DrawOffer, case: dict[str, object], expected: set[str]) -> None:
    offer = draw_offer(**case)
    assert flat(offer) == expected
    assert offer.reason == ""


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ({"claim": None}, "without an account"),
        ({"claim": "mueller1,elsewhere,ctest,m@example.org"}, "without an account"),
        ({"entry": {"grants": []}}, "Your accounts are on JUSUF, DEEP"),
        ({"projects": {"allow": ["qc*"]}}, "yours (ctest, training7) is not among them"),
        ({"systems": [{"name": "jusuf", "partitions": ["large"]}]}, "none of the partitions"),
        ({"profiles": {"allow": ["nothing"]}}, "no environment"),
        ({"down": {"jusuf": "Cooling is off.", "deep": ""}}, "JUSUF is out of operation. Cooling is off. DEEP is out of operation."),
        ({"access": {"groups": ["members"]}, "groups": ("others",)}, "not in one of the groups"),
    ],
)
def test_an_empty_offer_says_why_and_whom_to_ask(draw_offer: DrawOffer, case: dict[str, object], words: str) -> None:
    offer = draw_offer(**case)
    assert offer.systems == ()
    assert words in offer.reason
    assert "help@juniq.example" in offer.reason


def test_a_group_adds_profiles_for_its_members(draw_offer: DrawOffer) -> None:
    profiles = {"allow": ["jupyterlab"], "groups": {"quantum": ["quan*"]}}
    assert [profile.name for profile in draw_offer(profiles=profiles).profiles] == ["jupyterlab"]
    offer = draw_offer(profiles=profiles, groups=("quantum",))
    assert [(profile.name, profile.systems) for profile in offer.profiles] == [("jupyterlab", ("jusuf", "deep")), ("quantum", ("jusuf",))]


def test_the_tenants_order_of_systems_holds(draw_offer: DrawOffer) -> None:
    assert [system.name for system in draw_offer(systems=[{"name": "deep"}, {"name": "jusuf"}]).systems] == ["deep", "jusuf"]


@pytest.mark.parametrize(
    ("defaults", "expected"),
    [
        ({}, ("jusuf", "ctest", "batch", "jupyterlab", 60)),
        ({"system": "deep"}, ("deep", "training7", "dp-cn", "jupyterlab", 30)),
        ({"system": "deep", "runtime": 100}, ("deep", "training7", "dp-cn", "jupyterlab", 100)),
        ({"system": "deep", "runtime": 999}, ("deep", "training7", "dp-cn", "jupyterlab", 30)),
        ({"partition": "gpus", "profile": "quantum"}, ("jusuf", "ctest", "gpus", "quantum", 60)),
        ({"system": "elsewhere", "partition": "elsewhere", "profile": "elsewhere"}, ("jusuf", "ctest", "batch", "jupyterlab", 60)),
    ],
)
def test_the_form_begins_with_the_tenants_defaults_where_the_offer_holds_them(
    draw_offer: DrawOffer, defaults: dict[str, object], expected: tuple[object, ...]
) -> None:
    form = propose(draw_offer(), Defaults.model_validate(defaults))
    assert (form.system, form.project, form.partition, form.profile, form.runtime) == expected


def test_there_is_nothing_to_propose_where_nothing_is_on_offer(draw_offer: DrawOffer) -> None:
    assert propose(draw_offer(None), Defaults()).system == ""
