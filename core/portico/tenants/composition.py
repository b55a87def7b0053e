"""Puts a theme chain and a bundle together: one set of templates, texts, styles, scripts and static files.

A later layer overrides an earlier one by name. `compose` reads and checks everything that can be checked without rendering; it is a pure
function of the files it is given. What comes out is all that rendering needs, whether it is kept in memory or written as a snapshot.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from portico.tenants import assets, stylesheets
from portico.tenants.bundle import Tenant, Theme, flatten
from portico.tenants.documents import decode, read_model, read_toml
from portico.tenants.findings import Finding, Refused, refuse, suggestion
from portico.tenants.layers import Layer, theme_chain
from portico.tenants.sandbox import Source
from portico.words import LANGUAGES, said

Overrides = dict[str, dict[str, object]]
"""JupyterLab's `overrides.json`: settings by plugin."""
_FOLDERS = {
    "tenant": ("tenant.toml", "templates/", "static/", "texts/", "lab/overrides.json"),
    "theme": ("theme.toml", "templates/", "static/", "texts/"),
}
_TEMPLATE_ENDS = (".html", ".svg")
_TEXT_FILES = tuple(f"texts/{language}.toml" for language in LANGUAGES)


class Stylesheet(NamedTuple):
    """A stylesheet and its cascade layer, `theme` or `tenant`; `url` is a path below static until it is rendered."""

    layer: str
    url: str


@dataclass(frozen=True, slots=True)
class Composition:
    """A portal's look, resolved."""

    name: str
    """The tenant's."""
    tenant: Tenant
    chain: tuple[str, ...]
    """Names of the themes, the root first."""
    templates: tuple[Mapping[str, Source], ...]
    """By path below `templates/`, for each theme and then the bundle."""
    texts: Mapping[str, Mapping[str, str]]
    stylesheets: tuple[Stylesheet, ...]
    scripts: tuple[str, ...]
    static: Collection[str]
    """Paths of the static files."""
    overrides: Overrides


@dataclass(frozen=True, slots=True)
class Candidate:
    """A composition with the content of its static files as they are served."""

    composition: Composition
    static: Mapping[str, bytes]
    labels: Mapping[str, str]
    """Where the authors of the static files know them, by path; what the product makes itself has no place."""
    texts: Mapping[str, Mapping[str, str]]
    """What the bundle's own files of texts say, by language; those in `tenant.toml` stand there."""


def compose(name: str, bundle: Mapping[str, bytes], themes: Path) -> Candidate:
    """Read and check a bundle's files on top of the themes in `themes`; raises Refused with everything that is wrong."""
    layer = Layer(name, "tenant", bundle)
    if "tenant.toml" not in bundle:
        raise refuse("tenant.toml", "This file is missing.", "A bundle begins with a tenant.toml that has at least title and contact.")
    tenant = read_model(Tenant, bundle["tenant.toml"], "tenant.toml")
    chain = theme_chain(tenant.theme, themes)
    layers = [*(theme for theme, _ in chain), layer]
    findings: list[Finding] = []
    for each in layers:
        findings.extend(_unknown_files(each))
    static, owners = _static(layers, findings)
    static[stylesheets.TOKENS] = stylesheets.wrap(stylesheets.tokens(tenant.brand), "tenant").encode()
    composition = Composition(
        name=name,
        tenant=tenant,
        chain=tuple(theme.name for theme, _ in chain),
        templates=tuple(_templates(each, findings) for each in layers),
        texts=_texts(layers, tenant, findings),
        stylesheets=_sheets(chain, tenant, owners, findings),
        scripts=_scripts(chain, owners, findings),
        static=frozenset(static),
        overrides=_overrides(layer, findings),
    )
    findings.extend(_loose_ends(composition, bundle))
    if findings:
        raise Refused(findings)
    labels = {path: owner.label(f"static/{path}") for path, owner in owners.items()}
    return Candidate(composition, static, labels, texts_of([layer]))


def _unknown_files(layer: Layer) -> list[Finding]:
    known = _FOLDERS[layer.kind]
    findings = []
    for path in layer.files:
        if not any(path == entry or (entry.endswith("/") and path.startswith(entry)) for entry in known):
            cure = suggestion(path.partition("/")[0] + "/" * ("/" in path), known) or f"Here belong {', '.join(known)}."
            findings.append(Finding(layer.label(path), 0, 0, f"A {layer.kind} has no such file.", cure))
        elif path.startswith("templates/") and not path.endswith(_TEMPLATE_ENDS):
            findings.append(Finding(layer.label(path), 0, 0, "A template's name ends in .html, or in .svg for a drawing.", "Rename it."))
        elif path.startswith("texts/") and path not in _TEXT_FILES:
            cure = suggestion(path, _TEXT_FILES) or f"Texts belong in {' or '.join(_TEXT_FILES)}."
            findings.append(Finding(layer.label(path), 0, 0, "This isn't a file of texts in one of the languages.", cure))
    return findings


def _templates(layer: Layer, findings: list[Finding]) -> dict[str, Source]:
    sources = {}
    for path, data in layer.below("templates").items():
        label = layer.label(f"templates/{path}")
        try:
            sources[path] = Source(label, decode(data, label))
        except Refused as refused:
            findings.extend(refused.findings)
    return sources


def _static(layers: list[Layer], findings: list[Finding]) -> tuple[dict[str, bytes], dict[str, Layer]]:
    """The files as they are served, and which layer each comes from."""
    owners = {path: layer for layer in layers for path in layer.below("static")}
    static: dict[str, bytes] = {}
    for path, layer in owners.items():
        label, data = layer.label(f"static/{path}"), layer.files[f"static/{path}"]
        found = assets.check(path, data, file=label, kind=layer.kind, static=owners)
        findings.extend(found)
        if path == stylesheets.TOKENS:
            findings.append(Finding(label, 0, 0, "This name is taken by the stylesheet that is made from [brand].", "Rename it."))
        if path.endswith(".css") and not found:
            data = stylesheets.wrap(decode(data, label), layer.kind).encode()
        static[path] = data
    return static, owners


