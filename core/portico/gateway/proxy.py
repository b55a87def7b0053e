"""The `Proxy` class of a hub behind the shared gateway.

All hubs use one configurable-http-proxy that routes by host name: a route's first path component there is the host. This class puts the
tenant's host before each of its hub's routes and takes it off again, and shows the hub only its own, so that the hub's clean-up
(`check_routes` deletes what it doesn't know) can't touch a neighbour's. It never starts nor stops the proxy process: the supervisor does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jupyterhub.proxy import ConfigurableHTTPProxy
from traitlets import Bool, Unicode


def to_gateway(host: str, path: str) -> str:
    """The gateway's path for a hub's path: `/user/x` of `juniq.localhost` is `/juniq.localhost/user/x`."""
    return f"/{host}" + (path if path.startswith("/") else f"/{path}")


def from_gateway(host: str, path: str) -> str | None:
    """The hub's path for a gateway's path; None where it belongs to another host."""
    prefix = f"/{host}"
    if path == prefix:
        return "/"
    return path.removeprefix(prefix) if path.startswith(prefix + "/") else None


class HostRoutingProxy(ConfigurableHTTPProxy):  # type: ignore[misc] # jupyterhub has no annotations
    """Manages the routes of one host in a gateway that others use too."""

    host = Unicode(help="The tenant's host name, without a port: the first component of its routes in the gateway.").tag(config=True)

    should_start = Bool(False, help="The gateway is the supervisor's to start.").tag(config=True)

    def _routespec_to_chp_path(self, routespec: str) -> str:
        return to_gateway(self.host, super()._routespec_to_chp_path(routespec))

    def _routespec_from_chp_path(self, chp_path: str) -> str:
        path = from_gateway(self.host, chp_path)
        if path is None:
            # get_all_routes has left out the others before it asks.
            raise ValueError(f"The route {chp_path!r} is not one of {self.host}.")
        return str(super()._routespec_from_chp_path(path))

    async def get_all_routes(self) -> dict[str, dict[str, Any]]:
        """This host's routes that belong to a hub, by route specification."""
        response = await self.api_request("")
        routes: Mapping[str, dict[str, Any]] = await response.json()
        own = {}
        for path, data in routes.items():
            if "jupyterhub" in data and from_gateway(self.host, path) is not None:
                routespec = self._routespec_from_chp_path(path)
                own[routespec] = self._reformat_routespec(routespec, data)
        return own
