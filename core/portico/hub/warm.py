"""Import and rehearse all that a hub needs, so that one that is forked from here answers at once and shares its memory.

A hub's own data are some megabytes; what makes it large is what it shares with nobody: modules, tables and templates that it loads itself,
and pages of memory that it writes to. So the forking process does once what each hub does at its start, and throws the result away.
"""

from __future__ import annotations

import importlib
import logging
import tempfile
from pathlib import Path

_LAZY = (
    # What JupyterHub, SQLAlchemy, aiohttp and our own parts import only when they are first used.
    "aiohttp",
    "alembic.command",
    "jupyterhub.apihandlers",
    "jupyterhub.dbutil",
    "logging.config",
    "sqlalchemy.dialects.sqlite.pysqlite",
    "tornado.platform.asyncio",
    "tornado.simple_httpclient",
    "portico.hub.app",
)

_BUNDLE = {
    "tenant.toml": b"""
title = "A rehearsal"
contact = "mailto:nobody@portal.example"
[brand]
logo = "mark.svg"
favicon = "mark.svg"
stylesheets = []
""",
    "static/mark.svg": b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>',
}


def preload() -> None:
    """Import and rehearse. Starts no thread and leaves no event loop: the caller forks afterwards."""
    for module in _LAZY:
        importlib.import_module(module)
    with tempfile.TemporaryDirectory(prefix="portico-warm-") as directory:
        _database(Path(directory))
    _application()
    _pages()


def _database(directory: Path) -> None:
    """Make a hub's database and ask it something: this maps the tables and reads the migrations."""
    from jupyterhub import dbutil, orm  # noqa: PLC0415 -- costly imports are this module's purpose, at a time of the caller's choice

    url = f"sqlite:///{directory / 'hub.sqlite'}"
    for _ in ("a new one", "one that is there"):
        dbutil.upgrade_if_needed(url, log=logging.getLogger(__name__))
        session = orm.new_session_factory(url)()
        session.query(orm.User).first()
        engine = session.get_bind()
        session.close()
        engine.dispose()


def _application() -> None:
    """Build the application and let it read an empty command line."""
    from jupyterhub.app import JupyterHub  # noqa: PLC0415

    JupyterHub().parse_command_line([])


def _pages() -> None:
    """Render the base theme's pages, and make ready what draws the product's own."""
    from portico.hub.tool import tool  # noqa: PLC0415
    from portico.tenants.composition import compose  # noqa: PLC0415
    from portico.tenants.layers import themes_directory  # noqa: PLC0415
    from portico.tenants.rehearsal import render_all  # noqa: PLC0415

    tool().bar("en", over=False, branch="main", commit="")
    render_all(compose("rehearsal", _BUNDLE, themes_directory()).composition)
