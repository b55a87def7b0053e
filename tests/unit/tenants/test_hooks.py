"""Who a web hook comes from, and what it says."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import pytest
from portico.tenants.hooks import Forge, authentic, pushed_branch, secrets_in

SECRET = "a secret of many characters"
SIGNING = "whsec_" + base64.b64encode(b"k" * 32).decode()
BODY = json.dumps({"ref": "refs/heads/main"}).encode()


def digest(key: bytes, body: bytes = BODY) -> bytes:
    return hmac.new(key, body, hashlib.sha256).digest()


PLAIN = digest(SECRET.encode()).hex()
STANDARD = base64.b64encode(digest(b"k" * 32, b"id-1.1700000000." + BODY)).decode()
STANDARD_HEADERS = {"webhook-id": "id-1", "webhook-timestamp": "1700000000"}


@pytest.mark.parametrize(
    ("headers", "secret", "expected"),
    [
        ({"x-hub-signature-256": f"sha256={PLAIN}"}, SECRET, Forge.GITHUB),
        ({"x-gitea-signature": PLAIN}, SECRET, Forge.GITEA),
        ({"x-gitea-signature": PLAIN, "x-hub-signature-256": f"sha256={PLAIN}"}, SECRET, Forge.GITEA),
        ({"x-gitlab-token": SECRET}, SECRET, Forge.GITLAB),
        ({**STANDARD_HEADERS, "webhook-signature": f"v1,{STANDARD}"}, SIGNING, Forge.GITLAB),
        ({**STANDARD_HEADERS, "webhook-signature": f"v1,other v1,{STANDARD}"}, SIGNING, Forge.GITLAB),
        ({}, SECRET, None),
        ({"x-hub-signature-256": PLAIN}, SECRET, None),
        ({"x-hub-signature-256": "sha256="}, SECRET, None),
        ({"x-hub-signature": f"sha1={PLAIN}"}, SECRET, None),
        ({"x-gitea-signature": ""}, SECRET, None),
        ({"x-gitea-signature": PLAIN.upper()}, SECRET, None),
        ({"x-gitea-signature": f"\udcff{PLAIN}"}, SECRET, None),
        ({"x-gitlab-token": SECRET[:-1]}, SECRET, None),
        ({"x-gitlab-token": ""}, SECRET, None),
        ({**STANDARD_HEADERS, "webhook-id": "id-2", "webhook-signature": f"v1,{STANDARD}"}, SIGNING, None),
        ({"webhook-signature": f"v1,{STANDARD}"}, SIGNING, None),
        ({**STANDARD_HEADERS, "webhook-signature": f"v1a,{STANDARD}"}, SIGNING, None),
        ({"x-gitea-signature": PLAIN}, "another secret of length", None),
    ],
)
def test_a_hook_is_believed_with_the_secret_alone(headers: dict[str, str], secret: str, expected: Forge | None) -> None:
    assert authentic(headers, BODY, [secret]) is expected
    assert authentic(headers, BODY, ["the secret of last year", secret]) is expected
    if "x-gitlab-token" not in headers:
        assert authentic(headers, BODY + b" ", [secret]) is None


def test_nothing_is_believed_without_a_secret() -> None:
    assert authentic({"x-gitlab-token": "", "x-gitea-signature": digest(b"").hex()}, BODY, []) is None


def test_a_short_secret_is_none() -> None:
    assert secrets_in(f"  {SECRET}\n\nshort\n{SIGNING}\n") == (SECRET, SIGNING)
    assert secrets_in("\n") == ()


@pytest.mark.parametrize(
    ("forge", "event", "body", "expected"),
    [
        (Forge.GITHUB, "push", BODY, "main"),
        (Forge.GITEA, "push", b'{"ref": "refs/heads/a/b"}', "a/b"),
        (Forge.GITLAB, "Push Hook", BODY, "main"),
        (Forge.GITLAB, "System Hook", BODY, "main"),
        (Forge.GITHUB, "push", b"payload=%7B%22ref%22%3A%22refs%2Fheads%2Fmain%22%7D", "main"),
        (Forge.GITHUB, "ping", BODY, None),
        (Forge.GITLAB, "Tag Push Hook", BODY, None),
        (Forge.GITEA, "push", b'{"ref": "refs/tags/main"}', None),
        (Forge.GITEA, "push", b'{"ref": ["refs/heads/main"]}', None),
        (Forge.GITEA, "push", b"[" * 100_000, None),
        (Forge.GITEA, "push", b"null", None),
        (Forge.GITEA, "push", b"\xff", None),
        (Forge.GITEA, None, BODY, None),
    ],
)
def test_only_a_push_to_a_branch_names_one(forge: Forge, event: str | None, body: bytes, expected: str | None) -> None:
    form = body.startswith(b"payload=")
    headers = {"content-type": "application/x-www-form-urlencoded" if form else "application/json; charset=utf-8"}
    if event is not None:
        headers[f"x-{forge.lower()}-event"] = event
    assert pushed_branch(forge, headers, body) == expected
