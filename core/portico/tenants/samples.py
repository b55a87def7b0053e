"""Sample views of every page in every state: what the rehearsal renders and what a theme's author looks at.

The values are as wide as real ones get: long titles, letters outside ASCII, characters that must be escaped, none, one and many of each.
What a portal would say in the page's language is said so here; what users and sites write stays as they wrote it.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from portico.tenants import portal, views
from portico.tenants.bundle import Tenant
from portico.words import Sentence, say

NOW = datetime(2026, 1, 31, 14, 5, tzinfo=UTC)
"""The rehearsal's moment; fixed, so that the same candidate renders the same pages."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One page in one state."""

    page: str
    state: str
    common: views.Common
    view: views.Page


class _Both(str):
    """Words of a tenant or an operator, in English and in German."""

    german: str

    def __new__(cls, english: str, german: str) -> _Both:
        made = super().__new__(cls, english)
        made.german = german
        return made


USER = views.User(name="ada", display_name="Ada Lovelace-Žižková", groups=("quantum", "training"))

_NOTICE = views.Announcement(
    "sample-notice",
    "warning",
    _Both(
        "Maintenance on Tuesday, 9:00 to 12:00 UTC: labs end & can't be started.",
        "Wartung am Dienstag, 9 bis 12 Uhr (UTC): Labs enden & starten nicht.",
    ),
)
_NEWS = views.Announcement(
    "sample-news",
    "info",
    _Both("A new workshop <is open> for registration.", "Zum neuen Workshop <kann man> sich anmelden."),
    dismissible=False,
)

_INCIDENT = views.Announcement(
    "sample-incident",
    "danger",
    _Both(
        "A power failure: no system answers. Running labs may be lost.", "Stromausfall: Kein Rechner antwortet. Labs können verloren sein."
    ),
)

_MODULAR = _Both("A modular supercomputer with CPU and GPU nodes.", "Ein modularer Supercomputer mit CPU- und GPU-Knoten.")
SYSTEMS = (
    views.SystemState("jureca", "JURECA-DC", _MODULAR, "up"),
    views.SystemState(
        "juniq",
        "JUNIQ annealer",
        _Both(
            "A quantum annealer with more than 5,000 qubits, and its emulator.",
            "Ein Quanten-Annealer mit über 5.000 Qubits und sein Emulator.",
        ),
        "down",
        _Both("It is being cooled.", "Er wird gekühlt."),
    ),
    views.SystemState("deep", "DEEP", _Both("A prototype for modular computing.", "Ein Prototyp für modulares Rechnen."), "unknown"),
)

DOWN = tuple(dataclasses.replace(system, health="down", message=_Both("A power failure.", "Stromausfall.")) for system in SYSTEMS)
_NOTICES = {"five-labs": (_NOTICE,), "incident": (_INCIDENT,)}
"""Announcements of the home page, by its state."""
_STATES = {"incident": DOWN}


def _partition(name: str, title: str, gpus: int, nodes: int = 4) -> views.OfferPartition:
    return views.OfferPartition(
        name, title, nodes=views.Amount(1, nodes, 1), gpus=views.Amount(0, gpus, min(gpus, 1)), runtime=views.Amount(10, 1440, 60)
    )


