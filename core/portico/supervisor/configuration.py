"""The configuration that an installation follows while it runs: the operator's file and, where that names one, her list of tenants.

The sync fetches the list (`tenants.listing`); here it is judged as a saved file is. What can't be used changes nothing: the file and the
list that were taken last stay in force, the list even over a restart.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from portico.settings import Settings, SettingsError, load, with_list
from portico.settings.models import TenantEntry, TenantList
from portico.tenants import listing
from portico.tenants.listing import Fetched

log = logging.getLogger(__name__)

RETRY_INTERVAL = 2.0
"""Seconds until what couldn't be used is tried once more: the file of a secret may have come meanwhile."""


class Configuration:
    """What the operator wants. `error` and `list_error` are sentences that say what of it couldn't be used last."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.error: str | None = None
        self.list_error: str | None = None
        self.commit: str | None = None
        """The commit of the list that is in force."""
        self._source: TenantList | None = None
        self._fetched: Path | None = None
        self._seen: tuple[object, ...] = ()
        self._tried = 0.0

    def start(self) -> Settings:
        """What to start with; raises SettingsError. A list that can't be used any more is left out, and said in `list_error`."""
        own = self._own()
        self._source, self._fetched = own.tenant_list, listing.path_of(own.state)
        self._seen = self._signatures()
        if self._source is None:
            _taken(own.state).unlink(missing_ok=True)
        return self._listed(own)

    def changed(self) -> bool:
        """Whether there is something new to read, or something to try again."""
        seen = self._signatures()
        again = (self.error or self.list_error) is not None and time.monotonic() - self._tried >= RETRY_INTERVAL
        changed = seen != self._seen or again
        self._seen = seen
        return changed

    def read(self) -> Settings:
        """What the operator wants now, with all secrets that it needs; raises SettingsError where it can't be had. Blocks."""
        self._tried = time.monotonic()
        return self._listed(self._own())

    def _own(self) -> Settings:
        own = load(self.file)
        check_secrets(own.tenants, str(self.file))
        return own

    def _listed(self, own: Settings) -> Settings:
        """With the newest list that can be used; raises SettingsError where none can any more, so that no portal goes by mistake."""
        refused: list[SettingsError] = []
        for fetched in self._lists(own):
            try:
                settings = with_list(own, fetched.text, name := f"{fetched.origin} at {(fetched.commit or '')[:12]}")
                check_secrets(settings.tenants[len(own.tenants) :], name)
            except SettingsError as error:
                refused.append(error)
            else:
                self._note(refused)
                self.commit = fetched.commit
                if fetched != listing.read(_taken(own.state)):
                    listing.write(_taken(own.state), fetched)
                return settings
        self._note(refused)
        if refused and self.commit is not None:
            raise refused[0]
        return own

    def _lists(self, own: Settings) -> Iterator[Fetched]:
        """The newest list, then the one that was taken last, which may be from where the list was before."""
        if self._source is None:
            return
        newest, taken = listing.read(listing.path_of(own.state), self._source), listing.read(_taken(own.state))
        yield from (each for each in (newest, taken) if each.commit is not None)

    def _note(self, refused: list[SettingsError]) -> None:
        error = str(refused[0]) if refused else None
        if error is not None and error != self.list_error:
            log.error("the list of tenants can't be used: %s", error)
        self.list_error = error

    def _signatures(self) -> tuple[object, ...]:
        return _signature(self.file), _signature(self._fetched)


def _taken(state: Path) -> Path:
    """Where the list lies that was taken last."""
    return listing.path_of(state).with_name("taken.json")


def _signature(file: Path | None) -> tuple[int, int, int] | None:
    """What changes when a file is saved; None while there is none."""
    try:
        found = file.stat() if file else None
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size, found.st_ino) if found else None


def check_secrets(tenants: Sequence[TenantEntry], file: str) -> None:
    """Raise SettingsError where a file that a tenant needs isn't fit for it: said now, and not by a hub that can't start."""
    for tenant in tenants:
        for name in ("client_secret_file", "backend_token_file", "cookie_secret_file", "crypt_key_file"):
            secret: Path = getattr(tenant, name)
            if not secret.is_file():
                raise SettingsError(f"{file}: {tenant.name}'s {name}: there is no file {secret}; make it, with the secret in it.")
            if secret.stat().st_mode & 0o077:
                raise SettingsError(f"{file}: {tenant.name}'s {name}: {secret} can be read by others; `chmod 600` it.")
