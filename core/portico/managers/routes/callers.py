"""Who asks, as FastAPI dependencies. The entrance has told callers apart already."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Request

from portico.api import LabId
from portico.managers.entrance import Caller
from portico.managers.service import Service
from portico.settings.models import TenantEntry


def service(request: Request) -> Service:
    """The process's service."""
    found: Service = request.app.state.service
    return found


def caller(request: Request) -> Caller:
    """Who asks."""
    found: Caller = request.state.caller
    return found


def tenant(request: Request) -> TenantEntry:
    """The tenant that asks."""
    name = caller(request).tenant
    assert name is not None  # noqa: S101 -- the entrance lets only tenants through to addresses that need one
    return service(request).settings.tenant(name)


TheService = Annotated[Service, Depends(service)]
TheTenant = Annotated[TenantEntry, Depends(tenant)]
TheLab = Annotated[LabId, Path(alias="lab", description="The lab's id, 32 hexadecimal digits.")]
