"""The HTTP side of one site: paths, who may see what, and the real server's status codes.

Errors have empty bodies, but for 500, which carries `{"errorMessage", "status"}`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import hdrs, web

from portico.demo.configuration import SiteConfig
from portico.demo.nodes.fleet import Fleet
from portico.demo.site import descriptions, forwarding, render
from portico.demo.site.credential import TOKEN_LIFETIME, ServerCredential
from portico.demo.site.files import stamp
from portico.demo.site.identities import (
    LIFETIME_HEADER,
    PREFERENCES_HEADER,
    SESSION_HEADER,
    Authenticator,
    Caller,
    RefusedError,
    UnknownSessionError,
    caller,
)
from portico.demo.site.jobs import Job, Jobs

Handler = Callable[[web.Request, Caller], Awaitable[web.StreamResponse]]
UNKNOWN_SESSION = 432
JSON = "application/json"


class Site:
    """One site's resources. `base` is its address as clients see it, `http://host:port/NAME/rest/core`."""

    def __init__(
        self, *, config: SiteConfig, base: str, jobs: Jobs, fleet: Fleet, authenticator: Authenticator, credential: ServerCredential
    ) -> None:
        self.config = config
        self.base = base
        self.jobs = jobs
        self.fleet = fleet
        self.credential = credential
        self._authenticator = authenticator
        self._since = time.time()

    # -- around every handler ------------------------------------------------------------------------------------------------------

    def guarded(self, handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Find out who asks; say errors as the real server does; open a security session."""

        async def answer(request: web.Request) -> web.StreamResponse:
            try:
                identity = await self._authenticator.identify(request.headers)
                asking = caller(identity, self.config, request.headers.get(PREFERENCES_HEADER))
                reply = await handler(request, asking)
            except RefusedError:
                return web.Response(status=403)
            except UnknownSessionError:
                return web.Response(status=UNKNOWN_SESSION)
            if identity is not None and not reply.prepared:
                session, lifetime = self._authenticator.session(identity)
                reply.headers[SESSION_HEADER], reply.headers[LIFETIME_HEADER] = session, str(lifetime)
            return reply

        return answer

    def job(self, request: web.Request, asking: Caller) -> Job:
        """The job of the path: 404 where there is none, 403 where it is somebody else's."""
        try:
            job = self.jobs[request.match_info["job"]]
        except KeyError:
            raise web.HTTPNotFound from None
        if job.record.owner != asking.dn:
            raise RefusedError
        return job

    def listed(self, request: web.Request, key: str, urls: list[str]) -> web.Response:
        """A page of a list."""
        try:
            offset, number = int(request.query.get("offset", 0)), int(request.query.get("num", 200))
        except ValueError:
            raise web.HTTPBadRequest from None
        return web.json_response(render.page(key, f"{self.base}/{key}", urls, offset=max(offset, 0), number=max(number, 0)))

    # -- the site ------------------------------------------------------------------------------------------------------------------

    @property
    def _shown_credential(self) -> dict[str, str]:
        credential = self.credential
        return {"dn": credential.dn, "issuer": credential.issuer, "expires": stamp(credential.expires.timestamp())}

    async def root(self, request: web.Request, asking: Caller) -> web.StreamResponse:
        """Site and client."""
        shown = render.site(
            base=self.base,
            name=self.config.name,
            caller=asking,
            now=time.time(),
            since=self._since,
            credential=self._shown_credential,
            connections={"TSI 1": "OK", "Node networks": "isolated" if self.fleet.isolated else "shared loopback addresses"},
        )
        return web.json_response(render.only(shown, request.query.get("fields")))

    async def registry(self, request: web.Request, _asking: Caller) -> web.StreamResponse:
        """The site's own registry."""
        url = self.base.removesuffix("core") + "registries/default_registry"
        credential = self.credential
        return web.json_response(
            render.registry(base=self.base, registry_url=url, credential=self._shown_credential, certificate=credential.pem)
        )

    async def certificate(self, _request: web.Request, _asking: Caller) -> web.StreamResponse:
        """The server's certificate, PEM."""
        return web.Response(text=self.credential.pem)

    async def token(self, request: web.Request, asking: Caller) -> web.StreamResponse:
        """A token of this server's for the caller."""
        if asking.method is None:
            raise RefusedError
        lifetime = request.query.get("lifetime", "")
        return web.Response(
            text=self.credential.sign(asking.dn, lifetime=min(int(lifetime), 86400) if lifetime.isdigit() else TOKEN_LIFETIME)
        )

    async def factories(self, request: web.Request, _asking: Caller) -> web.StreamResponse:
        """One."""
        return self.listed(request, "factories", [f"{self.base}/factories/{render.FACTORY}"])

    async def factory(self, request: web.Request, _asking: Caller) -> web.StreamResponse:
        """Partitions and their ranges."""
        shown = render.factory(base=self.base, config=self.config, owner=self.credential.dn)
        return web.json_response(render.only(shown, request.query.get("fields")))

    async def applications(self, _request: web.Request, _asking: Caller) -> web.StreamResponse:
        """One."""
        return web.json_response({"applications": [render.APPLICATION]})

    async def application(self, _request: web.Request, _asking: Caller) -> web.StreamResponse:
        """Its name."""
        name, _, version = render.APPLICATION.partition("---v")
        return web.json_response({"ApplicationName": name, "ApplicationVersion": version, "Options": {}})

    async def target_systems(self, request: web.Request, asking: Caller) -> web.StreamResponse:
        """Empty until the caller's first job."""
        return self.listed(request, "sites", [f"{self.base}/sites/{asking.uid}"] if any(self.jobs.of(asking.dn)) else [])

    async def target_system(self, request: web.Request, asking: Caller) -> web.StreamResponse:
        """The caller's own."""
        if request.match_info["login"] not in asking.uids:
            raise RefusedError
        jobs = sum(1 for _ in self.jobs.of(asking.dn))
        return web.json_response(render.target_system(base=self.base, config=self.config, caller=asking, jobs=jobs))

    def empty(self, key: str) -> Handler:
        """A list of things that this site never has."""

        async def answer(request: web.Request, _asking: Caller) -> web.StreamResponse:
            return self.listed(request, key, [])

        return answer

    # -- jobs ----------------------------------------------------------------------------------------------------------------------

    async def list_jobs(self, request: web.Request, asking: Caller) -> web.StreamResponse:
        """The caller's own."""
        tags = {tag for tag in request.query.get("tags", "").split(",") if tag}
        own = (job.record for job in self.jobs.of(asking.dn)) if asking.uid else iter(())
        return self.listed(request, "jobs", [f"{self.base}/jobs/{record.id}" for record in own if tags <= set(record.tags)])

    async def submit(self, request: web.Request, asking: Caller) -> web.StreamResponse:
        """201, whatever the job then comes to."""
        if request.content_type != JSON:
            raise web.HTTPUnsupportedMediaType
        if asking.uid is None:
            raise RefusedError
        try:
            raw = descriptions.parse(await request.read())
        except ValueError as error:
            return failure(str(error))
        job = self.jobs.submit(raw, asking)
        return web.Response(status=201, headers={hdrs.LOCATION: f"{self.base}/jobs/{job.record.id}"})

    async def show_job(self, request: web.Request, asking: Caller) -> web.StreamResponse:
        """Everything about it."""
        preferences = {"Authorization": f"Bearer {asking.token}"} if asking.token else {}
        shown = render.job(self.job(request, asking).record, base=self.base, now=time.time(), preferences=preferences)
        return web.json_response(render.only(shown, request.query.get("fields")))

    async def show_details(self, request: web.Request, asking: Caller) -> web.StreamResponse:
        """What the batch system says of it."""
        record = self.job(request, asking).record
        return web.json_response({"rawDetailsData": "N/A", "jobID": record.batch_id, "queue": record.queue, "nodes": record.hosts})

    async def show_submitted(self, request: web.Request, asking: Caller) -> web.StreamResponse:
        """The description as it came, but for what may be secret."""
        return web.json_response(self.job(request, asking).record.shown)

    async def act(self, request: web.Request, asking: Caller) -> web.StreamResponse:
        """Start, abort: 204 even where it is pointless."""
        job = self.job(request, asking)
        match request.match_info["action"]:
            case "start":
                self.jobs.start(job)
            case "abort":
                self.jobs.abort(job)
            case "restart":
                return failure("A job can't be restarted here")
            case _:
                raise web.HTTPNotFound
        return web.Response(status=204)

    async def delete_job(self, request: web.Request, asking: Caller) -> web.StreamResponse:
        """Unknown from now on; its processes end."""
        job = self.job(request, asking)
        deleting = asyncio.get_running_loop().create_task(self.jobs.delete(job))
        request.app[DELETIONS].add(deleting)
        deleting.add_done_callback(request.app[DELETIONS].discard)
        return web.Response(status=204)

    async def forward(self, request: web.Request, asking: Caller) -> web.StreamResponse:
        """A tunnel to a port of the job's node."""
        job = self.job(request, asking)
        if not forwarding.wants_upgrade(request):
            return web.json_response({"status": "Nothing to see here yet."})
        try:
            if job.host is None or job.record.final:
                raise forwarding.ForwardError("Could not connect to backend service: the job is not running")
            connection = await forwarding.connect(self.fleet.node(job.host), host=request.query.get("host"), port=request.query.get("port"))
            return await forwarding.switch(request, connection)
        except forwarding.ForwardError as error:
            return failure(str(error))


DELETIONS: web.AppKey[set[asyncio.Task[None]]] = web.AppKey("deletions", set)


def failure(message: str) -> web.Response:
    """A 500 as the real server words it."""
    return web.json_response({"errorMessage": message, "status": 500}, status=500)


@web.middleware
async def plain_errors(request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> web.StreamResponse:
    """Errors of routing with an empty body."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        headers: Mapping[str, Any] = {hdrs.ALLOW: error.headers[hdrs.ALLOW]} if hdrs.ALLOW in error.headers else {}
        return web.Response(status=error.status, headers=headers)
