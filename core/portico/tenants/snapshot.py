"""One portal's look, frozen: all that a hub needs to render its pages and serve its files, in a directory that is never written again.

```
<digest>/manifest.json      tenant, commit, theme chain, the resolved tenant.toml, every file with its SHA-256 and size
<digest>/templates/<n>/     the templates of each layer, the root theme is 0
<digest>/static/            the static files as they are served
<digest>/gzip/              those that are worth it, compressed
<digest>/texts.json         texts by language
<digest>/overrides.json     JupyterLab settings
```
The digest is the SHA-256 of the manifest without its commit, so it changes with any file, with the contract and with the product's version;
the first 32 hexadecimal digits name the snapshot.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from portico import __version__
from portico.tenants.assets import CONTENT_TYPES
from portico.tenants.bundle import CONTRACT, Tenant
from portico.tenants.composition import Candidate, Composition, Overrides, Stylesheet
from portico.tenants.environment import Renderer
from portico.tenants.rehearsal import own_pages
from portico.tenants.sandbox import Source
from portico.tenants.views import Common, Page

MANIFEST = "manifest.json"
ADDRESS = "/hub/brand/"
"""Static files answer at this address, followed by the digest and the file's path."""
DIGEST_LENGTH = 32
PACKED = frozenset({".css", ".js", ".svg", ".json", ".txt"})
WORTH_PACKING = 400
"""Bytes."""


class FileRecord(BaseModel):
    """A file of a snapshot; `size` in bytes."""

    model_config = ConfigDict(frozen=True)

    sha256: str
    size: int


class Manifest(BaseModel):
    """`manifest.json`."""

    model_config = ConfigDict(frozen=True)

    format: Literal[1] = 1
    contract: int = CONTRACT
    product: str = __version__
    name: str
    commit: str = ""
    """The commit that it was first built from; not part of the digest."""
    chain: tuple[str, ...]
    tenant: Tenant
    stylesheets: tuple[tuple[str, str], ...]
    scripts: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    """For each layer the places where its authors know its templates, in the order of their paths."""
    files: Mapping[str, FileRecord]

    @cached_property
    def digest(self) -> str:
        """The snapshot's name."""
        content = json.dumps(self.model_dump(mode="json", exclude={"commit"}), sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(content.encode()).hexdigest()[:DIGEST_LENGTH]


class Build(NamedTuple):
    """A snapshot that isn't written yet."""

    manifest: Manifest
    files: Mapping[str, bytes]


def build(candidate: Candidate, *, commit: str) -> Build:
    """The manifest and files of a candidate's snapshot. A pure function: the same files make the same digest."""
    composition = candidate.composition
    files = {f"static/{path}": data for path, data in candidate.static.items()}
    files |= {f"gzip/{path}": packed for path, data in candidate.static.items() if (packed := _packed(path, data)) is not None}
    for number, layer in enumerate(composition.templates):
        files |= {f"templates/{number}/{path}": source.text.encode() for path, source in layer.items()}
    files["texts.json"] = _json(composition.texts)
    files["overrides.json"] = _json(composition.overrides)
    manifest = Manifest(
        name=composition.name,
        commit=commit,
        chain=composition.chain,
        tenant=composition.tenant,
        stylesheets=tuple((sheet.layer, sheet.url) for sheet in composition.stylesheets),
        scripts=composition.scripts,
        labels=tuple(tuple(layer[path].label for path in sorted(layer)) for layer in composition.templates),
        files={path: FileRecord(sha256=hashlib.sha256(files[path]).hexdigest(), size=len(files[path])) for path in sorted(files)},
    )
    return Build(manifest, files)


def _packed(path: str, data: bytes) -> bytes | None:
    """The file as gzip, where that is worth it: the same bytes for the same file."""
    if PurePosixPath(path).suffix not in PACKED or len(data) < WORTH_PACKING:
        return None
    packed = gzip.compress(data, 9, mtime=0)
    return packed if len(packed) < 0.9 * len(data) else None


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, indent=1).encode()


@dataclass(frozen=True)
class Snapshot:
    """A snapshot on disk. The manifest is read when it is opened, the templates when the first page is rendered."""

    root: Path
    manifest: Manifest = field(repr=False)

    @classmethod
    def open(cls, root: Path) -> Snapshot:
        """The snapshot in a directory; raises OSError or ValueError where there is none that can be read."""
        return cls(root, Manifest.model_validate_json((root / MANIFEST).read_bytes()))

    @property
    def digest(self) -> str:
        """Its name, 32 hexadecimal digits."""
        return self.root.name

    @property
    def commit(self) -> str:
        """The commit that it was first built from."""
        return self.manifest.commit

    @property
    def tenant(self) -> Tenant:
        """`tenant.toml`, checked."""
        return self.manifest.tenant

    @cached_property
    def overrides(self) -> Overrides:
        """JupyterLab's settings, as in `lab/overrides.json`."""
        overrides: Overrides = json.loads((self.root / "overrides.json").read_bytes())
        return overrides

    def render(self, common: Common, view: Page) -> str:
        """One page as HTML; see `Renderer.render` for what it raises."""
        return self._renderer.render(common, view)

    def has_page(self, name: str) -> bool:
        """Whether the bundle or a theme has an own page of that name."""
        return name in self._own_pages

    def asset(self, path: str) -> str:
        """The address of a static file, with the digest: what it answers never changes."""
        return f"{ADDRESS}{self.digest}/{path}"

    def static_file(self, path: str) -> Path | None:
        """The static file of that path below `static/`, or None. Only what the manifest lists is found, so no path leads elsewhere."""
        return self.root / "static" / path if f"static/{path}" in self.manifest.files else None

    def packed_file(self, path: str) -> Path | None:
        """The same as gzip, or None where it isn't kept so."""
        return self.root / "gzip" / path if f"gzip/{path}" in self.manifest.files else None

    @staticmethod
    def content_type(path: str) -> str:
        """As what a static file is served."""
        return CONTENT_TYPES.get(PurePosixPath(path).suffix, "application/octet-stream")

    def text(self, locale: str, key: str, **values: object) -> str:
        """A text with its values filled in; the key itself where there is none."""
        return self._renderer.text(locale, key, **values) or key

    def say(self, locale: str, sentence: str) -> str:
        """A sentence of the product's own in this portal's words; any other text as it is."""
        return self._renderer.say(locale, sentence)

    @cached_property
    def composition(self) -> Composition:
        """What it was made from, as far as rendering needs it."""
        manifest = self.manifest
        templates = []
        for number, labels in enumerate(manifest.labels):
            folder = f"templates/{number}/"
            paths = sorted(path for path in manifest.files if path.startswith(folder))
            texts = ((self.root / path).read_text(encoding="utf-8") for path in paths)
            templates.append(
                {path.removeprefix(folder): Source(label, text) for path, label, text in zip(paths, labels, texts, strict=True)}
            )
        return Composition(
            name=manifest.name,
            tenant=manifest.tenant,
            chain=manifest.chain,
            templates=tuple(templates),
            texts=json.loads((self.root / "texts.json").read_bytes()),
            stylesheets=tuple(Stylesheet(*sheet) for sheet in manifest.stylesheets),
            scripts=manifest.scripts,
            static=frozenset(path.removeprefix("static/") for path in manifest.files if path.startswith("static/")),
            overrides=self.overrides,
        )

    @cached_property
    def _renderer(self) -> Renderer:
        return Renderer(self.composition, self.asset(""))

    @cached_property
    def _own_pages(self) -> frozenset[str]:
        return frozenset(own_pages(self.composition))