_DEVEL, _GPUS = _partition("devel", _Both("Development", "Entwicklung"), 0), _partition("gpus", _Both("GPU nodes", "GPU-Knoten"), 4, 16)
OFFER = views.Offer(
    systems=(
        views.OfferSystem(
            "jureca",
            "JURECA-DC",
            _MODULAR,
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
        views.OfferProfile(
            "jupyterlab",
            "JupyterLab",
            _Both("The site's default environment.", "Die übliche Umgebung des Rechenzentrums."),
            ("jureca", "deep"),
        ),
        views.OfferProfile(
            "quantum", _Both("JupyterLab with quantum SDKs", "JupyterLab mit Quanten-SDKs"), "Qiskit, D-Wave Ocean, PennyLane", ("jureca",)
        ),
    ),
)
EMPTY_OFFER = views.Offer(
    reason=say(
        "offer_other_projects",
        "This portal is for certain projects, and yours ({projects}) is not among them.",
        projects="training2601, qsim",
    ).then(say("offer_ask", "Ask {contact} if you expected something else.", contact="help@example.org"))
)
OUTAGE = views.Offer(
    reason=say("offer_outage", "{system} is out of operation.", system="JURECA-DC").then(say("offer_later", "Try again later."))
)
FORM = views.Form(title="Lab 1", system="jureca", account="lovelace1", project="training2601", partition="devel", profile="jupyterlab")
WRONG_FORM = dataclasses.replace(
    FORM,
    title='"><script>alert(1)</script>',
    nodes=99,
    partition="booster",
    errors=(
        views.FormError(
            "partition",
            say(
                "refused_partition",
                "There is no partition {name} for you ({where}). Choose {names}.",
                name="booster",
                where="training2601, JURECA-DC",
                names="devel, gpus",
            ),
        ),
        views.FormError(
            "nodes",
            say(
                "refused_range", "{partition} gives {minimum} to {maximum}, not {value}.", partition="devel", minimum=1, maximum=4, value=99
            ),
        ),
        views.FormError("", say("start_away", "The portal's backend can't be reached, so nothing was started. Try again in a minute.")),
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


RUNNING = _lab(
    "lab-1",
    "Ising model",
    node="jrc0421",
    percent=100,
    message=say("step_node", "Running on {node}.", node="jrc0421"),
    can_open=True,
    can_stop=True,
)
STARTING = _lab(
    "lab-2", "Flammen & Wirbel", state="starting", reachability="unknown", partition="gpus", nodes=2, gpus=4, percent=45,
    message=say("step_starting", "{system} starts the lab.", system="JURECA-DC"), node="jrc0007", can_stop=True,
)  # fmt: skip
FAILING = _lab(
    "lab-3", "Workshop <day 2>", reachability="down", node="jrc0099", percent=100, can_stop=True,
    message=say("step_unreachable", "The lab doesn't answer at the moment. It keeps running; the connection is being restored."),
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
    "lab-5", "Yesterday", state="ended", reachability="unknown", message=say("end_by_itself", "The lab ended by itself."), can_start=False,
    since=NOW - timedelta(hours=20),
)  # fmt: skip

_STEPS = (
    ("submitted", 5, say("step_submitted", "{system} receives the lab.", system="JURECA-DC")),
    ("queued", 15, say("step_queued", "Waiting in the queue {partition} of {system}.", partition="devel", system="JURECA-DC")),
    ("starting", 45, say("step_node", "Running on {node}.", node="jrc0007")),
    ("tunnel", 70, say("step_tunnel", "Connecting to the lab.")),
)


def _events(count: int) -> tuple[views.Event, ...]:
    return tuple(
        views.Event(number, NOW - timedelta(seconds=40 - 10 * number), percent, step, message)
        for number, (step, percent, message) in enumerate(_STEPS[:count], start=1)
    )


_FAILED_EVENT = views.Event(
    3,
    NOW,
    100,
    "ended",
    say("site_answers", "{system} answers: {words}.", system="JURECA-DC", words="project training2601 has no time left").then(
        say("end_not_started", "Nothing was started.")
    ),
)
_ERRORS = (
    (
        400,
        say("error_400_title", "That didn't work"),
        say("error_400_what", "Your browser sent something that this portal doesn't understand."),
        say("error_400_cure", "Go back and try it once more."),
    ),
    (403, say("error_403_title", "Not allowed"), say("error_403_what", "Your login doesn't allow this."), Sentence("")),
    (
        404,
        say("error_404_title", "There is no such page"),
        say("error_404_what", "The address leads nowhere, or to something that isn't yours."),
        say("error_404_cure", "Go on from the pages of this portal."),
    ),
    (
        424,
        say("error_424_title", "The lab isn't running"),
        say("error_424_what", "Nothing answers at this address now."),
        say("error_424_cure", "Start the lab again from your labs."),
    ),
    (
        500,
        say("error_500_title", "Something broke"),
        say("error_500_what", "That is our fault, not yours. It is written down and somebody looks at it."),
        say("error_500_cure", "Try again in a minute."),
    ),
    (
        503,
        say("error_503_title", "Out of reach"),
        say("error_503_what", "What should answer here doesn't, at this moment."),
        say("error_503_cure", "Try again in a minute."),
    ),
)


def samples(
    tenant: Tenant,
    *,
    name: str,
    asset: Callable[[str], str],
    pages: Sequence[str] = (),
    locale: str = "en",
    speak: Callable[[str], str] = str,
    now: datetime = NOW,
) -> Iterator[Sample]:
    """Every page in every state; `pages` are the names of the bundle's own pages, `speak` says the product's sentences in `locale`.

    What happened minutes ago happened so many minutes before `now`, and announcements are those of that moment.
    """
    for sample in _samples(tenant, name=name, asset=asset, pages=pages, locale=locale, now=now):
        view = _said(sample.view, locale, speak, now - NOW)
        if isinstance(view, views.HomePage):
            view = dataclasses.replace(view, offer_json=json.dumps(asdict(view.offer)))
        yield dataclasses.replace(sample, common=_said(sample.common, locale, speak, now - NOW), view=view)


def _said(value: Any, locale: str, speak: Callable[[str], str], later: timedelta) -> Any:
    """A view with all its words in one language, and all its moments so much later."""
    if isinstance(value, _Both):
        return value.german if locale == "de" else str(value)
    if isinstance(value, str):
        return speak(value)
    if isinstance(value, datetime):
        return value + later
    if isinstance(value, tuple):
        return tuple(_said(each, locale, speak, later) for each in value)
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return value
    changes = {field.name: _said(getattr(value, field.name), locale, speak, later) for field in dataclasses.fields(value)}
    return dataclasses.replace(value, **changes)


def _samples(
    tenant: Tenant, *, name: str, asset: Callable[[str], str], pages: Sequence[str], locale: str, now: datetime
) -> Iterator[Sample]:
    def common(
        page: str,
        *,
        user: views.User | None = USER,
        announcements: tuple[views.Announcement, ...] = (),
        systems: tuple[views.SystemState, ...] = SYSTEMS,
    ) -> views.Common:
        shown = portal.describe(
            tenant, name=name, asset=asset, identity_provider="Helmholtz ID", now=now, page=page, systems=systems, locale=locale
        )
        shown = dataclasses.replace(shown, announcements=(*shown.announcements, *announcements))
        return views.Common(portal=shown, page=page, locale=locale, user=user, xsrf="sample-xsrf")

    yield Sample("landing", "plain", common("landing", user=None), views.LandingPage())
    notices = common("landing", user=None, announcements=(_NOTICE, _NEWS))
    yield Sample("landing", "announcements", notices, views.LandingPage(notice=say("notice_logged_out", "You are logged out.")))
    for state, view in _home_states():
        yield Sample("home", state, common("home", announcements=_NOTICES.get(state, ()), systems=_STATES.get(state, SYSTEMS)), view)
    for state, start in _start_states():
        yield Sample("start", state, common("start"), start)
    for status, title, what, cure in _ERRORS:
        user = None if status == 503 else USER
        yield Sample(
            "error", str(status), common("error", user=user), views.ErrorPage(status, title, what, cure, "0f3a9c1e7b5d", str(status))
        )
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
        yield state, views.HomePage(labs=shown, offer=offer, form=form, offer_json="")


def _start_states() -> Iterator[tuple[str, views.StartPage]]:
    queued = dataclasses.replace(STARTING, state="queued", percent=15, message=_STEPS[1][2], node="")
    yield "15-percent", views.StartPage(queued, _events(2))
    yield "70-percent", views.StartPage(dataclasses.replace(STARTING, percent=70, message=_STEPS[3][2]), _events(4))
    failed = dataclasses.replace(
        STARTING, state="ended", percent=100, message=_FAILED_EVENT.message, can_stop=False, can_start=True, correlation_id="0f3a9c1e7b5d"
    )
    yield "failed", views.StartPage(failed, (*_events(2), _FAILED_EVENT))
