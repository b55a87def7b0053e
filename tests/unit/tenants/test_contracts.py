"""Bundles for other contracts: upgraded, or refused with what to change."""

from __future__ import annotations

import tomllib

import pytest
from portico.tenants.bundle import CONTRACT, Tenant
from portico.tenants.contracts import CHANGES, Change, upgraded
from portico.tenants.documents import read_model
from portico.tenants.findings import Refused

STEPS = {
    1: Change(renamed={"headline": "tagline", "brand.mark": "brand.logo"}),
    2: Change(renamed={"tagline": "motto"}, gone={"banner": "Write an [[announcements]] with the same text."}),
}


def upgrade(text: str) -> dict[str, object]:
    return upgraded(tomllib.loads(text), text, file="tenant.toml", changes=STEPS, current=3)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ('contract = 3\nheadline = "H"', {"contract": 3, "headline": "H"}),
        ('contract = 1\nheadline = "H"', {"contract": 3, "motto": "H"}),
        ('headline = "H"', {"motto": "H"}),
        ('contract = 2\ntagline = "H"', {"contract": 3, "motto": "H"}),
        ('contract = 1\n[brand]\nmark = "m.svg"\nradius = "1px"', {"contract": 3, "brand": {"logo": "m.svg", "radius": "1px"}}),
        ('contract = 1\nheadline = "old"\ntagline = "new"', {"contract": 3, "motto": "new"}),
        ('contract = 1\nbrand = "no table"', {"contract": 3, "brand": "no table"}),
        ('contract = "1"\nheadline = "H"', {"contract": "1", "headline": "H"}),
        ("contract = true", {"contract": True}),
    ],
)
def test_an_older_bundle_is_read_under_the_new_names(text: str, values: dict[str, object]):
    assert upgrade(text) == values


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("contract = 4", "tenant.toml:1:1: This is written for the contract 4; this Portico knows 1 to 3. Ask your operator for a newer"),
        ("\ncontract = 0", "tenant.toml:2:1: This is written for the contract 0; this Portico knows 1 to 3. Write contract = 3."),
        (
            'contract = 1\nheadline = "H"\nbanner = "B"',
            "tenant.toml:3:1: 'banner' went with the contract 3. Write an [[announcements]] with the same text.",
        ),
    ],
)
def test_what_can_not_be_upgraded_is_refused_with_the_change(text: str, words: str):
    with pytest.raises(Refused) as refused:
        upgrade(text)
    assert str(refused.value.findings[0]).startswith(words)


def test_every_version_has_a_way_to_the_current_one():
    assert sorted(CHANGES) == list(range(1, CONTRACT))


def test_a_bundle_for_a_newer_contract_is_refused_where_it_is_read():
    text = f'contract = {CONTRACT + 1}\ntitle = "T"\ncontact = "/"\nunknown = 1\n'
    with pytest.raises(Refused) as refused:
        read_model(Tenant, text.encode(), "tenant.toml")
    assert [finding.line for finding in refused.value.findings] == [1]
    assert f"this Portico knows {CONTRACT}" in str(refused.value.findings[0])
