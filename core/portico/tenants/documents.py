"""Text and TOML out of a bundle, checked: every refusal names line, column and cure.

What comes in are bytes of unknown origin. Text must be UTF-8 without a byte order mark and without characters that are shown otherwise than
they are read. TOML is read by `tomllib`, which evaluates nothing, and checked against a closed pydantic model.
"""

from __future__ import annotations

import re
import tomllib
import types
import typing
from collections.abc import Mapping
from functools import lru_cache
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from portico.positions import Key, nearest, positions
from portico.tenants.contracts import upgraded
from portico.tenants.findings import Finding, Refused, refuse, suggestion
from portico.words import FORMS

Model = TypeVar("Model", bound=BaseModel)

DOCUMENT_LIMIT = 200_000
"""Bytes of a TOML document."""
SMALL = 50_000
"""Bytes of a document that is remembered."""
_DECEPTIVE = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c\ufeff]|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_TOML_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")

OPERATORS_KEYS = frozenset(
    {"host", "hostname", "secret", "client_id", "client_secret", "client_secret_file", "identity_provider", "oidc", "image", "images",
     "lab_limit", "quota", "url", "repository", "branch", "grants", "admins", "database", "token", "cookie_secret"}
)  # fmt: skip
"""What people look for in `tenant.toml` although it is the operator's."""


def decode(data: bytes, file: str) -> str:
    """The text of a file; raises Refused with the position of what isn't text."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line, column = _place(data[: error.start].decode("utf-8"))
        raise refuse(file, "This isn't UTF-8 text.", "Save the file in the encoding UTF-8.", line=line, column=column) from error
    text = text.replace("\r\n", "\n")
    found = _DECEPTIVE.search(text)
    if found:
        line, column = _place(text[: found.start()])
        character = f"U+{ord(found.group()):04X}"
        raise refuse(file, f"The character {character} is not allowed: it can't be seen.", "Delete it.", line=line, column=column)
    return text


def _place(before: str) -> tuple[int, int]:
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def read_toml(data: bytes, file: str) -> tuple[Mapping[str, object], str]:
    """The values of a TOML document, not to be changed, and its text; raises Refused."""
    if len(data) > DOCUMENT_LIMIT:
        raise refuse(file, f"This file has {len(data):,} bytes; {DOCUMENT_LIMIT:,} are allowed.")
    return _remembered(data, file) if len(data) <= SMALL else _parsed(data, file)


@lru_cache(maxsize=256)
def _remembered(data: bytes, file: str) -> tuple[Mapping[str, object], str]:
    """What the same file held before: most files of a candidate are those of the one before, and all of a theme."""
    return _parsed(data, file)


def _parsed(data: bytes, file: str) -> tuple[Mapping[str, object], str]:
    text = decode(data, file)
    try:
        return tomllib.loads(text), text
    except tomllib.TOMLDecodeError as error:
        match = _TOML_PLACE.search(str(error))
        line, column = (int(match[1]), int(match[2])) if match and match[1] else (text.count("\n") + 1, 0)
        what = _TOML_PLACE.sub("", str(error))
        raise refuse(file, f"This isn't TOML: {what}.", line=line, column=column) from error
    except (RecursionError, ValueError) as error:
        raise refuse(file, "This isn't TOML that can be read: it is nested too deep or holds too large a number.") from error


def read_model(model: type[Model], data: bytes, file: str) -> Model:
    """A TOML document as `model`, upgraded from an older contract; raises Refused with a finding for each wrong key."""
    values, text = read_toml(data, file)
    if "contract" in model.model_fields:
        values = upgraded(values, text, file=file)
    try:
        return model.model_validate(values)
    except ValidationError as error:
        places = positions(text)
        findings = []
        for item in error.errors(include_url=False, include_context=False):
            key: Key = tuple(part for part in item["loc"] if part not in FORMS)
            place = nearest(places, key)
            findings.append(Finding(file, place.line, place.column, *_sentences(model, key, item)))
        raise Refused(findings) from error


def _sentences(model: type[BaseModel], key: Key, item: ErrorDetails) -> tuple[str, str]:
    name = ".".join(str(part) for part in key)
    if item["type"] == "extra_forbidden":
        wrong = str(key[-1])
        cure = suggestion(wrong, _known(model, key[:-1]))
        if not cure and wrong in OPERATORS_KEYS:
            return f"{name!r} is not a tenant's to set.", "The operator sets it in portico.toml; ask there."
        return f"There is no key {name!r}.", cure or "Remove it, or look up its name in the reference."
    if item["type"] == "missing":
        return f"The key {name!r} is missing.", "Add it."
    if item["type"] == "string_pattern_mismatch":
        return f"{name!r} has a value that can't be used: {_shown(item['input'])}.", _pattern_cure(key)
    return f"{name!r}: {item['msg'][:1].lower()}{item['msg'][1:]}; it is {_shown(item['input'])}.", ""


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _pattern_cure(key: Key) -> str:
    if "light" in key or "dark" in key:
        return "Write a colour as '#rrggbb' in lower case."
    if "url" in key or "contact" in key:
        return "Write an address that begins with https://, http://, mailto: or /."
    if "logo" in key or "favicon" in key or "stylesheets" in key:
        return "Write a path below static/, such as 'img/logo.svg'."
    return "See the reference for what may stand here."


def _known(model: type[BaseModel], path: Key) -> list[str]:
    """The keys that the model has at `path`."""
    current: object = model
    for part in path:
        if isinstance(part, int):
            continue
        if isinstance(current, type) and issubclass(current, BaseModel) and part in current.model_fields:
            current = _model_in(current.model_fields[part].annotation)
    return list(current.model_fields) if isinstance(current, type) and issubclass(current, BaseModel) else []


def _model_in(annotation: object) -> object:
    """The model within `list[Model]`, `Model | None` and the like."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return annotation
    for argument in typing.get_args(annotation):
        found = _model_in(argument)
        if isinstance(found, type) and issubclass(found, BaseModel):
            return found
    return None
