"""The HTTP side of storages: a login's home, and each job's working directory, with their files."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

from aiohttp import hdrs, web

from portico.demo.site import render
from portico.demo.site.files import PathError, Tree
from portico.demo.site.handlers import Site, failure
from portico.demo.site.identities import Caller, RefusedError

BYTES = "application/octet-stream"
_USPACE, _HOME = "-uspace", "-home"
_CHUNK = 1 << 18


class Storages:
    """The storages of one site."""

    def __init__(self, site: Site) -> None:
        self._site = site

    # -- storages ------------------------------------------------------------------------------------------------------------------

    async def list_storages(self, request: web.Request, asking: Caller) -> web.StreamResponse:
        """Homes; with `filter=all` the working directories of the caller's jobs too."""
        names = [f"{uid}{_HOME}" for uid in asking.uids]
        if request.query.get("filter") == "all":
            names += [f"{job.record.id}{_USPACE}" for job in self._site.jobs.of(asking.dn)]
        return self._site.listed(request, "storages", [f"{self._site.base}/storages/{name}" for name in names])

    def _tree(self, request: web.Request, asking: Caller) -> tuple[Tree, str | None]:
        """The storage of the path and its job's address: 404 where there is none, 403 where it is somebody else's."""
        name = request.match_info["storage"]
        if name.endswith(_USPACE):
            try:
                job = self._site.jobs[name.removesuffix(_USPACE)]
            except KeyError:
                raise web.HTTPNotFound from None
            if job.record.owner != asking.dn:
                raise RefusedError
            return Tree(job.files.working), f"{self._site.base}/jobs/{job.record.id}"
        if name.endswith(_HOME):
            uid = name.removesuffix(_HOME)
            if uid not in asking.uids:
                raise RefusedError
            return Tree(self._site.jobs.home(uid)), None
        raise web.HTTPNotFound

    async def show_storage(self, request: web.Request, asking: Caller) -> web.StreamResponse:
        """Where it is, how much is free."""
        tree, job_url = self._tree(request, asking)
        usage = await asyncio.to_thread(shutil.disk_usage, tree.root)
        shown = render.storage(
            base=self._site.base,
            name=request.match_info["storage"],
            mount_point=str(tree.root),
            owner=asking.dn,
            free=usage.free,
            job_url=job_url,
        )
        return web.json_response(render.only(shown, request.query.get("fields")))

    async def act(self, request: web.Request, asking: Caller) -> web.StreamResponse:
        """Rename, copy."""
        tree, _ = self._tree(request, asking)
        try:
            wanted = await request.json()
            source, target = str(wanted["from"]), str(wanted["to"])
        except (ValueError, TypeError, KeyError):
            return failure("'from' and 'to' are needed")
        operation = {"rename": tree.rename, "copy": tree.copy}.get(request.match_info["action"])
        if operation is None:
            raise web.HTTPNotFound
        try:
            await asyncio.to_thread(operation, source, target)
        except PathError:
            raise web.HTTPBadRequest from None
        except OSError as error:
            return failure(error.strerror or str(error))
        return web.Response(status=204)

    # -- files ---------------------------------------------------------------------------------------------------------------------

    def _file(self, request: web.Request, asking: Caller) -> tuple[Tree, str, Path]:
        """The file of the path: 400 where that leads out of the storage."""
        tree, _ = self._tree(request, asking)
        path = request.match_info.get("path", "")
        try:
            return tree, path, tree.resolve(path)
        except PathError:
            raise web.HTTPBadRequest from None

    async def show_file(self, request: web.Request, asking: Caller) -> web.StreamResponse:
        """Bytes, or what is known of the file, as the client accepts."""
        tree, path, target = self._file(request, asking)
        if BYTES in request.headers.get(hdrs.ACCEPT, ""):
            if not await asyncio.to_thread(target.is_file):
                raise web.HTTPNotFound
            return web.FileResponse(target, chunk_size=_CHUNK, headers={hdrs.CONTENT_TYPE: BYTES})
        try:
            shown = await asyncio.to_thread(tree.properties, path)
        except OSError:
            raise web.HTTPNotFound from None
        url = f"{self._site.base}/storages/{request.match_info['storage']}"
        shown["_links"] = render.links(self=f"{url}/files/{path}", parentStorage=url)
        return web.json_response(shown)

    async def write_file(self, request: web.Request, asking: Caller) -> web.StreamResponse:
        """Replaced as a whole, when all of it has come."""
        tree, path, target = self._file(request, asking)
        new = tree.temporary(path)
        try:
            await asyncio.to_thread(lambda: target.parent.mkdir(mode=0o700, parents=True, exist_ok=True))
            with await asyncio.to_thread(new.open, "xb") as file:
                async for chunk in request.content.iter_chunked(_CHUNK):
                    await asyncio.to_thread(file.write, chunk)
            await asyncio.to_thread(new.replace, target)
        except OSError as error:
            return failure(error.strerror or str(error))
        finally:
            await asyncio.to_thread(new.unlink, missing_ok=True)
        return web.Response(status=204)

    async def make_directory(self, request: web.Request, asking: Caller) -> web.StreamResponse:
        """With those above it."""
        tree, path, _ = self._file(request, asking)
        try:
            await asyncio.to_thread(tree.make_directory, path)
        except OSError as error:
            return failure(error.strerror or str(error))
        return web.Response(status=201, headers={hdrs.LOCATION: str(request.url)})

    async def delete_file(self, request: web.Request, asking: Caller) -> web.StreamResponse:
        """A file, or a directory with all in it."""
        tree, path, _ = self._file(request, asking)
        try:
            await asyncio.to_thread(tree.delete, path)
        except PathError:
            raise web.HTTPBadRequest from None
        except FileNotFoundError:
            raise web.HTTPNotFound from None
        return web.Response(status=204)


