"""The server's own credential: it signs notifications and tokens with it, and shows its certificate."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

TOKEN_LIFETIME = 300
"""Seconds."""


class ServerCredential:
    """A key and its certificate, both PEM files."""

    def __init__(self, *, certificate_file: Path, key_file: Path) -> None:
        self.pem = certificate_file.read_text()
        certificate = x509.load_pem_x509_certificate(self.pem.encode())
        key = load_pem_private_key(key_file.read_bytes(), password=None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TypeError("the server's key must be RSA")
        self._key = key
        self.dn = certificate.subject.rfc4514_string()
        self.issuer = certificate.issuer.rfc4514_string()
        self.expires = certificate.not_valid_after_utc

    def sign(self, subject: str, *, lifetime: int = TOKEN_LIFETIME) -> str:
        """A token in which this server speaks for `subject`, in UNICORE's form (RS256, `etd`)."""
        now = dt.datetime.now(dt.UTC)
        claims = {"iss": self.dn, "sub": subject, "etd": "true", "iat": now, "exp": now + dt.timedelta(seconds=lifetime)}
        return jwt.encode(claims, self._key, algorithm="RS256")

    def verify(self, token: str) -> str:
        """The subject of a token of ours; jwt.PyJWTError where it is none, or has expired."""
        claims = jwt.decode(token, self._key.public_key(), algorithms=["RS256"], issuer=self.dn, options={"require": ["exp", "sub", "iss"]})
        return str(claims["sub"])