def _texts(layers: list[Layer], tenant: Tenant, findings: list[Finding]) -> dict[str, dict[str, str]]:
    """All texts by language: a nearer layer's go before those below, and those in `tenant.toml` before all."""
    merged = texts_of(layers, findings)
    for language, texts in tenant.texts.items():
        merged.setdefault(language, {}).update(texts)
    return merged


def texts_of(layers: Sequence[Layer], findings: list[Finding] | None = None) -> dict[str, dict[str, str]]:
    """What the layers' files of texts say, by language; the nearest wins. What can't be read is left out, and told to `findings`."""
    merged: dict[str, dict[str, str]] = {}
    for layer in layers:
        for path, data in layer.below("texts").items():
            label = layer.label(f"texts/{path}")
            try:
                flat = flatten(read_toml(data, label)[0])
            except Refused as refused:
                if findings is not None:
                    findings.extend(refused.findings)
                continue
            texts = {key: value for key, value in flat.items() if isinstance(value, str)} if isinstance(flat, dict) else {}
            if findings is not None and isinstance(flat, dict) and len(texts) < len(flat):
                odd = next(key for key in flat if key not in texts)
                findings.append(Finding(label, 0, 0, f"{odd!r} isn't a text.", "Put it in quotes."))
            merged.setdefault(path.removesuffix(".toml"), {}).update(texts)
    return merged


def _sheets(
    chain: list[tuple[Layer, Theme]], tenant: Tenant, owners: Mapping[str, Layer], findings: list[Finding]
) -> tuple[Stylesheet, ...]:
    sheets: list[Stylesheet] = []
    for layer, theme in chain:
        _must_exist(theme.stylesheets, layer.label("theme.toml"), owners, findings)
        sheets.extend(Stylesheet(owners[path].kind, path) for path in theme.stylesheets if path in owners)
    sheets.append(Stylesheet("tenant", stylesheets.TOKENS))
    if "stylesheets" in tenant.brand.model_fields_set:
        _must_exist(tenant.brand.stylesheets, "tenant.toml", owners, findings)
    sheets.extend(Stylesheet("tenant", path) for path in tenant.brand.stylesheets if path in owners)
    return tuple(dict.fromkeys(sheets))


def _scripts(chain: list[tuple[Layer, Theme]], owners: Mapping[str, Layer], findings: list[Finding]) -> tuple[str, ...]:
    for layer, theme in chain:
        _must_exist(theme.scripts, layer.label("theme.toml"), owners, findings)
    return tuple(dict.fromkeys(path for _, theme in chain for path in theme.scripts))


def _must_exist(
    paths: list[str], file: str, owners: Collection[str], findings: list[Finding], *, cure: str = "Add it, or remove the line."
) -> None:
    for path in paths:
        if path not in owners:
            findings.append(Finding(file, 0, 0, f"There is no static file {path!r}.", suggestion(path, owners) or cure))


def _overrides(layer: Layer, findings: list[Finding]) -> Overrides:
    file = "lab/overrides.json"
    if file not in layer.files:
        return {}
    try:
        overrides = json.loads(decode(layer.files[file], file))
    except Refused as refused:
        findings.extend(refused.findings)
        return {}
    except json.JSONDecodeError as error:
        findings.append(Finding(file, error.lineno, error.colno, f"This isn't JSON: {error.msg}.", ""))
        return {}
    except (RecursionError, ValueError):
        findings.append(Finding(file, 0, 0, "This isn't JSON that can be read: it is nested too deep or holds too large a number.", ""))
        return {}
    if not isinstance(overrides, dict) or not all(isinstance(value, dict) for value in overrides.values()):
        findings.append(Finding(file, 1, 1, "This isn't JupyterLab's overrides.json.", 'Write {"<plugin>": {"<setting>": <value>}}.'))
        return {}
    return overrides


def _loose_ends(composition: Composition, bundle: Mapping[str, bytes]) -> list[Finding]:
    """What `tenant.toml` refers to must exist."""
    findings: list[Finding] = []
    tenant, owners = composition.tenant, composition.static
    for name in ("logo", "favicon"):  # both stand there although no line names them
        cure = f"Add it below static/, or name another file as `{name}` below [brand]."
        _must_exist([getattr(tenant.brand, name)], "tenant.toml", owners, findings, cure=cure)
    pages = {
        path.removeprefix("pages/").removesuffix(".html") for layer in composition.templates for path in layer if path.startswith("pages/")
    }
    for link in tenant.links:
        if (link.page is None) == (link.url is None):
            title = said(link.title, "", tenant.languages)
            findings.append(Finding("tenant.toml", 0, 0, f"The link {title!r} needs either a page or a url.", "Write one of the two."))
        elif link.page is not None and link.page not in pages:
            cure = suggestion(link.page, pages) or f"Add templates/pages/{link.page}.html."
            findings.append(Finding("tenant.toml", 0, 0, f"There is no page {link.page!r}.", cure))
    text = decode(bundle["tenant.toml"], "tenant.toml").splitlines()
    return [_placed(finding, text) for finding in findings]


def _placed(finding: Finding, lines: list[str]) -> Finding:
    """The finding at the line that holds what it quotes first."""
    quoted = finding.what.partition("'")[2].partition("'")[0]
    for number, line in enumerate(lines, start=1):
        column = line.find(quoted) + 1
        if quoted and column:
            return Finding(finding.file, number, column, finding.what, finding.cure)
    return finding
