"""The command line: `up | serve | status | logs | sync | history | ...` for operators, `new | check | preview | explain` for bundles.

Each command is a few lines over the part that does the work; what a person sees on the terminal is written here. An error is one
sentence on standard error and exit code 1; a wrong use of the command line is exit code 2.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from portico import __version__
from portico.tenants.findings import Format

if TYPE_CHECKING:
    from portico.tenants.trigger import Do

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Branded JupyterHub portals on one shared backend, changed by a git push.",
)

CHECKOUT = Path(os.environ.get("PORTICO_CHECKOUT", Path.cwd()))
DEFAULT_STATE = CHECKOUT / ".portico" / "demo"

State = Annotated[Path, typer.Option("--state", help="The directory of databases, repositories, snapshots, sockets and logs.")]
Themes = Annotated[Path | None, typer.Option("--themes", help="A directory of themes in place of those of the product.")]
Tenant = Annotated[str, typer.Argument(help="The tenant's name.")]
Version = Annotated[str | None, typer.Argument(help="The beginning of a commit or of a snapshot's digest, as `history` shows them.")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer as JSON, for scripts.")]


def fail(sentence: str) -> NoReturn:
    """End with a sentence that says what is wrong and what to do."""
    typer.echo(f"portico: {sentence}", err=True)
    raise typer.Exit(1)


@app.callback(invoke_without_command=True)
def about(version: Annotated[bool, typer.Option("--version", help="Tell the version and end.")] = False) -> None:
    """Branded JupyterHub portals on one shared backend, changed by a git push."""
    if version:
        typer.echo(f"portico {__version__}")
        raise typer.Exit


@app.command()
def up(
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port of the portals' addresses.")] = 8000,
    state: State = DEFAULT_STATE,
) -> None:
    """Bring up the demo: three portals, an identity provider, an HPC site and a login node, on this machine."""
    from portico.supervisor import demo
    from portico.supervisor.run import CannotStart, run

    try:
        arranged = demo.arrange(state.resolve(), port=port, checkout=CHECKOUT)
        run(arranged.installation, say=_say, when_ready=lambda: typer.echo(arranged.welcome()))
    except CannotStart as error:
        fail(str(error))


@app.command()
def serve(config: Annotated[Path, typer.Option("--config", help="The operator's configuration.")] = Path("portico.toml")) -> None:
    """Run the installation that the operator's configuration describes, on this machine."""
    from portico.settings import SettingsError
    from portico.supervisor.configuration import Configuration
    from portico.supervisor.installation import Installation
    from portico.supervisor.run import CannotStart, run

    try:
        configuration = Configuration(config.resolve())
        gateway = CHECKOUT / ".portico" / "gateway"
        installation = Installation(settings=configuration.start(), configuration=configuration, gateway_directory=gateway)
        run(installation, say=_say, when_ready=lambda: typer.echo("Portico is ready."))
    except (CannotStart, SettingsError) as error:
        fail(str(error))


@app.command()
def status(state: State = DEFAULT_STATE, as_json: AsJson = False) -> None:
    """Tell how every tenant, system and lab is."""
    from portico.supervisor.client import NotRunning, ask_status
    from portico.supervisor.text import status_text

    try:
        answer = ask_status(state.resolve())
    except NotRunning as error:
        fail(str(error))
    typer.echo(answer.model_dump_json(indent=2) if as_json else status_text(answer))


