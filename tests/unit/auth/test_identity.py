"""What claims say, whatever they are (hostile inputs 79 and 80)."""

import pytest
from portico.auth import identity


@pytest.mark.parametrize(
    ("claim", "name"), [("qubit", "qubit"), ("Qubit", "qubit"), ("a.b-c_d+e@example.org", "a.b-c_d+e@example.org"), ("0815", "0815")]
)
def test_a_user_name_is_ascii_in_lower_case(claim: str, name: str) -> None:
    assert identity.user_name(claim) == name


LOOKALIKES = ["\u0430lice", "\uff41lice", "ali\u0301ce", "K\u212a"]


@pytest.mark.parametrize(
    "claim",
    [
        None,
        "",
        7,
        ["qubit"],
        {"a": 1},
        "qu bit",
        "qubit\n",
        "../x",
        "a/b",
        "-x",
        "\u0430lice",
        "\uff41lice",
        "ali\u0301ce",
        "K\u212a",
        "x" * 129,
    ],
)
def test_a_name_that_could_be_mistaken_for_another_is_refused_with_a_sentence(claim: object) -> None:
    with pytest.raises(identity.UnusableName, match=r"\.$"):
        identity.user_name(claim)


@pytest.mark.parametrize(
    ("claim", "groups"),
    [
        (None, []),
        ("quantum", ["quantum"]),
        (["quantum", "training", "quantum"], ["quantum", "training"]),
        ([" quantum ", "", 7, None, ["x"]], ["quantum"]),
        ({"quantum": True}, []),
        (["x" * 201], []),
        ([str(number) for number in range(1000)], [str(number) for number in range(500)]),
    ],
)
def test_groups_are_read_from_whatever_was_sent(claim: object, groups: list[str]) -> None:
    assert identity.groups(claim) == groups


def test_a_page_shows_the_persons_name_where_there_is_one() -> None:
    assert identity.display_name({"name": " Ada Lovelace "}, "ada") == "Ada Lovelace"
    assert identity.display_name({"name": ["x"]}, "ada") == "ada"
