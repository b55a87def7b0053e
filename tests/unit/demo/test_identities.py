"""Who a claim makes somebody at a site."""

from __future__ import annotations

import pytest
from portico.demo.catalogue import AURORA, BOREALIS, SITES, USERS
from portico.demo.configuration import PartitionConfig, SiteConfig
from portico.demo.site.identities import Entitlement, Identity, RefusedError, caller, entitlements

SITE = SiteConfig(
    name="S",
    partitions=(PartitionConfig(name="batch", hosts=("node01",)), PartitionConfig(name="gpus", hosts=("node02",))),
    login_host="login01",
    keys={"S": ("batch",), "S_GPU": ("gpus",)},
)
CLAIM = ["a1,S,red,a@x", "a1,S_GPU,red,a@x", "a1,S,blue,a@x", "a2,S,red,a@x", "a9,ELSEWHERE,red,a@x"]


def somebody(claim: list[str]) -> Identity:
    return Identity(dn="CN=a", method="OAUTH", entitlements=entitlements(claim))


@pytest.mark.parametrize(
    ("preferences", "uid", "group", "partitions"),
    [
        (None, "a1", "red", {"batch", "gpus"}),
        ("", "a1", "red", {"batch", "gpus"}),
        ("uid:a1,group:blue", "a1", "blue", {"batch"}),
        ("uid:a2", "a2", "red", {"batch"}),
        ("group:blue", "a1", "blue", {"batch"}),
    ],
)
def test_login_group_and_partitions_follow_from_claim_and_preferences(
    preferences: str | None, uid: str, group: str, partitions: set[str]
) -> None:
    asking = caller(somebody(CLAIM), SITE, preferences)

    assert (asking.uid, asking.group, asking.partitions) == (uid, group, partitions)
    assert asking.uids == ("a1", "a2")


@pytest.mark.parametrize("preferences", ["uid:a9", "uid:root", "uid:", "uid:a2,group:blue", "group:green"])
def test_what_isnt_ones_own_is_refused(preferences: str) -> None:
    with pytest.raises(RefusedError):
        caller(somebody(CLAIM), SITE, preferences)


@pytest.mark.parametrize("claim", [[], ["a9,ELSEWHERE,red,a@x"], ["a1,S,red"], ["nonsense"]])
def test_without_an_account_at_the_site_one_has_no_login(claim: list[str]) -> None:
    asking = caller(somebody(claim), SITE, None)

    assert (asking.uid, asking.uids, asking.partitions) == (None, (), frozenset())


def test_nobody_is_anonymous() -> None:
    assert caller(None, SITE, None).dn.startswith("CN=ANONYMOUS")


def test_a_claim_is_read_line_by_line() -> None:
    assert entitlements(["a1,S,red,a@x", "broken", 7, "a,b,c,d,e"]) == (Entitlement("a1", "S", "red"),)


def test_every_key_of_the_demo_opens_partitions_that_exist() -> None:
    for site in SITES:
        partitions = {entry.partition.name for entry in site.partitions}
        assert set().union(*site.keys.values()) == partitions
    keys = set(AURORA.keys) | set(BOREALIS.keys)
    assert {key for user in USERS for key, _ in user.accounts} == keys
