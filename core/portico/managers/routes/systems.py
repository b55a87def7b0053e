"""`/systems` and `/tunnels`: what a tenant may know of the systems that it is granted, and of its own labs' tunnels."""

from __future__ import annotations

from fastapi import APIRouter

from portico.api import System, Tunnel
from portico.managers.routes.callers import TheLab, TheService, TheTenant
from portico.managers.service import Service
from portico.managers.store import Record

router = APIRouter(tags=["systems"])


@router.get("/systems")
async def systems(service: TheService, tenant: TheTenant) -> list[System]:
    """How the systems are that the tenant is granted."""
    return [service.sites[grant.system].health() for grant in tenant.grants]


@router.post("/systems/{system}/notify/{lab}", status_code=204)
async def notify(system: str, lab: TheLab, service: TheService) -> None:
    """A site says that a job changed. Anybody can say that, so it only makes the manager ask the site."""
    service.labs.hint(system, lab)


@router.get("/tunnels")
async def tunnels(service: TheService, tenant: TheTenant) -> list[Tunnel]:
    """The tunnels of the tenant's labs."""
    return [_tunnel(service, record) for record in await service.labs.all(tenant.name, with_ended=False) if record.standing.node]


@router.post("/tunnels/{lab}/restart", status_code=202)
async def restart(lab: TheLab, service: TheService, tenant: TheTenant) -> Tunnel:
    """Build a lab's tunnel again, on the same address."""
    return _tunnel(service, await service.labs.restart_tunnel(tenant.name, lab))


def _tunnel(service: Service, record: Record) -> Tunnel:
    return Tunnel(
        lab=record.id,
        system=record.choice.system,
        node=record.standing.node,
        port=record.standing.port,
        address=service.tunnels.address(record.id),
        reachability=service.tunnels.reachability(record.id),
    )
