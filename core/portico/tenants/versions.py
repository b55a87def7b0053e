"""One tenant's versions: which is live, what holds the branch back, what may come back, what never does.

Each action takes the tenant's status and answers the new one; snapshots, the live link and the history are changed on the way, in an order
that leaves nothing wrong where it is cut off: a snapshot is complete before it is live, and the history is written after it went live.
Everything here blocks: `sync` calls it in a worker, one action at a time.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from portico.tenants import history
from portico.tenants.composition import compose
from portico.tenants.findings import Finding, refuse
from portico.tenants.git import Commit
from portico.tenants.history import Entry, Event, UnknownVersionError
from portico.tenants.snapshot import build
from portico.tenants.status import Preview, Status, summary
from portico.tenants.store import GRACE, Store

KEPT = 10
"""Versions that were live and are kept, the live one among them."""
PREVIEWED = timedelta(days=7)
"""How long a preview is kept."""
PREVIEWS = 20
"""Previews of one tenant at the same time; one more ends the oldest."""

_NOTHING_LIVE: Mapping[str, object] = dict.fromkeys(("commit", "snapshot", "activated_at", "hold", "held_at"))

log = logging.getLogger(__name__)


class Versions:
    """The versions of one tenant."""

    def __init__(self, tenant: str, *, state: Path, themes: Path, store: Store) -> None:
        self._tenant = tenant
        self._state = state
        self._themes = themes
        self._store = store

    def recall(self, known: Status) -> Status:
        """What was known before a restart; what is live is what the store says, and what was revoked is what the history says too.

        A revocation that was cut off is brought to its end.
        """
        digests, commits = history.revoked(history.read(self._state, self._tenant))
        known = known.model_copy(
            update={
                "revoked": tuple(dict.fromkeys((*known.revoked, *digests))),
                "revoked_commits": tuple(dict.fromkeys((*known.revoked_commits, *commits))),
            }
        )
        live = self._store.current(self._tenant)
        if live is None:
            return known.model_copy(update=_NOTHING_LIVE)
        if known.snapshot != live.digest:
            known = known.model_copy(update={"commit": live.commit, "snapshot": live.digest, "activated_at": None})
        return self._replaced(known, live.digest, by="") if live.digest in known.revoked else known

    # What a push does

    def accept(self, status: Status, files: Mapping[str, bytes], about: Commit) -> Status:
        """Make a judged commit live, unless the branch is held; raises Refused where this very version was revoked."""
        made = build(compose(self._tenant, files, self._themes), commit=about.id)
        digest = made.manifest.digest
        if _revoked(status).intersection((digest, about.id)):
            raise refuse("", "This version was revoked, so it can't go live again.", "Change something and push again.")
        self._store.write(made)
        taken = status.model_copy(update={"candidate": about.id, "findings": (), "error": None})
        if status.hold == "pinned" or (status.hold == "rolled back" and about.id == status.held_at):
            return taken
        live = self._went_live(taken, about.id, digest)
        if (about.id, digest) != (status.commit, status.snapshot) or not self._told(digest):
            self._tell(Event.LIVE, about, digest=digest)
        return live.model_copy(update={"hold": None, "held_at": None, "behind": 0})

    def refuse(self, status: Status, findings: tuple[Finding, ...], about: Commit) -> Status:
        """Write down that a commit stays outside, and why."""
        if about.id != status.candidate or not status.findings:
            self._tell(Event.REFUSED, about, finding=str(findings[0]))
        return status.model_copy(update={"candidate": about.id, "findings": findings, "error": summary(findings)})

    def rewritten(self, about: Commit) -> None:
        """The branch was pushed with force."""
        self._tell(Event.FORCE_PUSHED, about)

    def gone(self) -> None:
        """The branch was deleted."""
        self._tell(Event.BRANCH_GONE, None)

    # What people ask for; each raises UnknownVersionError with a sentence

    def rollback(self, status: Status, to: str | None, by: str) -> Status:
        """Make an earlier version live, by default the one before; it stays until the branch moves on."""
        entry = self._chosen(status, to)
        if entry.digest == self._store.live(self._tenant):
            raise UnknownVersionError(f"The version {entry.commit[:12]} is live already.")
        return self._return(status, entry, by, Event.ROLLED_BACK, "rolled back")

    def pin(self, status: Status, to: str | None, by: str) -> Status:
        """Keep a version live whatever is pushed, by default the one that is."""
        if to is None and status.snapshot is None:
            raise UnknownVersionError("Nothing is live that could be pinned.")
        entry = self._chosen(status, to if to is not None else status.snapshot)
        return self._return(status, entry, by, Event.PINNED, "pinned")

    def unpin(self, status: Status, by: str) -> Status:
        """Follow the branch again."""
        if status.hold is None:
            raise UnknownVersionError("The branch is followed already.")
        self._tell(Event.UNPINNED, None, commit=status.commit or "", digest=status.snapshot or "", by=by)
        return status.model_copy(update={"hold": None, "held_at": None})

    def revoke(self, status: Status, what: str | None, by: str, why: str) -> Status:
        """Take a version away for good, by default the live one; the newest good one takes its place."""
        if what is None and status.snapshot is None:
            raise UnknownVersionError("Nothing is live that could be revoked.")
        entry = self._chosen(status, what if what is not None else status.snapshot)
        self._tell(Event.REVOKED, None, commit=entry.commit, digest=entry.digest, subject=entry.subject, by=by, finding=why)
        _, commits = history.revoked(history.read(self._state, self._tenant))
        status = status.model_copy(
            update={
                "revoked": (*status.revoked, entry.digest),
                "revoked_commits": tuple(dict.fromkeys((*status.revoked_commits, *commits))),
                "previews": tuple(preview for preview in status.previews if preview.digest != entry.digest),
            }
        )
        return self._replaced(status, entry.digest, by)

    # Previews

    def preview(self, status: Status, files: Mapping[str, bytes], about: Commit, branch: str) -> Status:
        """Keep a judged candidate of a branch for whoever has its link; raises Refused where that version was revoked."""
        made = build(compose(self._tenant, files, self._themes), commit=about.id)
        if _revoked(status).intersection((made.manifest.digest, about.id)):
            raise refuse("", "This version was revoked.", "Change something and push again.")
        self._store.write(made)
        now = datetime.now(UTC)
        fresh = Preview(branch=branch, commit=about.id, digest=made.manifest.digest, at=now, until=now + PREVIEWED, subject=about.subject)
        others = [preview for preview in status.previews if preview.branch != branch and preview.until > now]
        return status.model_copy(update={"previews": (*others[-(PREVIEWS - 1) :], fresh)})

    def unpreview(self, status: Status, branch: str) -> Status:
        """End a branch's preview."""
        kept = tuple(preview for preview in status.previews if branch not in (preview.branch, preview.digest))
        if len(kept) == len(status.previews):
            raise UnknownVersionError(f"There is no preview of {branch[:100]!r}.")
        for ended in set(status.previews).difference(kept):
            self._store.touch(self._tenant, ended.digest)
        return status.model_copy(update={"previews": kept})

    # Housekeeping

    def collect(self, status: Status) -> None:
        """Remove snapshots that nobody can come back to; what fails is tried again the next time."""
        now = datetime.now(UTC)
        keep = {preview.digest for preview in status.previews if preview.until + timedelta(seconds=GRACE) > now}
        keep.update(history.earliest_kept(history.read(self._state, self._tenant), KEPT))
        try:
            self._store.collect(self._tenant, keep.difference(status.revoked))
        except OSError:
            log.exception("the collection of old snapshots failed")

    # Within

    def _chosen(self, status: Status, name: str | None) -> Entry:
        if name is None:
            older = history.earlier(history.read(self._state, self._tenant), self._store.live(self._tenant))
            others = {entry.digest: entry for entry in self._returnable(status)}
            for digest in older:
                if digest in others:
                    return others[digest]
            raise UnknownVersionError("There is no earlier version that could come back.")
        entries = history.read(self._state, self._tenant)
        return history.find(entries, name, stored=self._store.digests(self._tenant), revoked=_revoked(status))

    def _returnable(self, status: Status) -> list[Entry]:
        entries, live = history.read(self._state, self._tenant), self._store.live(self._tenant)
        return history.returnable(entries, stored=self._store.digests(self._tenant), revoked=_revoked(status), live=live)

    def _replaced(self, status: Status, digest: str, by: str) -> Status:
        """Have the newest good version in the place of one that was revoked, and remove that one."""
        if digest == self._store.live(self._tenant):
            others = self._returnable(status)
            if others:
                status = self._return(status, others[0], by, Event.ROLLED_BACK, "rolled back")
            else:
                self._store.deactivate(self._tenant)
                error = (
                    "The live version was revoked, and there is no earlier one: only the portal's admins can log in until the next push."
                )
                status = status.model_copy(update={**_NOTHING_LIVE, "error": error})
        self._store.remove(self._tenant, digest)
        return status

    def _told(self, digest: str) -> bool:
        """Whether the history knows that this version went live; not where the sync was killed in between."""
        return any(entry.digest == digest for entry in history.lives(history.read(self._state, self._tenant)))

    def _return(self, status: Status, entry: Entry, by: str, event: Event, hold: str) -> Status:
        live = self._went_live(status, entry.commit, entry.digest)
        self._tell(event, None, commit=entry.commit, digest=entry.digest, subject=entry.subject, authored_at=entry.authored_at, by=by)
        return live.model_copy(update={"hold": hold, "held_at": status.candidate if hold == "rolled back" else None})

    def _went_live(self, status: Status, commit: str, digest: str) -> Status:
        before = self._store.live(self._tenant)
        if before != digest:
            self._store.activate(self._tenant, digest)
        since = status.activated_at if before == digest and status.activated_at else datetime.now(UTC)
        return status.model_copy(update={"commit": commit, "snapshot": digest, "activated_at": since})

    def _tell(self, event: Event, about: Commit | None, **values: object) -> None:
        known = {"commit": about.id, "subject": about.subject, "authored_at": about.authored_at} if about else {}
        entry = Entry.model_validate({"at": datetime.now(UTC), "event": event, **known, **values})
        history.append(self._state, self._tenant, entry)
        log.info("%s: %s", event.value, entry.commit[:12] or "the branch", extra={"snapshot": entry.digest, "by": entry.by})


def _revoked(status: Status) -> frozenset[str]:
    """Digests and commits that never go live again."""
    return frozenset((*status.revoked, *status.revoked_commits))
