"""Sample views of every page in every state: what the rehearsal renders and what a theme's author looks at.

The values are as wide as real ones get: long titles, letters outside ASCII, characters that must be escaped, none, one and many of each.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from portico.tenants import portal, views
from portico.tenants.bundle import Tenant

NOW = datetime(2026, 1, 31, 14, 5, tzinfo=UTC)
"""The samples' moment; fixed, so that the same candidate renders the same pages."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One page in one state."""

    page: str
    state: str
    common: views.Common
    view: views.Page


USER = views.User(name="ada", display_name="Ada Lovelace-Žižková", groups=("quantum", "training"))

_NOTICE = views.Announcement("sample-notice", "warning", "Maintenance on Tuesday, 9:00 to 12:00 UTC: labs end & can't be started.")
_NEWS = views.Announcement("sample-news", "info", "A new workshop <is open> for registration.", dismissible=False)

_INCIDENT = views.Announcement("sample-incident", "danger", "A power failure: no system answers. Running labs may be lost.")

SYSTEMS = (
    views.SystemState("jureca", "JURECA-DC", "A modular supercomputer with CPU and GPU nodes.", "up"),
    views.SystemState(
        "juniq", "JUNIQ annealer", "A quantum annealer with more than 5,000 qubits, and its emulator.", "down", "It is being cooled."
    ),
    views.SystemState("deep", "DEEP", "A prototype for modular computing.", "unknown"),
)

DOWN = tuple(dataclasses.replace(system, health="down", message="A power failure.") for system in SYSTEMS)
_NOTICES = {"five-labs": (_NOTICE,), "incident": (_INCIDENT,)}
"""Announcements of the home page, by its state."""
_STATES = {"incident": DOWN}


def _partition(name: str, title: str, gpus: int, nodes: int = 4) -> views.OfferPartition:
    return views.OfferPartition(
        name, title, nodes=views.Amount(1, nodes, 1), gpus=views.Amount(0, gpus, min(gpus, 1)), runtime=views.Amount(10, 1440, 60)
    )


_DEVEL, _GPUS = _partition("devel", "Development", 0), _partition("gpus", "GPU nodes", 4, 16)
OFFER = views.Offer(
    systems=(
        views.OfferSystem(
            "jureca",
            "JURECA-DC",
            "A modular supercomputer with CPU and GPU nodes.",
            accounts=(
                views.OfferAccount(
                    "lovelace1", (views.OfferProject("training2601", (_DEVEL, _GPUS)), views.OfferProject("qsim", (_GPUS,)))
                ),
                views.OfferAccount("lovelace2", (views.OfferProject("combustion", (_DEVEL,)),)),
            ),
            health="up",
        ),
        views.OfferSystem(
            "deep", "DEEP", "", accounts=(views.OfferAccount("lovelace1", (views.OfferProject("deep-ea", (_DEVEL,)),)),), health="unknown"
        ),
    ),
    profiles=(
        views.OfferProfile("jupyterlab", "JupyterLab", "The site's default environment.", ("jureca", "deep")),
        views.OfferProfile("quantum", "JupyterLab with quantum SDKs", "Qiskit, D-Wave Ocean and PennyLane.", ("jureca",)),
    ),
)
EMPTY_OFFER = views.Offer(
    reason="You have no project at a system of this portal. Ask your project's lead to invite you, or write to the support."
)
OUTAGE = views.Offer(reason="JURECA-DC is out of operation: a power failure. Try again later.")
FORM = views.Form(title="Lab 1", system="jureca", account="lovelace1", project="training2601", partition="devel", profile="jupyterlab")
WRONG_FORM = dataclasses.replace(
    FORM,
    title='"><script>alert(1)</script>',
    nodes=99,
    partition="booster",
    errors=(
        views.FormError("partition", "Your project training2601 has no partition 'booster' on JURECA-DC."),
        views.FormError("nodes", "Choose 1 to 4 nodes."),
        views.FormError("", "The system answered that it is busy. Try again in a minute."),
    ),
)


def _lab(name: str, title: str, **values: object) -> views.Lab:
    base = views.Lab(
        name=name,
        title=title,
        state="running",
        reachability="up",
        system="jureca",
        system_title="JURECA-DC",
        account="lovelace1",
        project="training2601",
        partition="devel",
        nodes=1,
        gpus=0,
        runtime=60,
        open_url=f"/user/ada/{name}/",
        stop_url=f"/hub/labs/{name}/stop",
        progress_url=f"/hub/start/{name}",
        events_url=f"/hub/labs/{name}/events",
        since=NOW - timedelta(minutes=12),
    )
    return dataclasses.replace(base, **values)  # type: ignore[arg-type]


