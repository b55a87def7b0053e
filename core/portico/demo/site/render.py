"""What is shown of site, factory, job and storage. Pure; the shapes are those that UNICORE/X 11 was seen to answer with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from portico.demo.configuration import SiteConfig
from portico.demo.site import records, resources
from portico.demo.site.files import stamp
from portico.demo.site.identities import Caller
from portico.demo.site.records import JobRecord

VERSION = "11.0.0"
"""The UNICORE/X whose behaviour is imitated."""
FACTORY = "default_target_system_factory"
APPLICATION = "Date---v1.0"
COLLECTIONS = (
    "jobs",
    "factories",
    "sites",
    "storages",
    "storagefactories",
    "transfers",
    "client-server-transfers",
    "reservations",
    "tasks",
)
_NOTHING = "N/A"


def links(**targets: str) -> dict[str, dict[str, str]]:
    """`_links`; a double underscore stands for a colon."""
    return {name.replace("__", ":"): {"href": target} for name, target in targets.items()}


def only(properties: dict[str, Any], fields: str | None) -> dict[str, Any]:
    """Those that `?fields=` asks for."""
    if not fields:
        return properties
    wanted = {field.strip() for field in fields.split(",")}
    return {name: value for name, value in properties.items() if name in wanted}


def page(key: str, base: str, urls: Sequence[str], *, offset: int, number: int) -> dict[str, Any]:
    """One page of a list."""
    shown = {"self": {"href": f"{base}/?offset={offset}&num={number}"}}
    if offset + number < len(urls):
        shown["next"] = {"href": f"{base}/?offset={offset + number}&num={number}"}
    return {key: list(urls[offset : offset + number]), "_links": shown}


def client(caller: Caller) -> dict[str, Any]:
    """Who asks, as the server sees it."""
    if caller.uid is None:
        return {"role": {"selected": "anonymous"}, "dn": caller.dn, "xlogin": {}}
    return {
        "role": {"selected": "user", "availableRoles": ["user"]},
        "authenticationMethod": caller.method,
        "dn": caller.dn,
        "xlogin": {
            "UID": caller.uid,
            "availableUIDs": list(caller.uids),
            "group": caller.group or "",
            "availableGroups": list(caller.groups),
        },
    }


def site(
    *, base: str, name: str, caller: Caller, now: float, since: float, credential: Mapping[str, str], connections: Mapping[str, str]
) -> dict[str, Any]:
    """The root resource."""
    return {
        "server": {
            "currentTime": stamp(now),
            "jobSubmission": {"message": "", "enabled": True},
            "credential": dict(credential),
            "upSince": stamp(since),
            "externalConnections": dict(connections),
            "trustedCAs": [],
            "siteName": name,
            "version": VERSION,
            "trustedSAMLIssuers": [],
        },
        "client": client(caller),
        "_links": {collection: {"href": f"{base}/{collection}"} for collection in COLLECTIONS},
    }


def registry(*, base: str, registry_url: str, credential: Mapping[str, str], certificate: str) -> dict[str, Any]:
    """The site's own registry, with the one entry that clients look for."""
    return {
        "owner": credential["dn"],
        "entries": [
            {
                "href": base,
                "type": "CoreServices",
                "EntryID": "core",
                "ServerIdentity": credential["dn"],
                "ServerPublicKey": certificate,
                "InterfaceNamespace": "https://www.unicore.eu/rest",
            }
        ],
        "acl": [],
        "tags": [],
        "_links": links(self=registry_url),
    }


def factory(*, base: str, config: SiteConfig, owner: str) -> dict[str, Any]:
    """The compute resource with its partitions."""
    url = f"{base}/factories/{FACTORY}"
    return {
        "owner": owner,
        "siteName": config.name,
        "resources": resources.described(config.partitions),
        "applications": [APPLICATION],
        "supportsReservation": "false",
        "remainingComputeTime": {},
        "otherInfo": {},
        "acl": [],
        "tags": [],
        "_links": links(self=url, sites=f"{base}/sites", applications=f"{url}/applications"),
    }


