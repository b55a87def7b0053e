"""JupyterHub's own ways to servers, with the portal's check before them and the portal's pages behind them."""

from __future__ import annotations

import json

from jupyterhub.apihandlers.users import UserServerAPIHandler
from jupyterhub.handlers.base import UserUrlHandler
from jupyterhub.scopes import needs_scope
from jupyterhub.utils import get_accepted_mimetype
from tornado import web

from portico.hub.handlers.base import BODY, PortalHandler
from portico.hub.portal import Portal
from portico.offers import Refused
from portico.tenants.views import Urls


class ServerAPI(UserServerAPIHandler):  # type: ignore[misc] # jupyterhub has no annotations
    """`/hub/api/users/<user>/servers/<name>`: what starts a lab here is checked as the form is, before anything is made."""

    _token_authenticated = False

    async def prepare(self) -> None:
        """Look at no more than a lab's options can be."""
        if len(self.request.body) > BODY:
            raise web.HTTPError(413, "The options of a lab are shorter than this.")
        await super().prepare()

    @needs_scope("start:servers")  # type: ignore[untyped-decorator] # jupyterhub has no annotations
    async def post(self, user_name: str, server_name: str = "") -> None:
        """Start a lab; 403 or 400 with the refused fields where the offer doesn't hold it."""
        user = self.find_user(user_name)
        if user is None:
            raise web.HTTPError(404)
        if not server_name:
            self._refuse(400, "name", {"name": "Labs have names at this portal: start one at servers/<name>."})
            return
        options = self.get_server_json_body()["user_options"]
        if options is None:
            stored = user.orm_spawners.get(server_name)
            options = dict(stored.user_options or {}) if stored else {}
        if await self.refresh_auth(user, force=True) is None:
            raise web.HTTPError(403, "The login has expired; log in again.")
        portal: Portal = self.settings["portal"]
        checked = await portal.desk.check(await user.get_auth_state(), options)
        if isinstance(checked, Refused):
            fields = {refusal.field: refusal.message for refusal in checked.refusals}
            self._refuse(checked.status, checked.refusals[0].field, fields)
            return
        await super().post(user_name, server_name)

    def _refuse(self, status: int, field: str, fields: dict[str, str]) -> None:
        message = " ".join(f"{name}: {sentence}" for name, sentence in fields.items())
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps({"status": status, "message": message, "field": field, "fields": fields}))


class LabAddress(PortalHandler, UserUrlHandler):  # type: ignore[misc] # jupyterhub has no annotations
    """`/hub/user/<user>/<name>/...`: the gateway leads here while no lab answers there."""

    _accept_token_auth = True

    @web.authenticated
    async def get(self, user_name: str, user_path: str | None = None) -> None:
        """A script gets JupyterHub's JSON answer, a person the lab's page."""
        path = user_path or "/"
        name = path.lstrip("/").split("/", 1)[0]
        user = self.current_user
        if user_name != user.name or name not in user.orm_spawners or not name:
            if user_name == user.name and not name:
                self.redirect(Urls().home)
                return
            raise web.HTTPError(404)
        spawner = user.spawners.get(name)
        accepted = get_accepted_mimetype(self.request.headers.get("Accept", ""), choices=["application/json", "text/html"])
        if spawner is not None and spawner.ready:
            await self._redirect_to_user_server(user, spawner)
        elif accepted == "application/json" or "api" in path.split("/"):
            self._fail_api_request(user_name, name)
        else:
            self.redirect(f"/hub/labs/{name}", status=303)
