"""What the claims of a login say: pure functions over whatever a provider sent (hostile inputs 79 and 80)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from portico.words import Sentence, say

Claims = Mapping[str, Any]

_NAME = re.compile(r"[a-z0-9][a-z0-9_.@+-]{0,127}")
GROUPS = 500
GROUP_LENGTH = 200


class UnusableName(Exception):
    """A user name that can't be one here. The text is a sentence for the user."""

    def __init__(self, sentence: Sentence) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def user_name(claim: object) -> str:
    """The hub's name of a user, out of the provider's.

    ASCII only, in lower case: no two names differ by case, Unicode form or look. Where the provider tells `Alice` from `alice`, they are
    told apart by their subject, and the second is refused.
    """
    if not isinstance(claim, str) or not claim:
        raise UnusableName(say("login_no_name", "The identity provider sent no user name."))
    name = claim.lower() if claim.isascii() else claim
    if not _NAME.fullmatch(name):
        shown = "".join(letter if unicodedata.category(letter)[0] in "LNPS" else " " for letter in claim[:60])
        raise UnusableName(
            say(
                "login_odd_name",
                "The user name {name} has characters that this portal doesn't take: letters a to z, digits and . _ @ + - only.",
                name=repr(shown),
            )
        )
    return name


def groups(claim: object) -> list[str]:
    """Group names out of a claim that should be a list; a single text is one group, anything else none."""
    items = [claim] if isinstance(claim, str) else claim if isinstance(claim, list | tuple) else []
    names = (item.strip() for item in items if isinstance(item, str))
    return list(dict.fromkeys(name for name in names if 0 < len(name) <= GROUP_LENGTH))[:GROUPS]


def display_name(claims: Claims, name: str) -> str:
    """What a page calls the user."""
    for key in ("name", "given_name"):
        value = claims.get(key)
        if isinstance(value, str) and value.strip():
            return value.strip()[:100]
    return name


def subject(claims: Claims, name: str) -> str:
    """What stays the same about a person whatever she is called: the claim `sub`, which OpenID Connect requires."""
    value = claims.get("sub")
    return value if isinstance(value, str) and value else name
