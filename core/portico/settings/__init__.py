"""The operator's configuration: read with dynaconf from `portico.toml`, checked into frozen models."""

from portico.settings.load import SettingsError, dump, load, with_list, with_tenants
from portico.settings.models import Settings

__all__ = ["Settings", "SettingsError", "dump", "load", "with_list", "with_tenants"]
