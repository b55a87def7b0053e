"""What a lab's state may become, whatever is told in whatever order: hostile inputs 69 and 70, fault 28."""

from __future__ import annotations

import random

import pytest
from portico.api import LabState, Reachability
from portico.managers.lifecycle import (
    Accepted,
    Answered,
    Ended,
    Fact,
    Located,
    Noted,
    Published,
    Queued,
    Silent,
    Standing,
    Started,
    StopAsked,
    advance,
)

ACCEPTED, QUEUED, STARTED = Accepted("Aurora"), Queued("Aurora", "batch"), Started("Aurora")
LOCATED, PUBLISHED, ANSWERED = Located("node01", 4000), Published("127.0.0.1:5000"), Answered()
DOWN, UNKNOWN = Silent(Reachability.DOWN), Silent(Reachability.UNKNOWN)
STOP, END = StopAsked("Stopped on request."), Ended("The lab ended by itself.")
START = [ACCEPTED, QUEUED, STARTED, LOCATED, PUBLISHED, ANSWERED]


def after(*facts: Fact) -> Standing:
    standing = Standing()
    for fact in facts:
        standing = advance(standing, fact) or standing
    return standing


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ([ACCEPTED], "submitted unknown 5 submitted"),
        ([ACCEPTED, QUEUED], "queued unknown 15 queued"),
        ([ACCEPTED, QUEUED, STARTED], "starting unknown 40 starting"),
        ([ACCEPTED, STARTED, QUEUED], "starting unknown 40 starting"),
        ([ACCEPTED, LOCATED], "starting unknown 70 node"),
        ([ACCEPTED, LOCATED, QUEUED, STARTED], "starting unknown 70 node"),
        (START[:5], "starting unknown 85 tunnel"),
        (START, "running up 100 ready"),
        ([*START, STARTED, QUEUED, LOCATED, PUBLISHED, ANSWERED], "running up 100 ready"),
        ([*START, DOWN], "running down 100 unreachable"),
        ([*START, UNKNOWN], "running unknown 100 unreachable"),
        ([*START, DOWN, DOWN, ANSWERED], "running up 100 recovered"),
        ([*START, Published("127.0.0.1:5001")], "running up 100 tunnel"),
        ([ACCEPTED, DOWN], "submitted unknown 5 submitted"),
        ([ACCEPTED, QUEUED, STOP], "stopping unknown 15 stopping"),
        ([*START, STOP, DOWN, ANSWERED, STARTED], "stopping up 100 stopping"),
        ([*START, STOP, Noted("Aurora doesn't answer.")], "stopping up 100 message"),
        ([*START, STOP, END], "ended down 100 stopped"),
        ([*START, END, STOP, ANSWERED, DOWN, ACCEPTED, Noted("late")], "ended down 100 ended"),
        ([ACCEPTED, END], "ended down 5 ended"),
    ],
)
def test_a_lab_goes_forward_only(facts: list[Fact], expected: str) -> None:
    now = after(*facts)
    assert f"{now.state} {now.reachability} {now.percent} {now.step}" == expected


def test_a_stop_explains_the_end_better_than_what_the_site_says() -> None:
    assert after(*START, STOP, Ended("Aurora ended the lab: Job aborted.")).reason == "Stopped on request."
    assert after(*START, END).reason == "The lab ended by itself."


def test_where_a_lab_listens_is_told_once() -> None:
    now = after(*START, Located("node02", 9999))
    assert (now.node, now.port, now.address) == ("node01", 4000, "127.0.0.1:5000")


def test_the_address_goes_with_the_end() -> None:
    assert after(*START, END).address is None


def test_what_is_known_already_is_no_event() -> None:
    for count in range(1, len(START) + 1):
        now = after(*START[:count])
        assert all(advance(now, fact) is None for fact in START[:count])


def test_no_order_of_facts_turns_anything_back() -> None:
    everything = [*START, DOWN, UNKNOWN, STOP, END, Noted("<script>"), Published("127.0.0.1:5001")]
    dice = random.Random(7)
    for _ in range(500):
        standing = Standing()
        for fact in dice.choices(everything, k=20):
            later = advance(standing, fact)
            if later is not None:
                assert standing.state is not LabState.ENDED
                assert later.state.rank >= standing.state.rank
                assert later.percent >= standing.percent
                assert (later.state is LabState.ENDED) == isinstance(fact, Ended)
                standing = later
