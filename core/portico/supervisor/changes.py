"""What a changed `portico.toml` means for a running installation: which tenants come, go or change, and what waits for a restart. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from portico.settings import Settings, with_tenants

_FIXED = (
    "state",
    "gateway",
    "backend",
    "identity_provider",
    "account_keys",
    "systems",
    "poll_interval",
    "themes",
    "repository_roots",
    "tenant_list",
)
"""What the programs read once, when they start."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Names of tenants, in the file's order; `fixed` are the settings that wait for a restart."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.added or self.removed or self.changed)

    @property
    def sentence(self) -> str:
        """What is done, and what isn't."""
        parts = [
            f"{what} {', '.join(names)}"
            for what, names in (("new:", self.added), ("gone:", self.removed), ("changed:", self.changed))
            if names
        ]
        if self.fixed:
            parts.append(f"only a restart changes {', '.join(self.fixed)}")
        return "; ".join(parts) or "nothing has changed"


def plan(before: Settings, after: Settings) -> Plan:
    """What leads from one to the other."""
    old = {tenant.name: tenant for tenant in before.tenants}
    new = {tenant.name: tenant for tenant in after.tenants}
    return Plan(
        added=tuple(name for name in new if name not in old),
        removed=tuple(name for name in old if name not in new),
        changed=tuple(name for name in new if name in old and new[name] != old[name]),
        fixed=tuple(name for name in _FIXED if getattr(before, name) != getattr(after, name)),
    )


def taken(before: Settings, after: Settings) -> Settings:
    """The settings as they hold from now on: the new tenants on everything else as it was.

    Raises SettingsError where the new tenants need what only a restart brings.
    """
    return with_tenants(before, after.tenants, "until the restart")
