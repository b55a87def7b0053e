"""Which address is answered by what. Patterns stand below `/hub`; the list is searched before JupyterHub's own."""

from __future__ import annotations

from typing import Any

from portico.hub.handlers.admin import Act, Admin, News
from portico.hub.handlers.events import Events
from portico.hub.handlers.labs import Home, LabPage, Pending, Spawn, Start, Stop
from portico.hub.handlers.previews import EndPreview, FollowPreview, Product
from portico.hub.handlers.servers import LabAddress, ServerAPI
from portico.hub.handlers.visitors import Brand, Landing, Language, Missing, Own, ProxyError, Root

_LAB = r"/labs/([a-z0-9-]{1,63})"


def table() -> list[tuple[str, Any]]:
    """The portal's handlers."""
    return [
        (r"/", Root),
        (r"/login", Landing),
        (r"/language/([a-z]{2})", Language),
        (r"/page/([a-z][a-z0-9-]{0,31})", Own),
        (r"/brand/([0-9a-f]{32})/(.+)", Brand),
        (r"/product/([0-9a-f]{32})/(.+)", Product),
        (r"/preview/end", EndPreview),
        (r"/preview/([0-9a-z.]{1,200})", FollowPreview),
        (r"/portal", Admin),
        (r"/portal/news", News),
        (rf"/portal/({'|'.join(Act.DO)})", Act),
        (r"/home", Home),
        (r"/start", Start),
        (_LAB, LabPage),
        (rf"{_LAB}/events", Events),
        (rf"{_LAB}/stop", Stop),
        (r"/spawn", Spawn),
        (r"/spawn/([^/]+)", Spawn),
        (r"/spawn/([^/]+)/([^/]+)", Spawn),
        (r"/spawn-pending/([^/]+)", Pending),
        (r"/spawn-pending/([^/]+)/([^/]+)", Pending),
        (r"/user/(?P<user_name>[^/]+)(?P<user_path>/.*)?", LabAddress),
        (r"/error/(\d+)", ProxyError),
        (r"/(?:token|admin|accept-share|logo|user-redirect/.*)", Missing),
        (r"/api/users/([^/]+)/server", ServerAPI),
        (r"/api/users/([^/]+)/servers/([^/]*)", ServerAPI),
    ]


def rest() -> list[tuple[str, Any]]:
    """What stands after JupyterHub's own: a page of ours for every address that nothing answers."""
    return [(r"/(?!api/).*", Missing)]
