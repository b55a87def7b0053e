"""Sessions, codes and tokens. Everything that outlives the process is a signed token; what is revoked is a short list in a file.

So a lab's token goes on working when the provider is started again, and a log-out stays one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

CODE_LIFETIME = 60.0
"""Seconds; a code works once."""
Kind = Literal["session", "access", "refresh"]


class Invalid(Exception):
    """A token, code or verifier that doesn't hold."""


@dataclass(frozen=True)
class Grant:
    """What a code stands for until it is exchanged."""

    user: str
    session: str
    client_id: str
    redirect_uri: str
    challenge: str
    nonce: str
    scope: str
    expires: float
    """On the monotonic clock."""


def matches_challenge(verifier: str, challenge: str) -> bool:
    """Whether a PKCE verifier belongs to an S256 challenge (RFC 7636, section 4.6)."""
    digest = hashlib.sha256(verifier.encode("ascii", "replace")).digest()
    return hmac.compare_digest(base64.urlsafe_b64encode(digest).rstrip(b"=").decode(), challenge)


class Keyring:
    """The provider's signing key, made once and kept (mode 0600)."""

    def __init__(self, file: Path) -> None:
        if not file.exists():
            key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            file.touch(mode=0o600)
            file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        self._key = RSAKey.import_key(file.read_bytes(), {"use": "sig", "alg": "RS256"})
        self._key.ensure_kid()

    def public(self) -> dict[str, Any]:
        """The JSON Web Key Set."""
        return {"keys": [self._key.as_dict(private=False)]}

    def sign(self, claims: dict[str, Any]) -> str:
        """A JWT by RS256."""
        return jwt.encode({"alg": "RS256", "kid": self._key.kid}, claims, self._key, algorithms=["RS256"])

    def open(self, token: str) -> dict[str, Any]:
        """The claims of a token that we signed and that is not over; raises Invalid."""
        try:
            claims = dict(jwt.decode(token, self._key, algorithms=["RS256"]).claims)
        except (JoseError, ValueError) as error:
            raise Invalid("The token is not one of ours.") from error
        if claims.get("exp", 0) < time.time():
            raise Invalid("The token is over.")
        return claims


class Tokens:
    """Issues and checks sessions, codes and tokens."""

    def __init__(self, *, directory: Path, issuer: str, access_lifetime: int, session_lifetime: int) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.keyring = Keyring(directory / "signing-key.pem")
        self._issuer = issuer
        self._access_lifetime = access_lifetime
        self._session_lifetime = session_lifetime
        self._revoked_file = directory / "revoked-sessions.json"
        self._revoked: dict[str, float] = json.loads(self._revoked_file.read_text()) if self._revoked_file.exists() else {}
        self._codes: dict[str, Grant] = {}

    def begin_session(self, user: str) -> str:
        """The value of the session cookie."""
        return self._issue("session", user=user, session=secrets.token_hex(16), lifetime=self._session_lifetime)

    def check(self, token: str, kind: Kind) -> dict[str, Any]:
        """The claims of a token of this kind whose session goes on; raises Invalid."""
        claims = self.keyring.open(token)
        if claims.get("typ") != kind:
            raise Invalid("The token is of another kind.")
        if claims.get("sid") in self._revoked:
            raise Invalid("The session was ended.")
        return claims

    def end_session(self, session: str) -> None:
        """Revoke all tokens of a session."""
        now = time.time()
        self._revoked = {sid: until for sid, until in self._revoked.items() if until > now} | {session: now + self._session_lifetime}
        new = self._revoked_file.with_suffix(".new")
        new.write_text(json.dumps(self._revoked))
        new.replace(self._revoked_file)

    def code_for(self, grant: Grant) -> str:
        """A code that stands for the grant once."""
        now = time.monotonic()
        self._codes = {code: kept for code, kept in self._codes.items() if kept.expires > now}
        code = secrets.token_urlsafe(32)
        self._codes[code] = grant
        return code

    def exchange(self, code: str, *, client_id: str, redirect_uri: str, verifier: str) -> dict[str, Any]:
        """The token response for a code; raises Invalid. The code is used up either way."""
        grant = self._codes.pop(code, None)
        if grant is None or grant.expires < time.monotonic():
            raise Invalid("The code is unknown, used or over.")
        if grant.client_id != client_id or grant.redirect_uri != redirect_uri:
            raise Invalid("The code belongs to another client or address.")
        if not matches_challenge(verifier, grant.challenge):
            raise Invalid("The code verifier is missing or wrong.")
        return self._response(grant.user, grant.session, client_id, scope=grant.scope, nonce=grant.nonce)

    def refresh(self, token: str, *, client_id: str) -> dict[str, Any]:
        """The token response for a refresh token; raises Invalid."""
        claims = self.check(token, "refresh")
        if claims.get("aud") != client_id:
            raise Invalid("The token belongs to another client.")
        return self._response(claims["sub"], claims["sid"], client_id, scope=claims.get("scope", ""), nonce="")

    def _response(self, user: str, session: str, client_id: str, *, scope: str, nonce: str) -> dict[str, Any]:
        def issue(kind: Kind, lifetime: int) -> str:
            return self._issue(kind, user=user, session=session, lifetime=lifetime, aud=client_id, scope=scope)

        now = int(time.time())
        identity = {"iss": self._issuer, "sub": user, "aud": client_id, "iat": now, "auth_time": now, "sid": session}
        identity |= {"exp": now + self._access_lifetime} | ({"nonce": nonce} if nonce else {})
        return {
            "access_token": issue("access", self._access_lifetime),
            "token_type": "Bearer",
            "expires_in": self._access_lifetime,
            "refresh_token": issue("refresh", self._session_lifetime),
            "id_token": self.keyring.sign(identity),
            "scope": scope,
        }

    def _issue(self, kind: Kind, *, user: str, session: str, lifetime: int, **more: str) -> str:
        now = int(time.time())
        claims = {"iss": self._issuer, "sub": user, "sid": session, "typ": kind, "iat": now, "exp": now + lifetime}
        return self.keyring.sign({**claims, "jti": secrets.token_hex(8), **more})
