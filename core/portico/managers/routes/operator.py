"""`/operator`: the whole installation, for `portico status` and the operator's page."""

from __future__ import annotations

from fastapi import APIRouter

from portico.api import OperatorLab, OperatorSystem, Tunnel
from portico.managers.routes.callers import TheService
from portico.tunnels import SystemState

router = APIRouter(prefix="/operator", tags=["operator"])


@router.get("/labs")
async def labs(service: TheService) -> list[OperatorLab]:
    """All labs that haven't ended, oldest first."""
    return [
        OperatorLab(
            id=record.id,
            tenant=record.tenant,
            user=record.user,
            name=record.name,
            system=record.choice.system,
            state=record.standing.state,
            reachability=record.standing.reachability,
            address=record.standing.address,
        )
        for record in await service.labs.all(None, with_ended=False)
    ]


@router.get("/systems")
async def systems(service: TheService) -> list[OperatorSystem]:
    """All systems, with the tunnel manager's connection to each login node."""
    states = service.tunnels.systems_state()
    answer = []
    for name, site in service.sites.items():
        health, tunnel = site.health(), states.get(name, SystemState())
        answer.append(
            OperatorSystem(
                name=name,
                kind=health.kind,
                health=health.health,
                message=health.message,
                tunnel=tunnel.health,
                tunnel_message=tunnel.message,
            )
        )
    return answer


@router.get("/tunnels")
async def tunnels(service: TheService) -> list[Tunnel]:
    """All tunnels."""
    return [
        Tunnel(
            lab=record.id,
            system=record.choice.system,
            node=record.standing.node,
            port=record.standing.port,
            address=service.tunnels.address(record.id),
            reachability=service.tunnels.reachability(record.id),
        )
        for record in await service.labs.all(None, with_ended=False)
        if record.standing.node
    ]
