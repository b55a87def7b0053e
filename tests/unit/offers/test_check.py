"""A wish is granted or refused, field by field (hostile inputs 32 to 40)."""

import pytest
from portico.api import Choice
from portico.offers import Refused, check, read

from tests.unit.offers.conftest import DrawOffer

GOOD = {
    "system": "jusuf",
    "account": "mueller1",
    "project": "ctest",
    "partition": "batch",
    "profile": "jupyterlab",
    "nodes": 2,
    "runtime": 60,
}


def asked(draw_offer: DrawOffer, **changes: object) -> Choice | Refused:
    wish = read({**GOOD, **changes})
    return wish if isinstance(wish, Refused) else check(draw_offer(), wish)


def test_what_the_offer_holds_is_granted(draw_offer: DrawOffer) -> None:
    assert asked(draw_offer) == Choice(
        system="jusuf", account="mueller1", project="ctest", partition="batch", profile="jupyterlab", nodes=2, gpus=0, runtime=60
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"nodes": "3"}, {"nodes": 3}),
        ({"nodes": 3.0}, {"nodes": 3}),
        ({"nodes": None, "runtime": ""}, {"nodes": 1, "runtime": 60}),
        ({"project": "CTEST"}, {"project": "ctest"}),
        ({"account": None, "project": None, "profile": None}, {"account": "mueller1", "project": "ctest", "profile": "jupyterlab"}),
        ({"partition": "gpus", "nodes": 1}, {"partition": "gpus", "gpus": 2}),
    ],
)
def test_what_a_wish_leaves_open_is_filled_in(draw_offer: DrawOffer, changes: dict[str, object], expected: dict[str, object]) -> None:
    choice = asked(draw_offer, **changes)
    assert isinstance(choice, Choice)
    assert {field: getattr(choice, field) for field in expected} == expected


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("system", "juwels"),
        ("account", "root"),
        ("project", "training7"),
        ("project", "somebody-elses"),
        ("partition", "large"),
        ("partition", "dp-cn"),
        ("profile", "not-listed"),
        ("nodes", 5),
        ("nodes", 0),
        ("gpus", 1),
        ("runtime", 5),
        ("runtime", 100_000),
    ],
)
def test_what_the_offer_does_not_hold_is_forbidden_and_the_field_is_named(draw_offer: DrawOffer, field: str, value: object) -> None:
    refused = asked(draw_offer, **{field: value})
    assert isinstance(refused, Refused)
    assert refused.status == 403
    assert [refusal.field for refusal in refused.refusals] == [field]
    assert refused.sentence.startswith(f"{field}: ")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(
            (field, value)
            for field in ("nodes", "gpus", "runtime")
            for value in (-1, 1.5, float("nan"), float("inf"), 1e9, "1e3", "-1", True, [1])
        ),
        *(
            (field, value)
            for field in ("system", "account", "project", "partition")
            for value in ("a,b", "a\r\nb", "../x", "x" * 200, 7, {}, "$(id)")
        ),
        ("profile", "../x"),
        ("title", "x" * 5000),
        ("title", ["x"]),
        ("image", "docker.io/evil"),
        ("system", None),
        ("partition", ""),
    ],
)
def test_what_is_no_wish_at_all_is_malformed(draw_offer: DrawOffer, field: str, value: object) -> None:
    refused = asked(draw_offer, **{field: value})
    assert isinstance(refused, Refused)
    assert refused.status == 400
    assert field in {refusal.field for refusal in refused.refusals}


def test_several_refused_fields_are_all_named(draw_offer: DrawOffer) -> None:
    refused = asked(draw_offer, profile="quantum!", nodes=-1)
    assert isinstance(refused, Refused)
    assert [refusal.field for refusal in refused.refusals] == ["profile", "nodes"]
    refused = asked(draw_offer, profile="nothing", nodes=9, runtime=1)
    assert isinstance(refused, Refused)
    assert [refusal.field for refusal in refused.refusals] == ["profile", "nodes", "runtime"]


def test_an_empty_offer_refuses_everything_with_its_reason(draw_offer: DrawOffer) -> None:
    wish = read(GOOD)
    assert not isinstance(wish, Refused)
    refused = check(draw_offer(None), wish)
    assert isinstance(refused, Refused)
    assert "without an account" in refused.sentence


@pytest.mark.parametrize(
    ("title", "kept"),
    [
        ("  My   lab ", "My lab"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ('"; rm -rf / #', '"; rm -rf / #'),
        ("a\r\nb\x00c", "a b c"),
        ("abc\u202edef", "abc def"),
        ("Größe 3 µm", "Größe 3 µm"),
    ],
)
def test_a_title_is_text_without_controls(title: str, kept: str) -> None:
    wish = read({"title": title})
    assert not isinstance(wish, Refused)
    assert wish.title == kept
