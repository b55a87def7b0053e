"""A user's labs: home, start, the start page, stop."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from jupyterhub.user import User
from tornado import web

from portico.hub import views
from portico.hub.handlers.base import PortalHandler, Refusing
from portico.hub.starting import NoRoom, Starting, titles
from portico.offers import Refused, check, propose, read
from portico.offers.wish import AMOUNTS, NAMES
from portico.spawner.desk import AuthState
from portico.spawner.spawner import PorticoSpawner, StartRefused
from portico.tenants import views as tenant_views
from portico.tenants.views import Form, FormError, HomePage, Offer, StartPage
from portico.words import say

FIELDS = (*NAMES, *AMOUNTS, "title")
ACCEPTED = 1.0
"""Seconds that the answer to a start waits for the backend's first word; the start page follows what comes later."""


class LabHandler(PortalHandler):
    """What pages about labs share."""

    async def show_home(self, *, auth_state: AuthState | None = None, errors: tuple[FormError, ...] = (), status: int = 200) -> None:
        """The home page, with the form as it was sent where something is wrong with it."""
        user: User = self.current_user
        state = auth_state if auth_state is not None else await self.auth_state(user)
        tenant = self.live.tenant if self.live else None
        offer = await self.portal.desk.offer(state, tenant, locale=self.language)
        form = propose(offer, tenant.defaults) if tenant else Form()
        if errors:
            form = dataclasses.replace(_sent(form, self.fields()), errors=views.form_errors(errors, self.speak))
        shown = views.offer(offer, self.speak)
        view = HomePage(labs=self.rows(user, offer), offer=shown, form=form, offer_json=json.dumps(dataclasses.asdict(shown)))
        self.show("home", view, user=self.viewer(state), status=status)

    def rows(self, user: User, offer: Offer) -> tuple[tenant_views.Lab, ...]:
        """The user's labs: those that run first, then the newest."""
        names = [name for name in user.orm_spawners if name]
        found = [(self.lab(user, name, offer), user.orm_spawners[name].id) for name in names]
        found.sort(key=lambda item: (item[0].state in ("stopped", "ended"), -item[1]))
        return tuple(lab for lab, _ in found)

    def lab(self, user: User, name: str, offer: Offer) -> tenant_views.Lab:
        """One lab as a row."""
        stored = user.orm_spawners[name]
        now = views.standing(user.spawners.get(name), stored.state)
        options: Mapping[str, Any] = stored.user_options or {}
        wish = read({key: value for key, value in options.items() if key in FIELDS})
        checked = wish if isinstance(wish, Refused) else check(offer, wish)
        why = say("lab_no_more", "It can't be started again.").then(*checked.messages) if isinstance(checked, Refused) else ""
        return views.lab(user.name, name, options, now, titles(self.portal.settings), can_start=not why, why=why, speak=self.speak)

    def fields(self) -> dict[str, object]:
        """The form's fields as they were sent."""
        return {key: self.get_body_argument(key) for key in self.request.body_arguments if key not in ("_xsrf", "name")}


class Home(LabHandler):
    """`/hub/home`: what runs, and how do I start."""

    @web.authenticated
    async def get(self) -> None:
        """The page."""
        await self.show_home()


