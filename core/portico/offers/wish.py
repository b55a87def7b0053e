"""What was asked for, read from a form or from JSON: a wish has the right types and sizes, and nothing else is known of it.

Whatever can't be a wish at all (a fraction of a node, a line break in a project, an unknown field) is refused as malformed: the answer is
400. Whether a well-formed wish is granted is `check`'s to say: the answer is 403.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from portico.api import Identifier
from portico.words import say

TITLE_LENGTH = 100
LARGEST = 100_000
"""Numbers above it are no nodes, GPUs or minutes of anything."""
NAMES = ("system", "account", "project", "partition", "profile")
AMOUNTS = ("nodes", "gpus", "runtime")

_identifier: TypeAdapter[str] = TypeAdapter(Identifier)
_WHOLE = re.compile(r"[0-9]{1,6}")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refused field, and a sentence that says why."""

    field: str
    message: str
    """A `Sentence`."""
    malformed: bool = False
    """It couldn't even be a wish, as against one that isn't granted."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A wish that isn't granted."""

    refusals: tuple[Refusal, ...]

    @property
    def status(self) -> int:
        """The HTTP status that says so: 400 where it was malformed, else 403."""
        return 400 if any(refusal.malformed for refusal in self.refusals) else 403

    @property
    def sentence(self) -> str:
        """All refusals in one line, each with its field."""
        return " ".join(f"{refusal.field}: {refusal.message}" for refusal in self.refusals)

    @property
    def messages(self) -> tuple[str, ...]:
        """The refusals' sentences."""
        return tuple(refusal.message for refusal in self.refusals)


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for. None: not said."""

    system: str | None = None
    account: str | None = None
    project: str | None = None
    partition: str | None = None
    profile: str | None = None
    nodes: int | None = None
    gpus: int | None = None
    runtime: int | None = None
    title: str = ""


def read(raw: Mapping[str, object]) -> Wish | Refused:
    """Make a wish of what was sent: texts and whole numbers, or texts that are whole numbers. Empty texts count as not said."""
    refusals: list[Refusal] = []
    known = (*NAMES, *AMOUNTS, "title")
    strange = [key for key in raw if key not in known]
    if strange:
        refusals.append(Refusal(str(strange[0])[:40], say("refused_no_field", "There is no such field."), malformed=True))
    names = {field: _name(field, raw.get(field), refusals) for field in NAMES}
    amounts = {field: _amount(field, raw.get(field), refusals) for field in AMOUNTS}
    title = _title(raw.get("title"), refusals)
    if refusals:
        return Refused(tuple(refusals))
    return Wish(
        system=names["system"],
        account=names["account"],
        project=names["project"].lower() if names["project"] else None,
        partition=names["partition"],
        profile=names["profile"],
        nodes=amounts["nodes"],
        gpus=amounts["gpus"],
        runtime=amounts["runtime"],
        title=title,
    )


def _name(field: str, value: object, refusals: list[Refusal]) -> str | None:
    if value is None or value == "":
        return None
    try:
        return _identifier.validate_python(value, strict=True)
    except ValidationError:
        refusals.append(Refusal(field, say("refused_name", "This is not a name: letters, digits and . _ @ + - only."), malformed=True))
        return None


def _amount(field: str, value: object, refusals: list[Refusal]) -> int | None:
    if value is None or value == "":
        return None
    number: int | None = None
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        number = int(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        number = value
    elif isinstance(value, float) and math.isfinite(value) and value.is_integer():
        # JSON has one kind of number: 2.0 is 2.
        number = int(value)
    if number is None or not 0 <= number <= LARGEST:
        refusals.append(
            Refusal(field, say("refused_number", "This must be a whole number between 0 and {largest}.", largest=LARGEST), malformed=True)
        )
        return None
    return number


def _title(value: object, refusals: list[Refusal]) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > TITLE_LENGTH:
        sentence = say("refused_title", "The name of a lab is a text of at most {length} characters.", length=TITLE_LENGTH)
        refusals.append(Refusal("title", sentence, malformed=True))
        return ""
    # Controls, line breaks and what turns the direction of writing have no place in a name; everything else is text.
    return " ".join("".join(" " if unicodedata.category(letter)[0] in "CZ" else letter for letter in value).split())
