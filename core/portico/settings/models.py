"""The operator's configuration, `portico.toml`, as checked and frozen models.

Secrets are never values here: a field that ends in `_file` names a file that holds one.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from portico.settings import repositories
from portico.words import Prose, Words

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
Host = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")]
"""A host name or an IPv4 address; never begins with a dash (hostile input 53)."""
LoginName = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_-]{0,31}$")]
HttpUrl = Annotated[str, StringConstraints(pattern=r"^https?://[^\s@]+$")]
Port = Annotated[int, Field(ge=0, le=65535)]


def _plain(path: Path) -> Path:
    if not re.fullmatch(r"[\w./+@=,-]+", str(path)):
        raise ValueError("is a path that ssh or git would read differently; use letters, digits and . / + @ = , _ - alone")
    return path


PlainPath = Annotated[Path, AfterValidator(_plain)]
"""A path in which no program finds anything to expand or to split."""


class Model(BaseModel):
    """A closed, frozen piece of the configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Range(Model):
    """Bounds of a number that a user may pick, inclusive, and what is proposed."""

    minimum: int = Field(ge=0)
    maximum: int = Field(ge=0)
    default: int = Field(ge=0)

    @model_validator(mode="after")
    def _ordered(self) -> Range:
        if not self.minimum <= self.default <= self.maximum:
            raise ValueError(f"the default {self.default} must lie between {self.minimum} and {self.maximum}")
        return self


class Partition(Model):
    """A queue of a system, and the ceilings for labs in it."""

    name: str
    title: Words = ""
    """What people read in place of the name: one text, or a table by language."""
    interactive: bool = False
    """Labs run on the login nodes themselves (UNICORE's job type `INTERACTIVE`)."""
    nodes: Range = Range(minimum=1, maximum=1, default=1)
    gpus: Range = Range(minimum=0, maximum=0, default=0)
    """GPUs on each node."""
    runtime: Range = Range(minimum=10, maximum=1440, default=60)
    """Minutes."""


class LoginNode(Model):
    """The jump node of a system: where the tunnel manager forwards through."""

    host: Host
    port: Port = 22
    user: LoginName
    key_file: Path
    known_hosts_file: Path
    """OpenSSH's format. A host whose key isn't here is refused; there is no option to accept it."""
    driver: Literal["openssh", "sshtunnel"] = "openssh"
    node_pattern: str = r"[a-z]{2,12}[0-9]{1,5}(\.[a-z0-9-]+)*"
    """Which target nodes may be forwarded to: a regular expression over the whole name."""
    connect_timeout: float = Field(default=10.0, gt=0, le=120)
    """Seconds."""
    alive_interval: int = Field(default=10, ge=1, le=60)
    """Seconds between liveness probes; three without an answer end a connection."""

    @field_validator("node_pattern")
    @classmethod
    def _compiles(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"is no regular expression: {error}") from error
        return value


class Profile(Model):
    """A JupyterLab configuration that the operator lists: how a lab is started at a system."""

    name: Name
    title: Words
    description: Prose = ""
    command: list[str] = Field(min_length=1)
    """An argument list. `{address}` and `{port}` stand for where the lab must listen, `{prefix}` for the path below which it answers."""
    setup: list[str] = Field(default_factory=list)
    """Lines for the site's own environment before the command, such as `module load Jupyter`: the operator's, run by the site's shell."""
    environment: dict[str, str] = Field(default_factory=dict)


