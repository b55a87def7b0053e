"""Read `portico.toml`, and the list of tenants that it may lead to, or say what is wrong with them in sentences.

dynaconf evaluates `@jinja` and `@format` values and reads variables of the environment (`PORTICO_SETTING_GATEWAY__PORT=9000`), so
it reads the operator's file only, never a tenant's, and not the list: who may commit there needn't be let into the machine's environment.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from dynaconf import Dynaconf
from pydantic import Field, ValidationError

from portico.positions import Key, nearest, positions
from portico.settings.models import Model, Settings, TenantEntry

Checked = TypeVar("Checked", bound=Model)

_TOML_PLACE = re.compile(r" \(at line (\d+), column (\d+)\)$")


class SettingsError(Exception):
    """The configuration can't be used. The text names the file, the line where it has one, the key and the cure, a line for each."""


class _List(Model):
    """What the list of tenants may hold."""

    tenants: list[TenantEntry] = Field(default_factory=list)


def load(path: Path) -> Settings:
    """Read and check the operator's configuration; raises SettingsError.

    A `.json` is what a supervisor has put in force (`dump`): its values are final, and nothing in them is evaluated.
    """
    if not path.is_file():
        raise SettingsError(f"{path}: no such file; name the operator's configuration with --config.")
    if path.suffix == ".json":
        return _checked(Settings, json.loads(path.read_bytes()), "", str(path))
    try:
        text = path.read_text(encoding="utf-8")
        raw = Dynaconf(settings_files=[str(path)], envvar_prefix="PORTICO_SETTING", merge_enabled=True).as_dict()
    except Exception as error:  # dynaconf passes on whatever its TOML reader raises
        raise SettingsError(_not_toml(error, str(path))) from error
    return _checked(Settings, {key.lower(): _plain(value) for key, value in raw.items()}, text, str(path))


def dump(settings: Settings) -> str:
    """The settings as `load` reads them from a `.json`."""
    return settings.model_dump_json(indent=1, exclude_none=True)


def with_list(settings: Settings, text: str, file: str) -> Settings:
    """The settings with the tenants of a list as well; raises SettingsError, which calls the list `file`."""
    try:
        values = tomllib.loads(text)
    except ValueError as error:
        raise SettingsError(_not_toml(error, file)) from error
    return with_tenants(settings, [*settings.tenants, *_checked(_List, values, text, file).tenants], file)


def with_tenants(settings: Settings, tenants: list[TenantEntry], file: str) -> Settings:
    """The settings with these tenants, if they fit to all the rest; raises SettingsError, which says that `file` is wrong."""
    values = {name: getattr(settings, name) for name in Settings.model_fields}
    return _checked(Settings, {**values, "tenants": tenants}, "", file)


def _checked(model: type[Checked], values: Mapping[str, object], text: str, file: str) -> Checked:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        places = positions(text)
        lines = []
        for item in error.errors(include_url=False):
            key: Key = item["loc"]
            line = nearest(places, key).line
            lines.append(f"{file}:{line}: {_sentence(key, dict(item))}" if line else f"{file}: {_sentence(key, dict(item))}")
        raise SettingsError("\n".join(lines)) from error


def _not_toml(error: Exception, file: str) -> str:
    place = _TOML_PLACE.search(str(error))
    what = _TOML_PLACE.sub("", str(error)).rstrip(".")
    return f"{file}:{place[1]}: this isn't TOML: {what}." if place else f"{file}: {what}."


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _sentence(key: Key, item: Mapping[str, object]) -> str:
    where = ".".join(str(part) for part in key)
    if item["type"] == "extra_forbidden":
        return f"{where}: there is no such setting; remove it or look up its name in the reference."
    if item["type"] == "missing":
        return f"{where}: this setting is missing."
    said = str(item["msg"]).removeprefix("Value error, ")
    return f"{where}: {said}" if where else said
