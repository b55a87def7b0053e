"""What a lab's state may become: one pure function over facts.

Guarantees, whatever comes in whatever order: states move forward only, percent never shrinks, nothing follows `ended`, and only
`Ended` ends. That a fact is true is for those who bring it; that it is kept and told is for the store and the lab's task.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from portico.api import LabState, Reachability
from portico.words import say

PERCENT = {"submitted": 5, "queued": 15, "starting": 40, "node": 70, "tunnel": 85, "ready": 100}
"""How far a start is with each of its steps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a lab stands: what the newest event says, and what is known of the lab."""

    state: LabState = LabState.SUBMITTED
    reachability: Reachability = Reachability.UNKNOWN
    percent: int = 0
    step: str = "submitted"
    message: str = ""
    """A `Sentence`, unless the words are the lab's own; so is `reason`."""
    node: str | None = None
    port: int | None = None
    address: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The request is recorded and goes to the system of that title."""

    system: str


@dataclass(frozen=True, slots=True)
class Queued:
    """The site keeps the job waiting."""

    system: str
    partition: str


@dataclass(frozen=True, slots=True)
class Started:
    """The site runs the job."""

    system: str


@dataclass(frozen=True, slots=True)
class Located:
    """The lab told where it listens."""

    node: str
    port: int


@dataclass(frozen=True, slots=True)
class Published:
    """A tunnel to the lab stands, and is published at this address."""

    address: str


@dataclass(frozen=True, slots=True)
class Answered:
    """The lab answered through its tunnel."""


@dataclass(frozen=True, slots=True)
class Silent:
    """The lab didn't answer (`down`), or nobody could ask (`unknown`)."""

    reachability: Reachability


@dataclass(frozen=True, slots=True)
class Noted:
    """Something worth telling that changes nothing else."""

    message: str


@dataclass(frozen=True, slots=True)
class StopAsked:
    """The lab is to stop."""

    reason: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The site confirmed that nothing of the lab runs any more, or nothing was ever started."""

    reason: str


Fact = Accepted | Queued | Started | Located | Published | Answered | Silent | Noted | StopAsked | Ended


def advance(now: Standing, fact: Fact) -> Standing | None:
    """What the lab's standing becomes with this fact; None where the fact tells nothing new."""
    if now.state is LabState.ENDED:
        return None
    match fact:
        case Ended(reason):
            # A lab that was asked to stop has stopped; one that ended by itself has something to explain.
            asked = now.state is LabState.STOPPING
            reason = (now.reason if asked else None) or reason
            return _step(
                now, "stopped" if asked else "ended", reason, LabState.ENDED, reason=reason, address=None, reachability=Reachability.DOWN
            )
        case Noted(message):
            return None if now.message == message else replace(now, step="message", message=message)
        case _ if now.state is LabState.STOPPING:
            return None
        case Located() | Published() | Answered() | Silent():
            return _reached(now, fact)
        case _:
            return _at_site(now, fact)


def _at_site(now: Standing, fact: Accepted | Queued | Started | StopAsked) -> Standing | None:
    """What the site does with the job, or is to do."""
    match fact:
        case StopAsked(reason):
            return _step(now, "stopping", reason, LabState.STOPPING, reason=reason)
        case Accepted(system) if now.percent == 0:
            return _step(now, "submitted", say("step_submitted", "{system} receives the lab.", system=system), LabState.SUBMITTED)
        case Queued(system, partition) if now.state.rank < LabState.QUEUED.rank:
            return _step(
                now,
                "queued",
                say("step_queued", "Waiting in the queue {partition} of {system}.", partition=partition, system=system),
                LabState.QUEUED,
            )
        case Started(system) if now.state.rank < LabState.STARTING.rank:
            return _step(now, "starting", say("step_starting", "{system} starts the lab.", system=system), LabState.STARTING)
        case _:
            return None


def _reached(now: Standing, fact: Located | Published | Answered | Silent) -> Standing | None:
    """What is known of the way to the lab."""
    running = now.state is LabState.RUNNING
    match fact:
        case Located(node, port) if now.port is None:
            return _step(now, "node", say("step_node", "Running on {node}.", node=node), LabState.STARTING, node=node, port=port)
        case Published(address) if now.address != address:
            return _step(now, "tunnel", say("step_tunnel", "Connecting to the lab."), LabState.STARTING, address=address)
        case Answered() if not running:
            return _step(now, "ready", say("step_ready", "The lab is ready."), LabState.RUNNING, reachability=Reachability.UP)
        case Answered() if now.reachability is not Reachability.UP:
            return _step(now, "recovered", say("step_recovered", "The lab answers again."), LabState.RUNNING, reachability=Reachability.UP)
        case Silent(reachability) if running and now.reachability is not reachability:
            return _step(now, "unreachable", _SILENCE[reachability], LabState.RUNNING, reachability=reachability)
        case _:
            return None


_SILENCE = {
    Reachability.DOWN: say("step_unreachable", "The lab doesn't answer at the moment. It keeps running; the connection is being restored."),
    Reachability.UNKNOWN: say("step_unknown", "Nobody can tell at the moment whether the lab answers. It keeps running."),
}


def _step(
    now: Standing,
    step: str,
    message: str,
    state: LabState,
    *,
    reachability: Reachability | None = None,
    node: str | None = None,
    port: int | None = None,
    address: str | None = "",
    reason: str | None = None,
) -> Standing:
    """The standing with the given things changed and the rest kept; never back in state or percent. `address=""` keeps the address."""
    return Standing(
        state=max(now.state, state, key=lambda each: each.rank),
        reachability=reachability or now.reachability,
        percent=max(now.percent, PERCENT.get(step, 0)),
        step=step,
        message=message,
        node=node or now.node,
        port=port or now.port,
        address=now.address if address == "" else address,
        reason=reason or now.reason,
    )