RUNNING = _lab("lab-1", "Ising model", node="jrc0421", percent=100, message="Running on jrc0421.", can_open=True, can_stop=True)
STARTING = _lab(
    "lab-2", "Flammen & Wirbel", state="starting", reachability="unknown", partition="gpus", nodes=2, gpus=4, percent=45,
    message="Starting on jrc0007.", node="jrc0007", can_stop=True,
)  # fmt: skip
FAILING = _lab(
    "lab-3", "Workshop <day 2>", reachability="down", node="jrc0099", percent=100, can_stop=True,
    message="The login node doesn't answer; trying again every few seconds.",
)  # fmt: skip
STOPPED = _lab(
    "lab-4",
    "A lab with a rather long title that nobody wanted to shorten",
    state="stopped",
    reachability="unknown",
    since=None,
    can_start=True,
)
ENDED = _lab(
    "lab-5", "Yesterday", state="ended", reachability="unknown", message="The time limit of 60 minutes was reached.", can_start=False,
    since=NOW - timedelta(hours=20),
)  # fmt: skip

_STEPS = (
    ("submitted", 5, "Sent to JURECA-DC."),
    ("queued", 15, "Waiting in the queue of devel."),
    ("starting", 45, "Starting on jrc0007."),
    ("tunnel", 70, "Connecting through the login node."),
)


def _events(count: int) -> tuple[views.Event, ...]:
    return tuple(
        views.Event(number, NOW - timedelta(seconds=40 - 10 * number), percent, step, message)
        for number, (step, percent, message) in enumerate(_STEPS[:count], start=1)
    )


_FAILED_EVENT = views.Event(3, NOW, 100, "ended", "The site refused the job: the project training2601 has no time left.")
_ERRORS = (
    (400, "That didn't work", "Your browser sent something that this portal doesn't understand.", "Go back and try it once more."),
    (403, "Not for you", "Your account may not open this page.", "Ask the portal's contact if you think that it should."),
    (404, "Not found", "There is no page at this address.", "Go to the start page."),
    (424, "The lab isn't running", "Nothing answers at this address now.", "Start the lab again from your labs."),
    (500, "Something broke", "The portal made a mistake.", "Try again; if it happens again, tell us the number below."),
    (503, "Not now", "The portal is being restarted.", "Try again in a moment."),
)


def samples(tenant: Tenant, *, name: str, asset: Callable[[str], str], pages: Sequence[str] = (), locale: str = "en") -> Iterator[Sample]:
    """Every page in every state; `pages` are the names of the bundle's own pages."""

    def common(
        page: str,
        *,
        user: views.User | None = USER,
        announcements: tuple[views.Announcement, ...] = (),
        systems: tuple[views.SystemState, ...] = SYSTEMS,
    ) -> views.Common:
        shown = portal.describe(
            tenant, name=name, asset=asset, identity_provider="Helmholtz ID", now=NOW, page=page, systems=systems, locale=locale
        )
        shown = dataclasses.replace(shown, announcements=(*shown.announcements, *announcements))
        return views.Common(portal=shown, page=page, locale=locale, user=user, xsrf="sample-xsrf")

    yield Sample("landing", "plain", common("landing", user=None), views.LandingPage())
    notices = common("landing", user=None, announcements=(_NOTICE, _NEWS))
    yield Sample("landing", "announcements", notices, views.LandingPage(notice="You are logged out."))
    for state, view in _home_states():
        yield Sample("home", state, common("home", announcements=_NOTICES.get(state, ()), systems=_STATES.get(state, SYSTEMS)), view)
    for state, start in _start_states():
        yield Sample("start", state, common("start"), start)
    for status, title, what, cure in _ERRORS:
        user = None if status == 503 else USER
        yield Sample("error", str(status), common("error", user=user), views.ErrorPage(status, title, what, cure, "0f3a9c1e7b5d"))
    for page in pages:
        yield Sample(page, "logged-in", common(page), views.OwnPage(page))
        yield Sample(page, "logged-out", common(page, user=None), views.OwnPage(page))


def _home_states() -> Iterator[tuple[str, views.HomePage]]:
    labs = (RUNNING, STARTING, FAILING, STOPPED, ENDED)
    more = tuple(dataclasses.replace(lab, name=f"{lab.name}-again", title=f"{lab.title}, again") for lab in labs)
    for state, shown, offer, form in (
        ("no-labs", (), OFFER, FORM),
        ("five-labs", labs, OFFER, FORM),
        ("ten-labs", (*labs, *more), OFFER, FORM),
        ("empty-offer", (), EMPTY_OFFER, views.Form()),
        ("incident", (FAILING,), OUTAGE, views.Form()),
        ("form-errors", (RUNNING,), OFFER, WRONG_FORM),
    ):
        yield state, views.HomePage(labs=shown, offer=offer, form=form, offer_json=json.dumps(asdict(offer)))


def _start_states() -> Iterator[tuple[str, views.StartPage]]:
    queued = dataclasses.replace(STARTING, state="queued", percent=15, message=_STEPS[1][2], node="")
    yield "15-percent", views.StartPage(queued, _events(2))
    yield "70-percent", views.StartPage(dataclasses.replace(STARTING, percent=70, message=_STEPS[3][2]), _events(4))
    failed = dataclasses.replace(STARTING, state="ended", percent=100, message=_FAILED_EVENT.message, can_stop=False, can_start=True)
    yield "failed", views.StartPage(failed, (*_events(2), _FAILED_EVENT))
