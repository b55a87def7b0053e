"""Read `portico.toml` into `Settings`, or say what is wrong with it in sentences.

dynaconf evaluates `@jinja` and `@format` values and reads variables of the environment (`PORTICO_SETTING_GATEWAY__PORT=9000`), so
it reads the operator's files only, never a tenant's.
"""

from __future__ import annotations

from pathlib import Path

from dynaconf import Dynaconf
from pydantic import ValidationError

from portico.settings.models import Settings


class SettingsError(Exception):
    """`portico.toml` can't be used. The text names the file, the key and the cure, a line for each."""


def load(path: Path) -> Settings:
    """Read and check the operator's configuration; raises SettingsError."""
    if not path.is_file():
        raise SettingsError(f"{path}: no such file; name the operator's configuration with --config.")
    try:
        raw = Dynaconf(settings_files=[str(path)], envvar_prefix="PORTICO_SETTING", merge_enabled=True).as_dict()
    except Exception as error:  # dynaconf passes on whatever its TOML reader raises
        raise SettingsError(f"{path}: {error}") from error
    known = {key.lower(): _plain(value) for key, value in raw.items()}
    try:
        return Settings.model_validate(known)
    except ValidationError as error:
        raise SettingsError("\n".join(f"{path}: {_sentence(dict(item))}" for item in error.errors())) from error


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _sentence(item: dict[str, object]) -> str:
    place = item.get("loc", ())
    where = ".".join(str(part) for part in place) if isinstance(place, tuple) else ""
    if item.get("type") == "extra_forbidden":
        return f"{where}: there is no such setting; remove it or look up its name in the reference."
    if item.get("type") == "missing":
        return f"{where}: this setting is missing."
    return f"{where}: {item.get('msg')}" if where else str(item.get("msg"))
