"""Writes every page of a bundle in every state as files: `python -m portico.tenants.export BUNDLE OUT [--themes DIR]`.

Serve OUT with `python -m http.server -d OUT` and open it: `index.html` lists the pages, `<page>.<state>.html` is one page, and the
addresses of the portal itself (`/hub/home`, `/hub/page/...`, assets) answer as well. Exit code 1 where something is wrong; the pages
that could be rendered are there all the same.
"""

from __future__ import annotations

import argparse
import html
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from portico.tenants.composition import compose
from portico.tenants.findings import Finding, Refused
from portico.tenants.layers import read_directory, themes_directory
from portico.tenants.rehearsal import Rendered, render_all

PREFIX = "/hub/brand/export/"
_ADDRESSES = {("landing", "plain"): "hub/login", ("home", "five-labs"): "hub/home", ("start", "70-percent"): "hub/start/lab-2"}


def export(bundle: Path, out: Path, *, themes: Path | None = None, name: str | None = None) -> list[Finding]:
    """Render the bundle in `bundle` into `out`; answers what is wrong with it."""
    try:
        candidate = compose(name or bundle.resolve().name, read_directory(bundle), themes or themes_directory())
    except Refused as refused:
        return list(refused.findings)
    rehearsal = render_all(candidate.composition, prefix=PREFIX)
    static = out / PREFIX.strip("/")
    if static.is_dir():
        shutil.rmtree(static)
    for path, data in candidate.static.items():
        _write(static / path, data)
    for page in rehearsal.pages:
        _write(out / file_name(page, candidate.composition.tenant.languages[0]), page.html.encode())
        address = _ADDRESSES.get((page.page, page.state)) or (f"hub/page/{page.page}" if page.state == "logged-in" else None)
        if address and page.locale == candidate.composition.tenant.languages[0]:
            _write(out / address / "index.html", page.html.encode())
    _write(out / "index.html", _index(rehearsal.pages, candidate.composition.tenant.languages[0]).encode())
    return list(rehearsal.findings)


def file_name(page: Rendered, first: str) -> str:
    """`home.no-labs.html`; `home.no-labs.de.html` in a language other than the first."""
    return f"{page.page}.{page.state}.html" if page.locale == first else f"{page.page}.{page.state}.{page.locale}.html"


def _index(pages: Sequence[Rendered], first: str) -> str:
    names = [html.escape(file_name(page, first)) for page in pages]
    links = "\n".join(f'<li><a href="{name}">{name}</a></li>' for name in names)
    return f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>Pages</title>\n<h1>Pages</h1>\n<ul>\n{links}\n</ul>\n</html>\n'


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m portico.tenants.export", description="Write every page of a bundle as files.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--themes", type=Path, help="a directory of themes in place of those of the product")
    parser.add_argument("--name", help="the tenant's name; the directory's by default")
    arguments = parser.parse_args()
    findings = export(arguments.bundle, arguments.out, themes=arguments.themes, name=arguments.name)
    for finding in findings:
        sys.stderr.write(f"{finding}\n")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
