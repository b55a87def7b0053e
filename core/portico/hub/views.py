"""From the hub's own objects to the frozen views that templates see.

JupyterHub's users, spawners and handlers end here: what goes on to a template holds texts, numbers and truth values.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import quote

from portico import api
from portico.api import LabState, Reachability
from portico.hub.names import untitled
from portico.offers.draw import places
from portico.settings.models import Settings, TenantEntry
from portico.spawner.spawner import PorticoSpawner
from portico.tenants import views
from portico.tenants.bundle import Tenant
from portico.words import said, say

Speak = Callable[[str], str]
"""Says a sentence of the product's own in a page's language, and lets any other text be."""
State = Literal["stopped", "submitted", "queued", "starting", "running", "stopping", "ended"]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a named server stands: as its spawner knows it, or as it was written down when it stopped."""

    state: State = "stopped"
    reachability: Reachability = Reachability.UNKNOWN
    percent: int = 0
    message: str = ""
    since: datetime | None = None
    correlation_id: str = ""
    ready: bool = False
    """JupyterHub's route leads to it."""
    active: bool = False
    """JupyterHub starts, runs, checks or stops it."""
    stopping: bool = False

    @property
    def can_open(self) -> bool:
        """Whether "Open" leads somewhere. An unknown reachability doesn't forbid to try."""
        return self.ready and self.state == "running" and self.reachability is not Reachability.DOWN

    @property
    def can_stop(self) -> bool:
        """Whether a stop may be asked for."""
        return self.active and not self.stopping and self.state not in ("stopping", "ended", "stopped")


def standing(spawner: PorticoSpawner | None, stored: Mapping[str, Any] | None) -> Standing:
    """Where a named server stands. `stored` is its written state; it counts where no spawner lives."""
    if spawner is not None and spawner.lab_id is not None:
        return _under_way(spawner)
    if spawner is not None and spawner.pending == "spawn":
        return Standing(state="submitted", message=say("lab_checking", "Checking what you may start."), active=True)
    last = spawner.last if spawner is not None else _stored_event(stored)
    correlation = spawner.correlation_id if spawner is not None else str((stored or {}).get("correlation_id", ""))
    if last is None:
        return Standing(correlation_id=correlation)
    state: State = word(last) if last.state is LabState.ENDED else "stopped"
    return Standing(state=state, percent=last.percent, message=last.sentence, since=last.at, correlation_id=correlation)


def word(event: api.Event) -> State:
    """The state as a page shows it: a lab that was asked to stop is not one that ended by itself."""
    return "stopped" if event.state is LabState.ENDED and event.step == "stopped" else event.state.value


def _under_way(spawner: PorticoSpawner) -> Standing:
    latest = spawner.events.latest
    state: State = word(latest) if latest else "submitted"
    if spawner.stopping and state not in ("ended", "stopped"):
        state = "stopping"
    return Standing(
        state=state,
        reachability=spawner.events.reachability,
        percent=latest.percent if latest else 0,
        message=latest.sentence if latest else say("lab_handing_over", "Handing the lab over."),
        since=latest.at if latest else None,
        correlation_id=spawner.correlation_id,
        ready=bool(spawner.ready),
        active=bool(spawner.active),
        stopping=spawner.stopping,
    )


def _stored_event(stored: Mapping[str, Any] | None) -> api.Event | None:
    try:
        return api.Event.model_validate((stored or {})["last"])
    except (KeyError, ValueError):
        return None


def lab(
    user_name: str,
    name: str,
    options: Mapping[str, Any],
    now: Standing,
    titles: Mapping[str, str],
    *,
    can_start: bool = False,
    why: str = "",
    speak: Speak = str,
) -> views.Lab:
    """One row. `titles` are the systems' titles; `why` says why it can't be started any more; `speak` is of the page's language."""
    system = _text(options, "system")
    base = f"/hub/labs/{quote(name)}"
    return views.Lab(
        name=name,
        title=_text(options, "title") or untitled(name),
        state=now.state,
        reachability=now.reachability.value,
        system=system,
        system_title=titles.get(system, system),
        account=_text(options, "account"),
        project=_text(options, "project"),
        partition=_text(options, "partition"),
        nodes=_number(options, "nodes", 1),
        gpus=_number(options, "gpus", 0),
        runtime=_number(options, "runtime", 0),
        open_url=open_url(user_name, name),
        stop_url=f"{base}/stop",
        progress_url=base,
        events_url=f"{base}/events",
        percent=now.percent,
        message=speak(why if why and now.state in ("stopped", "ended") else now.message),
        since=now.since,
        can_open=now.can_open,
        can_stop=now.can_stop,
        can_start=can_start and not now.active,
        correlation_id=now.correlation_id,
    )


def open_url(user_name: str, name: str) -> str:
    """Where a lab answers, below the portal's address."""
    return f"/user/{quote(user_name, safe='@')}/{quote(name)}/"


def event(source: api.Event, speak: Speak = str) -> views.Event:
    """A step, as the progress list shows it."""
    return views.Event(id=source.id, at=source.at, percent=source.percent, step=source.step, message=speak(source.sentence))


def offer(source: views.Offer, speak: Speak) -> views.Offer:
    """The offer with its reason in the page's language."""
    return replace(source, reason=speak(source.reason))


def form_errors(errors: Iterable[views.FormError], speak: Speak) -> tuple[views.FormError, ...]:
    """What is wrong with a form, in the page's language."""
    return tuple(replace(error, message=speak(error.message)) for error in errors)


def systems(
    tenant: Tenant, entry: TenantEntry, settings: Settings, known: Mapping[str, api.System], *, locale: str, speak: Speak = str
) -> tuple[views.SystemState, ...]:
    """The portal's systems in the language `locale`, and how they are as far as that is known."""
    return tuple(
        views.SystemState(
            name=name,
            title=place.system.title,
            description=said(place.description, locale, tenant.languages),
            health=known[name].health.value if name in known else "unknown",
            message=speak(known[name].sentence) if name in known else "",
        )
        for name, place in places(tenant, entry, settings, ()).items()
    )


def user(name: str, auth_state: Mapping[str, Any] | None, *, admins: Collection[str] = ()) -> views.User:
    """Who is logged in; `admins` are the names of this portal's admins."""
    state = auth_state or {}
    return views.User(
        name=name,
        display_name=str(state.get("display_name") or name),
        groups=tuple(state.get("groups") or ()),
        admin=name in admins,
    )


def moment(value: datetime | None) -> str | None:
    """A moment for a script: ISO 8601 in UTC."""
    return value.astimezone(UTC).isoformat() if value else None


def _text(options: Mapping[str, Any], key: str) -> str:
    value = options.get(key)
    return value[:200] if isinstance(value, str) else ""


def _number(options: Mapping[str, Any], key: str, default: int) -> int:
    value = options.get(key)
    try:
        return int(value) if value not in (None, "") else default
    except (TypeError, ValueError, OverflowError):
        return default