class Start(LabHandler):
    """`POST /hub/start`: the form. `name` starts a lab that is there already, as it is or with other fields."""

    @web.authenticated
    async def post(self) -> None:
        """Start, and lead to the start page; or show the form again with what is wrong."""
        await self.start(self.get_body_argument("name", ""))

    @web.authenticated
    def get(self) -> None:
        """Nothing starts by an address alone."""
        self.redirect(tenant_views.Urls().home)

    async def start(self, name: str) -> None:
        """As `post`."""
        user = await self.refresh_auth(self.current_user, force=True)
        if user is None:
            self.redirect(self.get_login_url())
            return
        if name:
            self.named(name)
        raw = self.fields()
        if name and not raw:
            raw = dict(user.orm_spawners[name].user_options or {})
        state = await self.auth_state(user)
        checked = await self.portal.desk.check(state, raw, locale=self.language)
        if isinstance(checked, Refused):
            errors = tuple(FormError(field=refusal.field, message=refusal.message) for refusal in checked.refusals)
            await self.show_home(auth_state=state, errors=errors, status=checked.status)
            return
        choice, wish = checked
        starting = Starting(self.portal.entry)
        try:
            name = name or starting.room_for(user, wish.title)
        except NoRoom as error:
            await self.show_home(auth_state=state, errors=(FormError(field="title", message=error.sentence),), status=403)
            return
        try:
            await self._spawn(user, name, {**choice.model_dump(), "title": wish.title})
        except StartRefused as error:
            errors = tuple(FormError(field=field, message=message) for field, message in error.fields.items())
            await self.show_home(
                auth_state=state, errors=errors or (FormError(field="system", message=error.sentence),), status=error.status_code
            )
            return
        self.redirect(f"/hub/labs/{name}", status=303)

    async def _spawn(self, user: User, name: str, options: dict[str, object]) -> None:
        """Start it, and wait until the backend has the lab; raises StartRefused where it says no at once."""
        await self._check_named_server_request(user, name, name)
        spawner = user.get_or_create_spawner(name, name, replace_failed=True)
        if spawner.active or spawner.reserved:
            return
        # Nothing was awaited for real since the room was found, so parallel starts can't find the same.
        spawner.reserved = True
        try:
            await self._wait_for_start(user, spawner, options)
        finally:
            spawner.reserved = False

    async def _wait_for_start(self, user: User, spawner: PorticoSpawner, options: dict[str, object]) -> None:
        name = spawner.name
        spawner.accepted.clear()
        start = asyncio.ensure_future(self.spawn_single_user(user, name, name, options=options))
        accepted = asyncio.ensure_future(spawner.accepted.wait())
        await asyncio.wait({start, accepted}, timeout=ACCEPTED, return_when=asyncio.FIRST_COMPLETED)
        accepted.cancel()
        if start.done():
            start.result()
        else:
            # What fails from now on is told by the start page.
            start.add_done_callback(lambda future: future.cancelled() or future.exception())


class Spawn(Start):
    """`/hub/spawn...`: JupyterHub's own addresses of the form; the same check, the same pages."""

    @web.authenticated
    def get(self, user_name: str = "", name: str = "") -> None:
        """Home, or the lab's page."""
        known = user_name == self.current_user.name and name in self.current_user.orm_spawners and name
        self.redirect(f"/hub/labs/{name}" if known else tenant_views.Urls().home)

    @web.authenticated
    async def post(self, user_name: str = "", name: str = "") -> None:
        """As the form does it, for the one who is logged in."""
        if user_name and user_name != self.current_user.name:
            raise web.HTTPError(404)
        await self.start(name if name in self.current_user.orm_spawners else self.get_body_argument("name", ""))


class LabPage(LabHandler):
    """`/hub/labs/<name>`: how far is it."""

    @web.authenticated
    async def get(self, name: str) -> None:
        """The start page."""
        user = self.named(name)
        state = await self.auth_state(user)
        offer = await self.portal.desk.offer(state, self.live.tenant if self.live else None, locale=self.language)
        spawner = user.spawners.get(name)
        events = tuple(views.event(item, self.speak) for item in spawner.events.events) if spawner is not None else ()
        self.show("start", StartPage(lab=self.lab(user, name, offer), events=events), user=self.viewer(state))


class Stop(LabHandler):
    """`POST /hub/labs/<name>/stop`."""

    @web.authenticated
    async def post(self, name: str) -> None:
        """Ask the backend to stop the lab; the rest comes as events, also after a restart of this hub."""
        user = self.named(name)
        spawner = user.spawners.get(name)
        if spawner is not None and spawner.lab_id is not None and not spawner.events.ended:
            await asyncio.wait({spawner.ask_to_stop()}, timeout=ACCEPTED)
        elif spawner is not None and spawner.pending == "spawn":
            raise Refusing(409, say("lab_in_between", "This lab is just being handed over. Try again in a second."))
        self.redirect(tenant_views.Urls().home, status=303)


class Pending(PortalHandler):
    """`/hub/spawn-pending/...`: JupyterHub's own progress page."""

    @web.authenticated
    def get(self, user_name: str, name: str = "") -> None:
        """Ours."""
        self.redirect(f"/hub/labs/{name}" if name and user_name == self.current_user.name else tenant_views.Urls().home)


def _sent(form: Form, fields: Mapping[str, object]) -> Form:
    """The form with what was sent; a number that isn't one stays as proposed."""
    texts = {key: str(fields[key])[:200] for key in (*NAMES, "title") if fields.get(key)}
    numbers = {key: int(str(fields[key])) for key in AMOUNTS if str(fields.get(key, "")).isascii() and str(fields.get(key, "")).isdigit()}
    return dataclasses.replace(form, **texts, **{key: value for key, value in numbers.items() if value <= 100_000})  # type: ignore[arg-type]