class UnicoreSystem(Model):
    """An HPC site with a UNICORE/X server."""

    kind: Literal["unicore"] = "unicore"
    name: Name
    title: str
    description: Prose = ""
    """One text, or a table by language; a tenant may say it otherwise."""
    url: HttpUrl
    """The site's base address, `https://host:port/SITE/rest/core`."""
    ca_file: Path | None = None
    python: str = "python3"
    """The Python (3.8 or later) that starts a lab at the site."""
    login_node: LoginNode
    partitions: list[Partition] = Field(min_length=1)
    profiles: list[Profile] = Field(min_length=1)
    environment: dict[str, str] = Field(default_factory=dict)
    poll_interval: float = Field(default=5.0, ge=0.2, le=300)
    """Seconds between two questions for a job's state, where no notification comes."""
    request_timeout: float = Field(default=30.0, gt=0, le=300)
    """Seconds."""
    workers: int = Field(default=8, ge=1, le=64)
    """Threads that may ask this site at once."""
    start_timeout: float = Field(default=1800, ge=10)
    """Seconds from RUNNING until the lab must have told where it listens."""


System = UnicoreSystem
"""A place where labs run. Further kinds join here as a union discriminated by `kind`."""


class Grant(Model):
    """What the operator grants a tenant of one system; empty `partitions` or `projects`: all."""

    system: Name
    partitions: list[str] = Field(default_factory=list)
    projects: list[str] = Field(default_factory=list)
    """Compared without regard to case."""


class Source(Model):
    """A branch of a git repository, and how it is entered."""

    repository: str
    """A path or an address that git can fetch from. Those with the same address and credential share one copy and one fetch."""
    branch: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,99}$")] = "main"
    poll_interval: float | None = Field(default=None, ge=0.2, le=3600)
    """Seconds between two looks at this repository; none: the installation's. Those that share a repository share the shortest."""
    key_file: PlainPath | None = None
    """A private key of SSH without a passphrase that may read the repository (a deploy key). Needs `known_hosts_file`."""
    known_hosts_file: PlainPath | None = None
    """OpenSSH's format: the repository's host key. A host whose key isn't here is refused; there is no option to accept it."""
    token_file: PlainPath | None = None
    """A token that may read the repository over HTTPS. Never sent over plain HTTP to another machine."""
    token_user: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+@-]{0,99}$")] = "git"  # noqa: S105 -- a user's name
    """The user name that goes with the token. GitHub and Gitea take any; GitLab's deploy tokens have a name of their own."""

    @field_validator("repository")
    @classmethod
    def _without_credential(cls, value: str) -> str:
        if repositories.holds_credential(value):
            raise ValueError("the repository's address holds a credential; take it out and name its file as token_file")
        return value

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        over_ssh, over_tls = repositories.takes_key(self.repository), repositories.takes_token(self.repository)
        if (self.key_file is None) != (self.known_hosts_file is None):
            raise ValueError("it needs both key_file and known_hosts_file, or neither")
        if self.key_file is not None and not over_ssh:
            raise ValueError("it has a key_file, but its repository isn't reached over SSH")
        if self.token_file is not None and not over_tls:
            raise ValueError("it has a token_file, but its repository isn't reached over HTTPS")
        return self


class TenantList(Source):
    """Where the operator keeps a list of further tenants: a file of a repository of her own, in which `[[tenants]]` alone may stand.

    A commit there is taken as a saved `portico.toml` is. The files of secrets that it names lie on this machine.
    """

    file: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*){0,15}$")] = "tenants.toml"
    """The file's path in the repository."""
    poll_interval: float = Field(default=5.0, ge=0.2, le=3600)
    """Seconds between two looks at it."""


class TenantEntry(Source):
    """A tenant as the operator lists it."""

    name: Name
    host: Host
    directory: str = ""
    """The bundle's directory in the repository; empty: its top."""
    webhook_secret_file: Path | None = None
    """What the forge signs its calls of `/hooks/git` with, 16 characters at least. A second line is accepted too, while you replace it."""
    grants: list[Grant] = Field(default_factory=list)
    lab_limit: int = Field(default=5, ge=1, le=100)
    """Labs that one user may have at this portal."""
    client_id: str
    client_secret_file: Path
    backend_token_file: Path
    cookie_secret_file: Path
    crypt_key_file: Path
    admins: list[str] = Field(default_factory=list)
    """Names of users who may look after this portal at `/hub/portal`: what is live, what was refused, roll back, pin, preview. It makes
    them no admin of JupyterHub; they may log in whatever groups the bundle asks for."""


