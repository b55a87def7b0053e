"""Run one tenant's hub in this process, until it is told to end."""

from __future__ import annotations

import logging

from jupyterhub.app import JupyterHub

from portico import logs
from portico.hub.config import configure
from portico.settings.models import Settings


def run(settings: Settings, tenant: str, hub_port: int) -> None:
    """Be the hub of this tenant: its log goes to `<state>/logs/hub-<tenant>.jsonl`. Ends with SystemExit upon SIGTERM or a failure."""
    logs.configure("hub", tenant=tenant, file=settings.state / "logs" / f"hub-{tenant}.jsonl")
    app = JupyterHub.instance(config=configure(settings, tenant, hub_port=hub_port))
    # JupyterHub's logger has a handler of its own, for a terminal; its lines belong into the structured log like all others.
    app.log.handlers[:] = logging.getLogger().handlers
    app.log.setLevel(logging.INFO)
    JupyterHub.launch_instance(argv=[])