def routes(site: Site) -> list[tuple[str, str, Any]]:
    """(method, path below the site's prefix, handler) of everything that a site answers."""
    storages = Storages(site)
    core, job, file = "/rest/core", "/rest/core/jobs/{job}", "/rest/core/storages/{storage}/files{path:(/.*)?}"
    factory = f"{core}/factories/{render.FACTORY}"
    return [
        ("GET", core, site.root),
        ("GET", "/rest/registries/default_registry", site.registry),
        ("GET", f"{core}/certificate", site.certificate),
        ("GET", f"{core}/token", site.token),
        ("GET", f"{core}/factories", site.factories),
        ("GET", factory, site.factory),
        ("GET", f"{factory}/applications", site.applications),
        ("GET", f"{factory}/applications/{render.APPLICATION}", site.application),
        ("GET", f"{core}/sites", site.target_systems),
        ("GET", f"{core}/sites/{{login}}", site.target_system),
        *(
            ("GET", f"{core}/{key}", site.empty(key))
            for key in ("storagefactories", "transfers", "client-server-transfers", "reservations", "tasks")
        ),
        ("GET", f"{core}/jobs", site.list_jobs),
        ("POST", f"{core}/jobs", site.submit),
        ("GET", job, site.show_job),
        ("DELETE", job, site.delete_job),
        ("GET", f"{job}/details", site.show_details),
        ("GET", f"{job}/submitted", site.show_submitted),
        ("GET", f"{job}/forward-port", site.forward),
        ("POST", f"{job}/actions/{{action}}", site.act),
        ("GET", f"{core}/storages", storages.list_storages),
        ("GET", f"{core}/storages/{{storage}}", storages.show_storage),
        ("POST", f"{core}/storages/{{storage}}/actions/{{action}}", storages.act),
        ("GET", file, storages.show_file),
        ("PUT", file, storages.write_file),
        ("POST", file, storages.make_directory),
        ("DELETE", file, storages.delete_file),
    ]
