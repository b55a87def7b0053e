"""What may be asked of the running sync, by its trigger: by the operator's commands, and by a portal's page for its admins.

What a request may hold and what is answered is `trigger.Request`'s to say.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from portico.tenants import history
from portico.tenants.findings import Refused
from portico.tenants.git import RepositoryError
from portico.tenants.history import UnknownVersionError
from portico.tenants.status import summary
from portico.tenants.sync import Sync, TenantSync
from portico.tenants.trigger import Do, Request

Answer = dict[str, object]
SHOWN = 100
"""Entries of a history that are answered."""


class Actions:
    """Answers the trigger's requests."""

    def __init__(self, sync: Sync, state: Path) -> None:
        self._sync = sync
        self._state = state

    async def __call__(self, request: Request) -> Answer:
        """Do it; never raises for what a request says."""
        name = request.tenant
        if name is None:
            if request.do != "sync":
                return {"error": f"Say for which tenant {request.do!r} is meant."}
            looked = await asyncio.gather(*(self._look(each) for each in self._sync.tenants))
            return {"tenants": looked, "tenant_list": await self._list(), "error": None}
        if name not in self._sync.tenants:
            return {"error": f"There is no tenant {name!r}."}
        try:
            return await _ACTIONS[request.do](self, name, request)
        except (UnknownVersionError, RepositoryError) as error:
            return {"error": str(error)}
        except Refused as refused:
            return {"findings": [finding.as_dict() for finding in refused.findings], "error": summary(refused.findings)}

    async def _look(self, name: str) -> Answer:
        self._sync.forgive(name)
        return (await self._sync.tenants[name].check(force=True)).model_dump(mode="json")

    async def _list(self) -> Answer | None:
        listing = self._sync.listing
        if listing is None:
            return None
        listing.forgive()
        return (await listing.check(force=True)).model_dump(mode="json", exclude={"text"})

    async def _do_sync(self, name: str, request: Request) -> Answer:
        return await self._look(name)

    async def _do_history(self, name: str, request: Request) -> Answer:
        entries = await asyncio.get_running_loop().run_in_executor(None, history.read, self._state, name)
        known = self._sync.tenants[name].status.model_dump(mode="json")
        return {"entries": [entry.model_dump(mode="json") for entry in entries[:SHOWN]], "status": known, "error": None}

    async def _do_rollback(self, name: str, request: Request) -> Answer:
        return await self._changed(name, lambda tenant: partial(tenant.versions.rollback, to=request.digest, by=request.by))

    async def _do_pin(self, name: str, request: Request) -> Answer:
        return await self._changed(name, lambda tenant: partial(tenant.versions.pin, to=request.digest, by=request.by))

    async def _do_unpin(self, name: str, request: Request) -> Answer:
        await self._changed(name, lambda tenant: partial(tenant.versions.unpin, by=request.by))
        return await self._look(name)

    async def _do_revoke(self, name: str, request: Request) -> Answer:
        why = request.why or ""
        return await self._changed(name, lambda tenant: partial(tenant.versions.revoke, what=request.digest, by=request.by, why=why))

    async def _do_preview(self, name: str, request: Request) -> Answer:
        preview, findings = await self._sync.tenants[name].preview(request.branch or "")
        if preview is None:
            return {"findings": [finding.as_dict() for finding in findings], "error": summary(findings)}
        return {**preview.model_dump(mode="json"), "findings": [], "error": None}

    async def _do_unpreview(self, name: str, request: Request) -> Answer:
        branch = request.branch or request.digest or ""
        return await self._changed(name, lambda tenant: partial(tenant.versions.unpreview, branch=branch))

    async def _changed(self, name: str, action: Callable[[TenantSync], Callable[..., Any]]) -> Answer:
        tenant = self._sync.tenants[name]
        return {**(await tenant.change(action(tenant))).model_dump(mode="json"), "error": None}


_ACTIONS: Mapping[Do, Callable[[Actions, str, Request], Awaitable[Answer]]] = {
    "sync": Actions._do_sync,
    "history": Actions._do_history,
    "rollback": Actions._do_rollback,
    "pin": Actions._do_pin,
    "unpin": Actions._do_unpin,
    "revoke": Actions._do_revoke,
    "preview": Actions._do_preview,
    "unpreview": Actions._do_unpreview,
}