@app.command()
def logs(
    state: State = DEFAULT_STATE,
    tenant: Annotated[str | None, typer.Option(help="Only lines of this tenant.")] = None,
    user: Annotated[str | None, typer.Option(help="Only lines of this user.")] = None,
    lab: Annotated[str | None, typer.Option(help="Only lines of this lab: its id, or the beginning of it, or its name.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what happens from now on.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what happened, the oldest first."""
    from portico.supervisor.journal import Filter, read, tail
    from portico.supervisor.text import log_text

    wanted = Filter(tenant=tenant, user=user, lab=lab)
    directory = state.resolve() / "logs"
    if not directory.is_dir():
        fail(f"{directory} does not exist; nothing has run with this --state yet.")
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        for entry in tail(directory, wanted) if follow else read(directory, wanted):
            typer.echo(json.dumps(entry) if as_json else log_text(entry))
    except KeyboardInterrupt:
        return


@app.command()
def sync(
    tenant: Annotated[str | None, typer.Argument(help="The tenant; all of them where none is named.")] = None,
    state: State = DEFAULT_STATE,
) -> None:
    """Look at the tenants' repositories now instead of at the next poll, and say what came of it."""
    answer = _ask(state, "sync", tenant)
    typer.echo(json.dumps(answer, indent=2))
    if answer.get("error"):
        raise typer.Exit(1)


@app.command()
def history(tenant: Tenant, state: State = DEFAULT_STATE, as_json: AsJson = False) -> None:
    """Show what has become of a tenant's versions, the newest first."""
    from portico.supervisor.text import history_text

    answer = _act(state, "history", tenant)
    typer.echo(json.dumps(answer["entries"], indent=2) if as_json else history_text(answer["entries"], answer["status"]))


@app.command()
def rollback(tenant: Tenant, version: Version = None, state: State = DEFAULT_STATE) -> None:
    """Make an earlier version live, at once; it stays until the branch moves past it. By default the one before."""
    _told(tenant, _act(state, "rollback", tenant, version), "until the next push")


@app.command()
def pin(tenant: Tenant, version: Version = None, state: State = DEFAULT_STATE) -> None:
    """Keep a version live whatever is pushed, until `unpin`. By default the one that is live."""
    _told(tenant, _act(state, "pin", tenant, version), "until it is unpinned")


@app.command()
def unpin(tenant: Tenant, state: State = DEFAULT_STATE) -> None:
    """Follow the branch again."""
    _told(tenant, _act(state, "unpin", tenant), "and follows its branch")


@app.command()
def revoke(
    tenant: Tenant,
    version: Version = None,
    why: Annotated[str, typer.Option(help="The reason, for the history.")] = "",
    state: State = DEFAULT_STATE,
) -> None:
    """Take a version away for good: it can never go live again. By default the one that is live; the newest good one takes its place."""
    _told(tenant, _act(state, "revoke", tenant, version, why=why), "")


def _told(tenant: str, answer: dict[str, Any], until: str) -> None:
    if not answer.get("snapshot"):
        typer.echo(f"{tenant} has no version that could be live; its admins alone can log in until the next push.")
        return
    commit = str(answer.get("commit") or "")[:12]
    typer.echo(" ".join(f"{tenant} serves the version {commit} (snapshot {str(answer['snapshot'])[:12]}) {until}".split()) + ".")


def _act(state: Path, do: Do, tenant: str, version: str | None = None, **more: str) -> dict[str, Any]:
    """Have the sync do something; ends with its sentence where it doesn't."""
    answer = _ask(state, do, tenant, digest=version, **more)
    if answer.get("error") and "findings" not in answer:
        fail(str(answer["error"]))
    return answer


def _ask(state: Path, do: Do, tenant: str | None, **arguments: str | None) -> dict[str, Any]:
    from portico.tenants.trigger import ask

    try:
        return asyncio.run(ask(state.resolve(), do, tenant=tenant, timeout=60.0, **arguments))
    except OSError:
        fail(f"The git sync does not answer in {state.resolve()}; is the installation running?")


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="The tenant's name: small letters, digits and '-'; also the directory that is made.")],
    source: Annotated[str, typer.Option("--from", help="A bundle to begin with: juniq, coec, eurocc, or a directory.")] = "",
    title: Annotated[str, typer.Option(help="The portal's title; by default the name.")] = "",
    contact: Annotated[str, typer.Option(help="Where users turn to: mailto:... or a web address.")] = "",
) -> None:
    """Make a bundle to begin with: a small one of its own, or a copy of another."""
    from portico.tenants import newcomers

    try:
        made = newcomers.make(name, Path.cwd(), source=source, title=title, contact=contact)
    except newcomers.NotMade as error:
        fail(str(error))
    typer.echo(newcomers.welcome(made, source))


@app.command()
def check(
    directory: Annotated[Path, typer.Argument(help="The bundle's directory.")] = Path(),
    style: Annotated[Format, typer.Option("--format", help="How findings are written.")] = Format.TEXT,
    themes: Themes = None,
) -> None:
    """Check a bundle as the server would: exit code 1 where something in it would keep it from going live."""
    from portico.tenants import checking
    from portico.tenants.layers import themes_directory

    try:
        checked = asyncio.run(checking.check(directory, themes=themes or themes_directory()))
    except NotADirectoryError:
        fail(f"There is no directory {directory}.")
    prefix = "" if directory == Path() else f"{directory.as_posix()}/"
    typer.echo(checking.written(checked, style, prefix=prefix))
    if not checked.good:
        raise typer.Exit(1)


@app.command()
def preview(
    directory: Annotated[Path, typer.Argument(help="The bundle's directory.")] = Path(),
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where it answers on this machine; 0: any port that is free.")] = 8100,
    themes: Themes = None,
) -> None:
    """Show every page of a bundle in a browser, anew at each save, with what is wrong and where."""
    from portico.tenants.layers import themes_directory
    from portico.tenants.preview import server

    if not directory.is_dir():
        fail(f"There is no directory {directory}.")
    try:
        asyncio.run(server.run(directory, themes or themes_directory(), port=port, tell=typer.echo))
    except OSError as error:
        fail(f"Port {port} can't be used: {error.strerror}. Choose another with --port, or any with --port 0.")
    except KeyboardInterrupt:
        return


@app.command()
def explain(
    bundle: Annotated[Path, typer.Argument(help="The bundle's directory, or the name of one of the product's own.")] = Path(),
    what: Annotated[str, typer.Argument(help="A page (home.html), a static file (logo.svg) or a text (start_note); none: all of it.")] = "",
    themes: Themes = None,
    as_json: AsJson = False,
) -> None:
    """Say where each block of a page, each file and each text comes from: why is my template not used?"""
    from jinja2 import TemplateError

    from portico.tenants import explain as origins
    from portico.tenants.checking import tenant_name
    from portico.tenants.composition import compose
    from portico.tenants.findings import Refused
    from portico.tenants.layers import bundles_directory, read_directory, themes_directory

    directory = bundle if bundle.is_dir() else bundles_directory() / bundle
    if not directory.is_dir():
        fail(f"There is no directory {bundle}.")
    below = themes or themes_directory()
    try:
        candidate = compose(tenant_name(directory), read_directory(directory), below)
        origin = origins.anything(candidate, what, below)
    except (Refused, TemplateError) as error:
        fail(f"The bundle can't be read; `portico check` says all that is wrong with it.\n{error}")
    if origin is None:
        fail(f"There is no page, static file or text {what!r}. {origins.nearest(candidate, what)}".strip())
    typer.echo(origins.as_json(origin) if as_json else origins.written(origin))


def _say(line: str) -> None:
    typer.echo(f"  {line}", err=True)


def main() -> None:
    """Run the command line."""
    app(prog_name="portico")


if __name__ == "__main__":
    main()
