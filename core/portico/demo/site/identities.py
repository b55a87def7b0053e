"""Who asks, and as which login: bearer tokens, passwords, security sessions and the preferences header.

As at the real server, a wrong credential is refused (403), no credential makes an anonymous caller, and a security session stands for the
credential that opened it. What a caller may do at a site follows from the entitlements of the identity provider's claim.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import jwt

from portico.demo.configuration import SiteConfig
from portico.demo.site.credential import ServerCredential

SESSION_HEADER = "X-UNICORE-SecuritySession"
LIFETIME_HEADER = "X-UNICORE-SecuritySession-Lifetime"
PREFERENCES_HEADER = "X-UNICORE-User-Preferences"
SESSION_LIFETIME = 300.0
"""Seconds. The real server's is 8 hours; a demo shows sooner that an account is gone."""
TOKEN_CACHED = 30.0
"""Seconds for which a verified token is not asked for again."""
OAUTH, PASSWORD, DELEGATION = "OAUTH", "PASSWORD_FILE", "ETD"


class RefusedError(Exception):
    """403, with an empty body."""


class UnknownSessionError(Exception):
    """432: the client sends its credential again."""


@dataclass(frozen=True)
class Entitlement:
    """One line of the claim: `account,KEY,project,email`."""

    account: str
    key: str
    project: str


@dataclass(frozen=True)
class Identity:
    """Somebody whose credential was right."""

    dn: str
    method: str
    entitlements: tuple[Entitlement, ...]
    token: str | None = None


@dataclass(frozen=True)
class Caller:
    """An identity at a site, with the login that it uses now; without one it is anonymous."""

    dn: str = "CN=ANONYMOUS,O=UNKNOWN,OU=UNKNOWN"
    method: str | None = None
    uid: str | None = None
    group: str | None = None
    uids: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    partitions: frozenset[str] = frozenset()
    """What login and group open."""
    token: str | None = None


def entitlements(claim: Iterable[object]) -> tuple[Entitlement, ...]:
    """The entitlements of a claim; what isn't a line of four fields counts for nothing."""
    lines = (str(entry).split(",") for entry in claim)
    return tuple(Entitlement(fields[0], fields[1], fields[2]) for fields in lines if len(fields) == 4)


def caller(identity: Identity | None, site: SiteConfig, preferences: str | None) -> Caller:
    """Who that identity is at a site; RefusedError where the preferred login or group isn't its own."""
    if identity is None:
        return Caller()
    here = [entry for entry in identity.entitlements if entry.key in site.keys]
    wanted = dict(part.strip().partition(":")[::2] for part in (preferences or "").split(",") if part.strip())
    uids = tuple(dict.fromkeys(entry.account for entry in here))
    uid = _chosen(wanted.get("uid"), uids)
    groups = tuple(dict.fromkeys(entry.project for entry in here if entry.account == uid))
    group = _chosen(wanted.get("group"), groups)
    keys = [entry.key for entry in here if (entry.account, entry.project) == (uid, group)]
    return Caller(
        dn=identity.dn,
        method=identity.method,
        uid=uid,
        group=group,
        uids=uids,
        groups=groups,
        partitions=frozenset(partition for key in keys for partition in site.keys[key]),
        token=identity.token,
    )


def _chosen(wanted: str | None, allowed: tuple[str, ...]) -> str | None:
    if wanted is None:
        return allowed[0] if allowed else None
    if wanted not in allowed:
        raise RefusedError
    return wanted


def distinguished_name(user: str) -> str:
    """The X.500 name that the site gives a user."""
    return f"CN={user},O=Demo,C=EU"


class Authenticator:
    """Verifies credentials; keeps what it verified for a short time."""

    def __init__(
        self, *, http: aiohttp.ClientSession, userinfo_url: str | None, claim: str, users_file: Path | None, credential: ServerCredential
    ) -> None:
        self._http = http
        self._userinfo_url = userinfo_url
        self._claim = claim
        self._users: Mapping[str, Mapping[str, Any]] = json.loads(users_file.read_text()) if users_file else {}
        self._credential = credential
        self._sessions: dict[str, tuple[Identity, float]] = {}
        self._tokens: dict[bytes, tuple[Identity, float]] = {}
        self._by_dn: dict[str, Identity] = {}

    async def identify(self, headers: Mapping[str, str]) -> Identity | None:
        """Who sent that; None for nobody in particular. RefusedError, UnknownSessionError."""
        if (session := headers.get(SESSION_HEADER)) is not None:
            known, until = self._sessions.get(session, (None, 0.0))
            if known is None or until < time.monotonic():
                self._sessions.pop(session, None)
                raise UnknownSessionError
            return known
        scheme, _, value = headers.get("Authorization", "").partition(" ")
        match scheme.lower():
            case "":
                return None
            case "bearer":
                identity = await self._by_token(value)
            case "basic":
                identity = self._by_password(value)
            case _:
                raise RefusedError
        self._by_dn[identity.dn] = identity
        return identity

    def session(self, identity: Identity) -> tuple[str, int]:
        """A security session for that identity, and its lifetime in milliseconds."""
        now = time.monotonic()
        for session, (known, until) in list(self._sessions.items()):
            if until < now:
                del self._sessions[session]
            elif known == identity:
                return session, int((until - now) * 1000)
        session = str(uuid.uuid4())
        self._sessions[session] = (identity, now + SESSION_LIFETIME)
        return session, int(SESSION_LIFETIME * 1000)

    def _by_password(self, value: str) -> Identity:
        try:
            name, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except ValueError as error:
            raise RefusedError from error
        user = self._users.get(name)
        if user is None or not hmac.compare_digest(str(user["password"]).encode(), password.encode()):
            raise RefusedError
        return Identity(dn=distinguished_name(name), method=PASSWORD, entitlements=entitlements(user["accounts"]))

    async def _by_token(self, token: str) -> Identity:
        digest = hashlib.sha256(token.encode()).digest()
        known, until = self._tokens.get(digest, (None, 0.0))
        if known is not None and until > time.monotonic():
            return known
        identity = self._by_own_token(token) or await self._by_userinfo(token)
        now = time.monotonic()
        self._tokens = {key: entry for key, entry in self._tokens.items() if entry[1] > now}
        self._tokens[digest] = (identity, now + TOKEN_CACHED)
        return identity

    def _by_own_token(self, token: str) -> Identity | None:
        """A token that this server issued to somebody whom it has seen since it started."""
        try:
            subject = self._credential.verify(token)
        except jwt.PyJWTError:
            return None
        known = self._by_dn.get(subject)
        if known is None:
            raise RefusedError
        return Identity(dn=known.dn, method=DELEGATION, entitlements=known.entitlements, token=token)

    async def _by_userinfo(self, token: str) -> Identity:
        if self._userinfo_url is None:
            raise RefusedError
        try:
            async with self._http.get(self._userinfo_url, headers={"Authorization": f"Bearer {token}"}) as answer:
                if answer.status != 200:
                    raise RefusedError
                claims = await answer.json()
            user = str(claims["preferred_username"])
        except (aiohttp.ClientError, TimeoutError, ValueError, KeyError) as error:
            raise RefusedError from error
        claim = claims.get(self._claim) or []
        return Identity(
            dn=distinguished_name(user),
            method=OAUTH,
            entitlements=entitlements(claim if isinstance(claim, list) else [claim]),
            token=token,
        )
