"""Where a hub decides what a user may start: the offer from her fresh claims, the live snapshot and the systems' health.

The form is drawn from `offer`, and every start is checked by `check` against the same offer, computed again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from portico.api import Choice
from portico.offers import Refusal, Refused, Wish, check, draw, parse_accounts, read
from portico.settings.models import Settings, TenantEntry
from portico.spawner.systems import Systems
from portico.tenants.bundle import Tenant
from portico.tenants.snapshot import Snapshot
from portico.tenants.store import Store
from portico.tenants.views import Offer
from portico.words import say

AuthState = Mapping[str, Any]
"""What the authenticator keeps of a login: `accounts` (the claim as it came), `groups` (names), `access_token` among others."""

UNFINISHED = Offer(reason=say("offer_unfinished", "This portal is being set up and has nothing to start yet. Try again in a minute."))


class Desk:
    """Offers and checks for one tenant."""

    def __init__(self, *, settings: Settings, entry: TenantEntry, store: Store, systems: Systems) -> None:
        self.settings = settings
        self.entry = entry
        self.store = store
        self.systems = systems

    def __deepcopy__(self, memo: object) -> Desk:
        """Traitlets copies what stands in a configuration; this is shared."""
        return self

    def snapshot(self) -> Snapshot | None:
        """The snapshot that is live now; None where there is none yet."""
        return self.store.current(self.entry.name)

    async def offer(self, auth_state: AuthState | None, tenant: Tenant | None, *, locale: str = "") -> Offer:
        """What this user may start now, at this portal as `tenant` describes it in the language `locale`."""
        if tenant is None:
            return UNFINISHED
        state = auth_state or {}
        return draw(
            accounts=parse_accounts(state.get("accounts"), self.settings.account_keys).entries,
            groups=[str(group) for group in state.get("groups") or ()],
            tenant=tenant,
            entry=self.entry,
            settings=self.settings,
            systems=await self.systems.get(),
            locale=locale,
        )

    async def check(self, auth_state: AuthState | None, raw: Mapping[str, object], *, locale: str = "") -> tuple[Choice, Wish] | Refused:
        """The choice that was asked for, and the wish as it was read; or the fields that are refused, with titles in `locale`."""
        if not isinstance(raw, Mapping) or len(raw) > 20:
            return Refused((Refusal("options", say("refused_options", "These are not the options of a lab."), malformed=True),))
        wish = read(raw)
        if isinstance(wish, Refused):
            return wish
        snapshot = self.snapshot()
        checked = check(await self.offer(auth_state, snapshot.tenant if snapshot else None, locale=locale), wish)
        return checked if isinstance(checked, Refused) else (checked, wish)
