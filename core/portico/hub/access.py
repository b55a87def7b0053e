"""The access log: one structured line a request, without query strings, so that no code, state or token can stand in it."""

from __future__ import annotations

import logging
from typing import Any

from jupyterhub.handlers.pages import HealthCheckHandler
from jupyterhub.metrics import prometheus_log_method
from tornado import web

from portico.hub.handlers.previews import Product
from portico.hub.handlers.visitors import Brand

log = logging.getLogger("portico.hub.access")


def record(handler: web.RequestHandler) -> None:
    """Write one request down; files and health probes that went well are for debugging only."""
    status = handler.get_status()
    request = handler.request
    level = logging.INFO if status < 400 else logging.WARNING if status < 500 else logging.ERROR
    if status < 400 and isinstance(handler, Brand | Product | HealthCheckHandler):
        level = logging.DEBUG
    if log.isEnabledFor(level):
        fields: dict[str, Any] = {
            "method": request.method,
            "path": request.path,
            "status": status,
            "milliseconds": round(1000 * request.request_time(), 2),
        }
        user = getattr(getattr(handler, "_jupyterhub_user", None), "name", None)
        if user:
            fields["user"] = user
        log.log(level, "%s %s %d", request.method, request.path, status, extra=fields)
    prometheus_log_method(handler)
