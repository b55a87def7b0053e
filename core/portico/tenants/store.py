"""Where snapshots lie, which one is live, and how one becomes it.

```
<root>/<tenant>/<digest>/        a snapshot
<root>/<tenant>/current          a symbolic link to the digest that is live
<root>/.blobs/<sha256>           the content of their files; a snapshot's files are hard links to it
```
A snapshot appears under its name complete and on disk, or not at all; `current` points to the old one or the new one. One process writes
(the sync), any number read. Reading costs one readlink for each question; what is open stays open.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import time
from collections import OrderedDict
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from portico.tenants.composition import Candidate
from portico.tenants.snapshot import DIGEST_LENGTH, MANIFEST, Build, Snapshot, build

CURRENT = "current"
_TENANT = re.compile(r"[a-z][a-z0-9-]{0,31}")
_DIGEST = re.compile(rf"[0-9a-f]{{{DIGEST_LENGTH}}}")
_BLOBS = ".blobs"
_NEW = ".new-"
GRACE = 60.0
"""Seconds for which nothing is collected that is new, or was in use until now: pages of it may be open and still loading."""


class Store:
    """The snapshots below `<state>/snapshots`. `keep` open snapshots stay in memory."""

    def __init__(self, root: Path, *, keep: int = 16) -> None:
        self._root = root
        self._keep = keep
        self._open: OrderedDict[tuple[str, str], Snapshot] = OrderedDict()

    # Reading

    def live(self, tenant: str) -> str | None:
        """The digest that is live; None where there is none yet. One readlink."""
        if not _TENANT.fullmatch(tenant):
            return None
        try:
            return os.readlink(self._root / tenant / CURRENT)
        except OSError:
            return None

    def current(self, tenant: str) -> Snapshot | None:
        """The snapshot that is live, with all that its pages need; None where there is none yet.

        It renders whatever becomes of its directory. Where it was removed since it was live, what took its place is answered.
        """
        digest = self.live(tenant)
        while digest is not None:
            found = self.snapshot(tenant, digest)
            if found is not None and self._loaded(found):
                return found
            before, digest = digest, self.live(tenant)
            if digest == before:
                return None
        return None

    def snapshot(self, tenant: str, digest: str) -> Snapshot | None:
        """A snapshot by its digest, live or not; None where there is none."""
        found = self._open.get((tenant, digest))
        if found is None:
            if not _TENANT.fullmatch(tenant) or not _DIGEST.fullmatch(digest):
                return None
            try:
                found = Snapshot.open(self._root / tenant / digest)
            except (OSError, ValueError):
                return None
            self._open[tenant, digest] = found
        self._open.move_to_end((tenant, digest))
        while len(self._open) > self._keep:
            self._open.popitem(last=False)
        return found

    def _loaded(self, snapshot: Snapshot) -> bool:
        try:
            return bool(snapshot.composition)
        except (OSError, ValueError):
            self._open.pop((snapshot.manifest.name, snapshot.digest), None)
            return False

    def has(self, tenant: str, digest: str) -> bool:
        """Whether there is such a snapshot; opens nothing."""
        return bool(_TENANT.fullmatch(tenant) and _DIGEST.fullmatch(digest)) and (self._root / tenant / digest / MANIFEST).is_file()

    # Writing

    def add(self, candidate: Candidate, *, commit: str) -> Snapshot:
        """Write a candidate's snapshot, if it isn't there yet, and answer it."""
        return self.write(build(candidate, commit=commit))

    def write(self, made: Build) -> Snapshot:
        """Write a snapshot, if it isn't there yet, and answer it."""
        tenant, digest = made.manifest.name, made.manifest.digest
        found = self.snapshot(tenant, digest)
        if found is not None:
            return found
        home = self._root / tenant
        home.mkdir(parents=True, exist_ok=True)
        temporary = home / f"{_NEW}{secrets.token_hex(8)}"
        try:
            try:
                self._write(made, temporary)
            except FileNotFoundError:  # a blob was collected under our hands
                shutil.rmtree(temporary, ignore_errors=True)
                self._write(made, temporary)
            temporary.rename(home / digest)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        _sync(home)
        return Snapshot(home / digest, made.manifest)

    def activate(self, tenant: str, digest: str) -> None:
        """Make a snapshot live, by one rename; raises FileNotFoundError where there is no such snapshot."""
        home = self._root / tenant
        if not (home / digest / MANIFEST).is_file():
            raise FileNotFoundError(f"there is no snapshot {digest} of {tenant}")
        self.touch(tenant, self.live(tenant))
        temporary = home / f"{_NEW}{secrets.token_hex(8)}"
        temporary.symlink_to(digest)
        temporary.replace(home / CURRENT)
        _sync(home)

    def touch(self, tenant: str, digest: str | None) -> None:
        """Have a snapshot's grace count from now: it has been in use until now."""
        if digest is not None:
            with contextlib.suppress(FileNotFoundError):
                os.utime(self._root / tenant / digest)

    def deactivate(self, tenant: str) -> None:
        """Have no snapshot live."""
        (self._root / tenant / CURRENT).unlink(missing_ok=True)

    def digests(self, tenant: str) -> set[str]:
        """The snapshots that there are."""
        home = self._root / tenant
        return {path.name for path in home.iterdir() if self.has(tenant, path.name)} if home.is_dir() else set()

    def remove(self, tenant: str, digest: str) -> None:
        """Remove a snapshot that isn't live, by a rename first: it is there entirely or not at all."""
        if digest == self.live(tenant) or not _DIGEST.fullmatch(digest):
            return
        self._open.pop((tenant, digest), None)
        dying = self._root / tenant / f"{_NEW}{secrets.token_hex(8)}"
        try:
            (self._root / tenant / digest).rename(dying)
        except FileNotFoundError:
            return
        shutil.rmtree(dying, ignore_errors=True)

    def collect(self, tenant: str, keep: Collection[str], *, grace: float = GRACE) -> None:
        """Remove the tenant's snapshots but those to keep, the live one and new ones.

        What was made or in use (`touch`) less than `grace` seconds ago stays: somebody may just be about to make it live, or
        to load the files of a page that came before.
        """
        now = time.time()
        for digest in self.digests(tenant) - set(keep):
            if now - (self._root / tenant / digest).stat().st_ctime > grace:
                self.remove(tenant, digest)

    def collect_blobs(self, *, grace: float = GRACE) -> None:
        """Remove the blobs that no snapshot is made of any more, but for new ones: somebody may just be about to link them."""
        now = time.time()
        for blob in (self._root / _BLOBS).glob("*"):
            with contextlib.suppress(FileNotFoundError):
                found = blob.stat()
                if found.st_nlink == 1 and now - found.st_ctime > grace:
                    blob.unlink()

    def sweep(self) -> None:
        """Remove what a writer that was killed has left half done."""
        for left in [*self._root.glob(f"*/{_NEW}*"), *self._root.glob(f"{_BLOBS}/{_NEW}*")]:
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)

    def _write(self, made: Build, folder: Path) -> None:
        blobs = self._root / _BLOBS
        blobs.mkdir(exist_ok=True)
        wanted = {record.sha256: made.files[path] for path, record in made.manifest.files.items()}
        missing = {name: data for name, data in wanted.items() if not (blobs / name).exists()}
        with ThreadPoolExecutor(8, thread_name_prefix="blobs") as workers:  # side by side, the disk syncs them together
            list(workers.map(lambda name: _write_file(blobs, name, missing[name]), missing))
        if missing:
            _sync(blobs)
        parents = {PurePosixPath(path).parent for path in made.manifest.files}
        folders = {folder, *(folder / each for parent in parents for each in (parent, *parent.parents))}
        for each in sorted(folders):
            each.mkdir()
        for path, record in made.manifest.files.items():
            os.link(blobs / record.sha256, folder / path)
        _write_file(folder, MANIFEST, made.manifest.model_dump_json(indent=1).encode())
        for each in folders:
            _sync(each)


def _write_file(folder: Path, name: str, data: bytes) -> None:
    """Write a read-only file; it appears complete or not at all."""
    temporary = folder / f"{_NEW}{secrets.token_hex(8)}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(folder / name)


def _sync(folder: Path) -> None:
    """Have the names in a directory on disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
