"""What a forge's web hook says: whether it comes from who knows the secret, and which branch was pushed to. Pure.

GitHub signs with `X-Hub-Signature-256: sha256=<hex>` and Gitea (and Forgejo) with `X-Gitea-Signature: <hex>`, both an HMAC-SHA256 of the
body. GitLab sends the secret itself in `X-Gitlab-Token`, or, where the hook has a signing token (`whsec_<base64>`), follows Standard
Webhooks: `webhook-signature: v1,<base64>`, an HMAC-SHA256 of `<webhook-id>.<webhook-timestamp>.<body>`.

A hook is believed in one thing: that it is worth looking now. So a hook that is sent again costs a look and nothing else.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from urllib.parse import parse_qs

SHORTEST_SECRET = 16
"""Characters; a shorter secret could be guessed and is used by nobody."""
_SIGNING = "whsec_"
_HEADS = "refs/heads/"


class Forge(StrEnum):
    """Who calls."""

    GITHUB = "GitHub"
    GITLAB = "GitLab"
    GITEA = "Gitea"


def secrets_in(text: str) -> tuple[str, ...]:
    """The secrets of a file, one a line: the new one, and the old one while it is replaced."""
    return tuple(secret for line in text.splitlines() if len(secret := line.strip()) >= SHORTEST_SECRET)


def authentic(headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> Forge | None:
    """Who has signed this with one of the secrets; None where nobody has. Header names are in lower case.

    Takes as long whichever secret fits, and as long for none.
    """
    found = None
    for secret in secrets:
        for forge, given, expected in _signatures(headers, body, secret):
            if hmac.compare_digest(given.encode(errors="surrogateescape"), expected.encode()):
                found = found or forge
    return found


def _signatures(headers: Mapping[str, str], body: bytes, secret: str) -> list[tuple[Forge, str, str]]:
    """Each signature that came, and what it should be."""
    plain = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    claims = [
        (Forge.GITEA, headers.get("x-gitea-signature", ""), plain),
        (Forge.GITHUB, headers.get("x-hub-signature-256", ""), f"sha256={plain}"),
        (Forge.GITLAB, headers.get("x-gitlab-token", ""), secret),
    ]
    signed = f"{headers.get('webhook-id', '')}.{headers.get('webhook-timestamp', '')}.".encode(errors="surrogateescape") + body
    digest = base64.b64encode(hmac.new(_signing_key(secret), signed, hashlib.sha256).digest()).decode()
    claims += [(Forge.GITLAB, each, f"v1,{digest}") for each in headers.get("webhook-signature", "").split(" ")[:4]]
    return claims


def _signing_key(secret: str) -> bytes:
    if secret.startswith(_SIGNING):
        try:
            return base64.b64decode(secret.removeprefix(_SIGNING), validate=True)
        except binascii.Error:
            pass
    return secret.encode()


def pushed_branch(forge: Forge, headers: Mapping[str, str], body: bytes) -> str | None:
    """The branch that was pushed to, made or deleted; None for any other event, and for what can't be read."""
    event = {
        Forge.GITHUB: headers.get("x-github-event"),
        Forge.GITEA: headers.get("x-gitea-event"),
        Forge.GITLAB: headers.get("x-gitlab-event"),
    }[forge]
    if event not in ("push", "Push Hook", "System Hook"):
        return None
    try:
        if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            body = parse_qs(body.decode(), max_num_fields=10)["payload"][0].encode()
        ref = json.loads(body)["ref"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return ref.removeprefix(_HEADS) if isinstance(ref, str) and ref.startswith(_HEADS) else None