def target_system(*, base: str, config: SiteConfig, caller: Caller, jobs: int) -> dict[str, Any]:
    """A user's own view of the compute resource."""
    url = f"{base}/sites/{caller.uid}"
    return {
        "owner": caller.dn,
        "siteName": config.name,
        "numberOfJobs": jobs,
        "umask": "0077",
        "resources": resources.described(config.partitions),
        "supportsReservation": "false",
        "resourceStatus": "READY",
        "resourceStatusMessage": "OK",
        "otherInfo": {},
        "_links": links(self=url, jobs=f"{base}/jobs", applications=f"{base}/factories/{FACTORY}/applications"),
    }


def job(record: JobRecord, *, base: str, now: float, preferences: Mapping[str, str]) -> dict[str, Any]:
    """A job. `submissionPreferences` holds the user's token, as at the real server."""
    url = f"{base}/jobs/{record.id}"
    shown: dict[str, Any] = {
        "owner": record.owner,
        "name": record.name,
        "status": record.status,
        "statusMessage": record.message,
        "queue": record.queue,
        "batchSystemID": record.batch_id,
        "jobType": record.job_type,
        "submissionTime": stamp(record.submitted),
        "terminationTime": stamp(record.submitted + records.KEPT),
        "submissionPreferences": dict(preferences),
        "log": list(record.log),
        "consumedTime": consumed(record.reached, submitted=record.submitted, now=now),
        "tags": list(record.tags),
        "acl": [],
        "_links": links(
            self=url,
            details=f"{url}/details",
            submitted=f"{url}/submitted",
            forwarding=f"{url}/forward-port",
            workingDirectory=f"{base}/storages/{record.id}-uspace",
            parentTSS=f"{base}/sites/{record.uid}",
            action__start=f"{url}/actions/start",
            action__abort=f"{url}/actions/abort",
            action__restart=f"{url}/actions/restart",
        ),
    }
    if record.exit_code is not None:
        shown["exitCode"] = str(record.exit_code)
    return shown


def consumed(reached: Mapping[str, float], *, submitted: float, now: float) -> dict[str, str]:
    """Whole seconds spent in each state so far, `N/A` for what hasn't begun."""

    def between(state: str, *following: str) -> str:
        if state not in reached:
            return _NOTHING
        end = min((reached[other] for other in following if other in reached), default=now)
        return str(max(0, int(end - reached[state])))

    final = (records.SUCCESSFUL, records.FAILED)
    over = next((reached[state] for state in final if state in reached), None)
    return {
        "total": _NOTHING if over is None else str(int(over - submitted)),
        "stage-in": between(records.STAGINGIN, records.READY, *final),
        "queued": between(records.QUEUED, records.RUNNING, *final),
        "preCommand": _NOTHING,
        "main": between(records.RUNNING, records.STAGINGOUT, *final),
        "postCommand": _NOTHING,
        "stage-out": between(records.STAGINGOUT, *final),
    }


def storage(*, base: str, name: str, mount_point: str, owner: str, free: int, job_url: str | None) -> dict[str, Any]:
    """A storage: a home, or a job's working directory."""
    url = f"{base}/storages/{name}"
    targets = links(self=url, files=f"{url}/files", action__rename=f"{url}/actions/rename", action__copy=f"{url}/actions/copy")
    return {
        "owner": owner,
        "resourceStatus": "READY",
        "resourceStatusMessage": _NOTHING,
        "mountPoint": mount_point,
        "umask": "077",
        "freeSpace": free,
        "usableSpace": free,
        "metadataSupported": False,
        "filesystemDescription": "Demo site",
        "protocols": ["BFT"],
        "acl": [],
        "tags": [],
        "_links": targets | (links(job=job_url) if job_url else {}),
    }