class IdentityProvider(Model):
    """The OpenID Connect provider that all tenants share. Where a browser goes may differ from where the hub asks."""

    title: Words
    """What people call it: one text, or a table by language."""
    authorize_url: HttpUrl
    token_url: HttpUrl
    userinfo_url: HttpUrl
    logout_url: HttpUrl | None = None
    username_claim: str = "preferred_username"
    groups_claim: str = "groups"
    accounts_claim: str = "hpc_infos_attribute"
    scopes: list[str] = Field(default_factory=lambda: ["openid", "profile", "email"])
    ca_file: Path | None = None


class AccountKeys(Model):
    """How a claim's KEY maps to a system and its partitions (`account,KEY,project,email`)."""

    system: Name
    partitions: list[str] = Field(min_length=1)


class Gateway(Model):
    """The one HTTP entrance."""

    address: str = "127.0.0.1"
    port: Port = 8000
    api_port: Port = 8001
    auth_token_file: Path
    public_port: Port | None = None
    """The port in the addresses that users see, where something stands in front; None: `port`."""
    scheme: Literal["http", "https"] = "http"


class Backend(Model):
    """The shared service."""

    address: str = "127.0.0.1"
    port: Port = 8002
    database_url: str
    operator_token_file: Path
    encryption_key_file: Path
    """A Fernet key: what must be kept of a user's token is kept encrypted with it."""
    public_url: HttpUrl | None = None
    """Where labs can report; None: labs leave node and port in a file of their job directory only."""


class Settings(Model):
    """All of `portico.toml`."""

    state: Path
    """The directory of databases, snapshots, sockets and logs."""
    gateway: Gateway
    backend: Backend
    identity_provider: IdentityProvider
    account_keys: dict[str, AccountKeys] = Field(default_factory=dict)
    systems: list[System] = Field(default_factory=list)
    tenants: list[TenantEntry] = Field(default_factory=list)
    tenant_list: TenantList | None = None
    """Where further tenants are listed; none: here alone."""
    poll_interval: float = Field(default=30.0, ge=0.2, le=3600)
    """Seconds between two looks at each tenant's repository."""
    repository_roots: list[Path] = Field(default_factory=list)
    """Directories below which repositories on this machine must lie; empty: anywhere."""
    themes: Path | None = None
    """A directory of themes in place of those of the product."""

    @model_validator(mode="after")
    def _refers_to_what_exists(self) -> Settings:
        names = [system.name for system in self.systems]
        hosts = [tenant.host for tenant in self.tenants]
        tenants = [tenant.name for tenant in self.tenants]
        for kind, values in (("system", names), ("tenant", tenants), ("host", hosts)):
            for value in values:
                if values.count(value) > 1:
                    raise ValueError(f"{kind} {value!r} is listed twice")
        for tenant in self.tenants:
            for grant in tenant.grants:
                if grant.system not in names:
                    raise ValueError(f"tenant {tenant.name!r} is granted {grant.system!r}, which is not listed under [[systems]]")
        for key, account in self.account_keys.items():
            if account.system not in names:
                raise ValueError(f"account_keys.{key} names the system {account.system!r}, which is not listed under [[systems]]")
        return self

    def system(self, name: str) -> System:
        """The system of that name; KeyError where there is none."""
        for system in self.systems:
            if system.name == name:
                return system
        raise KeyError(name)

    def tenant(self, name: str) -> TenantEntry:
        """The tenant of that name; KeyError where there is none."""
        for tenant in self.tenants:
            if tenant.name == name:
                return tenant
        raise KeyError(name)

    def address(self, tenant: TenantEntry) -> str:
        """The portal's address as users type it, without a trailing slash."""
        port = self.gateway.public_port if self.gateway.public_port is not None else self.gateway.port
        standard = {"http": 80, "https": 443}[self.gateway.scheme]
        return f"{self.gateway.scheme}://{tenant.host}" + ("" if port == standard else f":{port}")
