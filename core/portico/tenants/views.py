"""What a template sees: frozen values and nothing else.

No view holds an ORM object, a handler, a setting, a token or a function that reaches one. Every field is text, a number, a truth value
or another view, so the worst that a template can do with its context is to print it. The hub builds them from its own objects; the
rehearsal builds them from `samples`. What each page gets stands in `PAGES`.

Beside the page's own values every template has the fields of `Common` (`portal`, `page`, `locale`, `user`, `urls`, `xsrf`) and two
functions: `t(key, **values)`, a text of the theme or the tenant, and `asset(path)`, the address of a static file, with the digest.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class Link:
    """A link of the portal's navigation or footer."""

    title: str
    url: str
    current: bool = False


@dataclass(frozen=True, slots=True)
class Announcement:
    """A notice that is due now."""

    id: str
    level: Literal["info", "success", "warning", "danger"]
    text: str
    dismissible: bool = True


@dataclass(frozen=True, slots=True)
class SystemState:
    """A system that this portal offers, and how it is."""

    name: str
    title: str
    description: str
    health: Literal["up", "down", "unknown"]
    message: str = ""


@dataclass(frozen=True, slots=True)
class Portal:
    """The tenant as its bundle describes it."""

    name: str
    title: str
    tagline: str
    contact: str
    """Where users turn to: an e-mail address or a web address. Empty only while the portal has no version."""
    identity_provider: str
    """What the login button's help calls the place where one logs in."""
    logo: str
    """The address of the logo (SVG)."""
    favicon: str
    languages: tuple[str, ...] = ()
    """Those that its pages speak, the portal's own first: `en`, `de`."""
    navigation: tuple[Link, ...] = ()
    footer: tuple[Link, ...] = ()
    announcements: tuple[Announcement, ...] = ()
    systems: tuple[SystemState, ...] = ()


@dataclass(frozen=True, slots=True)
class User:
    """Who is logged in."""

    name: str
    display_name: str
    groups: tuple[str, ...] = ()
    admin: bool = False
    """Whether she may look after this portal, at `urls.portal`."""


@dataclass(frozen=True, slots=True)
class Urls:
    """The addresses that a page may point to. None of them holds a token."""

    landing: str = "/hub/login"
    login: str = "/hub/oauth_login"
    home: str = "/hub/home"
    start: str = "/hub/start"
    logout: str = "/hub/logout"
    language: str = "/hub/language/"
    """`language` + `de` remembers that language for this browser, and leads back."""
    portal: str = "/hub/portal"
    pages: str = "/hub/page/"
    """An own page `systems.html` answers at `pages` + `systems`."""


@dataclass(frozen=True, slots=True)
class Lab:
    """One row of the home page, and the subject of the start page."""

    name: str
    title: str
    state: Literal["stopped", "submitted", "queued", "starting", "running", "stopping", "ended"]
    reachability: Literal["up", "down", "unknown"]
    system: str
    system_title: str
    account: str
    project: str
    partition: str
    nodes: int
    gpus: int
    runtime: int
    """Minutes."""
    open_url: str
    stop_url: str
    progress_url: str
    events_url: str
    node: str = ""
    percent: int = 0
    message: str = ""
    """The newest step, or why it ended, or why it can't start any more."""
    since: datetime | None = None
    can_open: bool = False
    can_stop: bool = False
    can_start: bool = False
    correlation_id: str = ""
    """What to quote when one asks for help about this lab's newest start."""


@dataclass(frozen=True, slots=True)
class Event:
    """A step of a start, as the progress list shows it."""

    id: int
    at: datetime
    percent: int
    step: str
    message: str


@dataclass(frozen=True, slots=True)
class Amount:
    """A number field's bounds and default."""

    minimum: int
    maximum: int
    default: int


@dataclass(frozen=True, slots=True)
class OfferPartition:
    """A partition that the user may use."""

    name: str
    title: str
    nodes: Amount
    gpus: Amount
    runtime: Amount


@dataclass(frozen=True, slots=True)
class OfferProject:
    """A project (budget) that the user may charge."""

    name: str
    partitions: tuple[OfferPartition, ...]


@dataclass(frozen=True, slots=True)
class OfferAccount:
    """A login name at the site."""

    name: str
    projects: tuple[OfferProject, ...]


@dataclass(frozen=True, slots=True)
class OfferSystem:
    """A system on which the user may start labs now."""

    name: str
    title: str
    description: str
    accounts: tuple[OfferAccount, ...]
    health: Literal["up", "down", "unknown"] = "unknown"


@dataclass(frozen=True, slots=True)
class OfferProfile:
    """A JupyterLab configuration on offer."""

    name: str
    title: str
    description: str
    systems: tuple[str, ...]
    """The systems, by name, where it runs."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What this user may start at this portal now; where `systems` is empty, `reason` says why and whom to ask."""

    systems: tuple[OfferSystem, ...] = ()
    profiles: tuple[OfferProfile, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class FormError:
    """A refused field of the start form: the field's name and a sentence."""

    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Form:
    """The start form's values (as they were sent, or the defaults) and what is wrong with them."""

    title: str = ""
    system: str = ""
    account: str = ""
    project: str = ""
    partition: str = ""
    profile: str = ""
    nodes: int = 1
    gpus: int = 0
    runtime: int = 60
    errors: tuple[FormError, ...] = ()


@dataclass(frozen=True, slots=True)
class LandingPage:
    """`landing.html`: what is this, may I use it, "Log in"."""

    notice: str = ""
    """A sentence such as "You are logged out", or empty."""


@dataclass(frozen=True, slots=True)
class HomePage:
    """`home.html`: what runs, and how do I start."""

    labs: tuple[Lab, ...]
    offer: Offer
    form: Form
    offer_json: str
    """The offer as JSON, for a `data-offer` attribute that the form's script reads; autoescape makes it safe there."""


@dataclass(frozen=True, slots=True)
class StartPage:
    """`start.html`: how far is it."""

    lab: Lab
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class ErrorPage:
    """`error.html`: what happened, what now."""

    status: int
    title: str
    what: str
    cure: str = ""
    correlation_id: str = ""
    key: str = ""
    """What it is about, for a drawing or further words: the status, or a cause such as `xsrf`."""


@dataclass(frozen=True, slots=True)
class OwnPage:
    """`pages/<name>.html`: a page that the bundle adds. It answers logged in or not."""

    name: str


@dataclass(frozen=True, slots=True)
class Common:
    """What every page gets beside its own view."""

    portal: Portal
    page: str
    locale: str = "en"
    user: User | None = None
    urls: Urls = field(default_factory=Urls)
    xsrf: str = ""


Page = LandingPage | HomePage | StartPage | ErrorPage | OwnPage
"""A template gets the fields of `Common` and the fields of its page's view, each by its name."""

PAGES: dict[str, type[LandingPage | HomePage | StartPage | ErrorPage]] = {
    "landing": LandingPage,
    "home": HomePage,
    "start": StartPage,
    "error": ErrorPage,
}
