"""The models of the backend's REST API: the one module that the hub side and the managers' side share.

Everything here is data. The hub sends a `LabRequest`, the backend answers with `Lab`, `Event` and `System`, a lab reports
itself with a `Report`, and every error is a `Problem` (RFC 9457). Unknown keys are refused in what is sent to the backend;
in what the backend answers they are ignored, so that a newer backend can serve an older hub.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, field_serializer

from portico.words import Part, Sentence

PROBLEM_MEDIA_TYPE = "application/problem+json"
CORRELATION_HEADER = "X-Correlation-ID"
USER_TOKEN_HEADER = "X-Portico-User-Token"  # noqa: S105 -- the name of a header, not a secret

# What may stand in a UNICORE preferences header or a path: no comma, no line break, no separator (hostile inputs 36 and 37).
Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@+-]{0,127}$")]
LabId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
"""The backend's id of one start of a lab: a UUID's 32 hexadecimal digits, picked by the hub."""
Text = Annotated[str, StringConstraints(max_length=2000)]


class LabState(StrEnum):
    """How far a lab is. States move forward only, in this order; `ended` is final."""

    SUBMITTED = "submitted"
    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    ENDED = "ended"

    @property
    def rank(self) -> int:
        """The place in the order, 0 to 5."""
        return list(LabState).index(self)


class Reachability(StrEnum):
    """Whether the lab answers through its tunnel. `unknown`: nobody could ask."""

    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"


class Health(StrEnum):
    """Whether a system answers. `unknown`: it has not been asked yet."""

    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"


class _Sent(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class _Answered(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)


class Choice(_Sent):
    """What a user picked out of her offer, checked by the hub, checked again by the backend against tenant and system."""

    system: Identifier
    account: Identifier
    project: Identifier
    partition: Identifier
    profile: Identifier = "jupyterlab"
    """The JupyterLab configuration, by its name in the operator's list."""
    nodes: int = Field(default=1, ge=1, le=100_000)
    gpus: int = Field(default=0, ge=0, le=1_000)
    """GPUs on each node."""
    runtime: int = Field(default=60, ge=1, le=100_000)
    """Minutes."""


class LabRequest(_Sent):
    """The body of `PUT /labs/{id}`. Sent again with the same id it changes nothing but the access token."""

    user: Identifier
    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
    """The named server's slug, part of the lab's URL."""
    title: Annotated[str, StringConstraints(max_length=200)] = ""
    """What the user calls it; text only."""
    choice: Choice
    environment: dict[Annotated[str, StringConstraints(pattern=r"^[A-Z_][A-Z0-9_]{0,63}$")], Text] = Field(
        default_factory=dict, max_length=100
    )
    """The lab's own environment (JUPYTERHUB_*): holds its API token, so it is never logged nor answered."""
    prefix: Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9_.@~%+/-]{0,300}/$")] = "/"
    """The path below which the lab answers, `/user/<name>/<server>/`."""
    overrides: dict[str, dict[str, object]] = Field(default_factory=dict)
    """The tenant's JupyterLab settings, in the shape of JupyterLab's `overrides.json`."""
    access_token: SecretStr
    """The user's own token at the identity provider, with which the site is asked."""

    @field_serializer("access_token", when_used="json")
    def _reveal(self, value: SecretStr) -> str:
        """Sent over the wire as it is; `repr` and logs show stars."""
        return value.get_secret_value()


class Lab(_Answered):
    """One start of a lab as the backend knows it."""

    id: LabId
    tenant: str
    user: str
    name: str
    title: str = ""
    choice: Choice
    state: LabState
    reachability: Reachability = Reachability.UNKNOWN
    reason: str | None = None
    """Why it ended, a sentence; None before that."""
    address: str | None = None
    """`host:port` at which the lab is published, stable over the lab's life; None before its tunnel stands."""
    node: str | None = None
    created_at: datetime
    updated_at: datetime
    last_event: int = 0
    """The id of the newest event, for a stream that goes on from here."""


class Event(_Answered):
    """One thing that happened to a lab. Ids grow by one within a lab, percent never shrinks."""

    id: int
    at: datetime
    state: LabState
    reachability: Reachability
    percent: int = Field(ge=0, le=100)
    step: str
    """A stable key of the step, for translation: `submitted`, `queued`, `starting`, `node`, `tunnel`, `ready`, `stopping`, `stopped` (asked
    for), `ended` (by itself), `unreachable`, `recovered`, `message`."""
    message: str
    """An English sentence; text only, never markup."""
    said: list[Part] = Field(default_factory=list)
    """The same sentence by its parts, for translation; empty where the words are somebody else's."""
    address: str | None = None
    """As in `Lab`, once known."""

    @property
    def sentence(self) -> Sentence:
        """The message, with its parts."""
        return Sentence(self.message, self.said)


class Report(_Sent):
    """What a lab tells of itself: where it listens, and how far its own start is. Text only."""

    node: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")] | None = None
    port: int | None = Field(default=None, ge=1024, le=65535)
    message: Text = ""


class System(_Answered):
    """A system as a hub sees it."""

    name: str
    title: str
    kind: Literal["unicore", "kubernetes"]
    health: Health
    message: str = ""
    """Why it isn't up, a sentence."""
    said: list[Part] = Field(default_factory=list)
    """As in `Event`."""
    checked_at: datetime | None = None

    @property
    def sentence(self) -> Sentence:
        """The message, with its parts."""
        return Sentence(self.message, self.said)


class Problem(_Answered):
    """An RFC 9457 problem document.

    `type` is a stable path reference (`/problems/not-in-offer`), `detail` a sentence that the user can act on, `field` the place in what
    was sent, where there is one.
    """

    type: str
    title: str
    status: int
    detail: str = ""
    instance: str = ""
    correlation_id: str = ""
    field: str | None = None


class Tunnel(_Answered):
    """A lab's way in, as the tunnel manager sees it."""

    lab: LabId
    system: str
    node: str | None = None
    port: int | None = None
    address: str | None = None
    """`host:port` of this end."""
    reachability: Reachability = Reachability.UNKNOWN
    """Whether the tunnel stands; whether the lab behind it answers is the lab's own."""


class OperatorLab(_Answered):
    """A lab in one line, for the operator."""

    id: LabId
    tenant: str
    user: str
    name: str
    system: str
    state: LabState
    reachability: Reachability
    address: str | None = None


class OperatorSystem(_Answered):
    """A system for the operator: the site, and the connection to its login node."""

    name: str
    kind: str
    health: Health
    message: str = ""
    tunnel: Health = Health.UNKNOWN
    tunnel_message: str = ""
