"""The operator's configuration: read with dynaconf from `portico.toml`, checked into frozen models."""

from portico.settings.load import SettingsError, load
from portico.settings.models import Settings

__all__ = ["Settings", "SettingsError", "load"]
