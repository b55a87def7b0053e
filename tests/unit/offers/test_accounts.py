"""The claim of accounts, as identity providers really send it (hostile input 79)."""

import pytest
from portico.offers import parse_accounts
from portico.settings.models import AccountKeys

KEYS = {"jusuf": AccountKeys(system="jusuf", partitions=["batch", "gpus"])}
GOOD = "mueller1,jusuf,CTest,m@example.org"


@pytest.mark.parametrize(
    ("claim", "accounts", "malformed", "unknown"),
    [
        (None, 0, 0, 0),
        ([], 0, 0, 0),
        (GOOD, 1, 0, 0),
        ([GOOD], 1, 0, 0),
        ([GOOD, GOOD], 1, 0, 0),
        ([" mueller1 , jusuf , CTest , m@example.org "], 1, 0, 0),
        ([GOOD, "mueller1,elsewhere,ctest,m@example.org"], 1, 0, 1),
        ([GOOD, "mueller1,jusuf,ctest"], 1, 1, 0),
        ([GOOD, ""], 1, 1, 0),
        ([GOOD, "a,b,c,d,e"], 1, 1, 0),
        ([GOOD, None, 7, ["nested"], {"account": "x"}], 1, 4, 0),
        (["uid:root\r\n,jusuf,ctest,m@example.org"], 0, 1, 0),
        (["mueller1,jusuf,ctest\nX-Evil: 1,m@example.org"], 0, 1, 0),
        ({"account": "mueller1"}, 0, 1, 0),
        (42, 0, 1, 0),
        ([GOOD] * 5000, 1, 3000, 0),
    ],
)
def test_every_claim_is_read_and_what_is_malformed_is_counted(claim: object, accounts: int, malformed: int, unknown: int) -> None:
    found = parse_accounts(claim, KEYS)
    assert (len(found.entries), found.malformed, found.unknown) == (accounts, malformed, unknown)


def test_an_entry_becomes_an_account_with_its_project_in_lower_case() -> None:
    (account,) = parse_accounts(GOOD, KEYS).entries
    assert (account.name, account.system, account.partitions, account.project) == ("mueller1", "jusuf", ("batch", "gpus"), "ctest")
