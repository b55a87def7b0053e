"""The schema of `tenant.toml`: all that a tenant may say about its portal, and nothing that is the operator's.

The schema is closed. What a tenant may never set (host, secrets, addresses of systems, identity provider, ceilings) has no key here; it
stands in the operator's `portico.toml`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from portico.words import Language, Line, Paragraph, Prose, Words

CONTRACT = 1
"""The version of the contract between a bundle and the product: schema, template context, blocks."""

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
"""A name that may stand in an address: tenants, themes, pages, profiles."""
Path = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$", max_length=200)]
"""A file below `static/`, with `/` between its parts."""
Colour = Annotated[str, StringConstraints(pattern=r"^#[0-9a-f]{6}$")]
Url = Annotated[str, StringConstraints(pattern=r"^(https?://|mailto:|/)[^\s<>\"'\\]*$", max_length=500)]
Token = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
Length = Annotated[str, StringConstraints(pattern=r"^\d{1,3}(\.\d{1,3})?(px|rem|em)?$")]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Brand(_Closed):
    """Design tokens and marks. A colour is `#rrggbb`; its name is the role of a CSS custom property (`accent` is `--accent`)."""

    logo: Path = "logo.svg"
    favicon: Path = "favicon.svg"
    stylesheets: list[Path] = Field(default_factory=lambda: ["css/tenant.css"], max_length=10)
    """Loaded in this order in the cascade layer `tenant`, after the theme's."""
    light: dict[Token, Colour] = Field(default_factory=dict, max_length=40)
    dark: dict[Token, Colour] = Field(default_factory=dict, max_length=40)
    radius: Length | None = None


class NavigationLink(_Closed):
    """A link: to an own page by its name, or to an address."""

    title: Words
    page: Name | None = None
    url: Url | None = None
    place: Literal["navigation", "footer"] = "navigation"


class AnnouncementSource(_Closed):
    """A notice on every page between two moments (UTC)."""

    text: Prose
    level: Literal["info", "success", "warning", "danger"] = "info"
    starts: datetime | None = None
    ends: datetime | None = None
    dismissible: bool = True


class Access(_Closed):
    """Who may log in: members of any of these groups; everybody whom the identity provider knows where it is empty."""

    groups: list[Line] = Field(default_factory=list, max_length=100)


class SystemFilter(_Closed):
    """A system out of those that the operator grants this tenant, and which of its partitions are shown."""

    name: Line
    partitions: list[Line] = Field(default_factory=list, max_length=100)
    """Empty: all that the operator grants."""
    description: Prose = ""
    """In place of the operator's."""


class Projects(_Closed):
    """Which projects may be charged at this portal: names or shell-style patterns, compared in lower case."""

    allow: list[Line] = Field(default_factory=lambda: ["*"], max_length=500)


class Defaults(_Closed):
    """What the start form proposes where the user's offer holds it."""

    system: str | None = None
    partition: str | None = None
    profile: str | None = None
    runtime: int | None = Field(default=None, ge=1)
    """Minutes."""


class Profiles(_Closed):
    """The JupyterLab configurations on offer, by their names in the operator's list; per group of users."""

    allow: list[Line] = Field(default_factory=lambda: ["*"], max_length=100)
    groups: dict[str, list[Line]] = Field(default_factory=dict)
    """For members of the group also these."""


class Tenant(_Closed):
    """`tenant.toml`."""

    contract: Literal[1] = 1
    title: Words
    """Here and wherever people read it, one text or a table by language: `{en = "Courses", de = "Kurse"}`."""
    tagline: Words = ""
    contact: Url
    """Where users of this portal turn to: `mailto:...` or a web address."""
    theme: Name = "base"
    languages: list[Language] = Field(default=["en"], min_length=1)
    """The languages of the portal's pages. The first one answers where a visitor's isn't among them, and where a text lacks hers."""
    brand: Brand = Brand()
    links: list[NavigationLink] = Field(default_factory=list, max_length=30)
    announcements: list[AnnouncementSource] = Field(default_factory=list, max_length=20)
    access: Access = Access()
    systems: list[SystemFilter] = Field(default_factory=list, max_length=50)
    """Empty: all that the operator grants."""
    projects: Projects = Projects()
    profiles: Profiles = Profiles()
    defaults: Defaults = Defaults()
    texts: dict[str, dict[str, Paragraph]] = Field(default_factory=dict)
    """Texts by language, then by key: overrides of the theme's texts, and the bundle's own.

    `a.b = ""` and `[texts.en.a]` with `b = ""` are both the key `a.b`.
    """

    @field_validator("texts", mode="before")
    @classmethod
    def _flat(cls, value: object) -> object:
        return {language: flatten(texts) for language, texts in value.items()} if isinstance(value, dict) else value


def flatten(texts: object, prefix: str = "") -> object:
    """Nested tables of texts as one table with dotted keys; what isn't a table comes back as it is."""
    if not isinstance(texts, dict):
        return texts
    flat: dict[str, object] = {}
    for key, value in texts.items():
        if isinstance(value, dict):
            inner = flatten(value, f"{prefix}{key}.")
            flat |= inner if isinstance(inner, dict) else {}
        else:
            flat[f"{prefix}{key}"] = value
    return flat


class Theme(_Closed):
    """`theme.toml` of a directory under `themes/`."""

    contract: Literal[1] = 1
    title: Line
    extends: Name | None = None
    stylesheets: list[Path] = Field(default_factory=list, max_length=20)
    """Loaded in this order in the cascade layer `theme`, the parent's first."""
    scripts: list[Path] = Field(default_factory=list, max_length=20)
