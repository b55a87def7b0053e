"""What an installation follows: the operator's file, and the list of tenants that the sync has fetched for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tomli_w
from portico.settings import SettingsError, dump, load
from portico.supervisor.changes import taken
from portico.supervisor.configuration import RETRY_INTERVAL, Configuration
from portico.tenants import listing
from portico.tenants.listing import Fetched

from tests.support.operators import Operator

SYSTEM = {
    "name": "aurora",
    "title": "Aurora",
    "url": "https://127.0.0.1:9/A/rest/core",
    "login_node": {"host": "127.0.0.1", "user": "portico", "key_file": "key", "known_hosts_file": "hosts"},
    "partitions": [{"name": "batch"}],
    "profiles": [{"name": "lab", "title": "Lab", "command": ["lab"]}],
}


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    operator = Operator(tmp_path)
    operator.configure(operator.entry("own"))
    return operator


def names(configuration: Configuration) -> list[str]:
    return [tenant.name for tenant in configuration.read().tenants]


def fetch(operator: Operator, commit: str, *entries: dict[str, Any], text: str | None = None) -> None:
    """Do as the sync does when it has fetched a list."""
    source = load(operator.file).tenant_list
    assert source is not None
    content = tomli_w.dumps({"tenants": list(entries)}) if text is None else text
    listing.write(listing.path_of(operator.state), Fetched(origin=listing.origin_of(source), commit=commit, text=content))


def test_a_list_is_taken_when_it_comes_and_kept_while_a_newer_one_cannot_be_used(operator: Operator) -> None:
    configuration = Configuration(operator.file)
    assert [tenant.name for tenant in configuration.start().tenants] == ["own"]
    assert not configuration.changed()

    fetch(operator, "a" * 40, operator.entry("fenix"))
    assert configuration.changed()
    assert not configuration.changed()
    assert (names(configuration), configuration.commit) == (["own", "fenix"], "a" * 40)

    for text, says in (
        ("x\ny = 1\n", "1: this isn't TOML: "),
        ("poll_interval = 1\n", "1: poll_interval: there is no such setting"),
        (tomli_w.dumps({"tenants": [operator.entry("own")]}), " tenant 'own' is listed twice"),
        (tomli_w.dumps({"tenants": [operator.entry("b", grants=[{"system": "x"}])]}), " tenant 'b' is granted 'x', which is not listed"),
    ):
        fetch(operator, "b" * 40, text=text)
        assert (names(configuration), configuration.commit) == (["own", "fenix"], "a" * 40)
        assert str(configuration.list_error).startswith(f"tenants.toml of {operator.list.path}, branch main at {'b' * 12}:{says}")


def test_what_could_not_be_used_is_tried_again_after_a_while(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("portico.supervisor.configuration.time.monotonic", lambda: now)
    configuration = Configuration(operator.file)
    configuration.start()
    fetch(operator, "a" * 40, text="x")
    assert configuration.changed()
    names(configuration)
    assert not configuration.changed()
    now += RETRY_INTERVAL
    assert configuration.changed()


def test_nothing_is_evaluated_in_a_list_nor_in_what_is_in_force(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPERATORS_SECRET", "hunter2")
    text = "@format {env[OPERATORS_SECRET]}"
    configuration = Configuration(operator.file)
    configuration.start()
    fetch(operator, "a" * 40, operator.entry("fenix", client_id=text, admins=["@jinja {{ env.OPERATORS_SECRET }}"]))

    in_force = operator.root / "portico.json"
    in_force.write_text(dump(configuration.read()))

    fenix = load(in_force).tenant("fenix")
    assert (fenix.client_id, fenix.admins) == (text, ["@jinja {{ env.OPERATORS_SECRET }}"])


def test_a_start_uses_what_was_taken_last_wherever_the_list_is_now(operator: Operator) -> None:
    running = Configuration(operator.file)
    running.start()
    fetch(operator, "a" * 40, operator.entry("fenix"))
    names(running)
    fetch(operator, "b" * 40, text="x")

    operator.configure(operator.entry("own"), tenant_list={"repository": "/elsewhere.git"})
    again = Configuration(operator.file)

    assert [tenant.name for tenant in again.start().tenants] == ["own", "fenix"]
    assert again.commit == "a" * 40


def test_a_list_that_is_named_no_more_is_forgotten(operator: Operator) -> None:
    running = Configuration(operator.file)
    running.start()
    fetch(operator, "a" * 40, operator.entry("fenix"))
    names(running)
    kept = operator.file.read_text()
    operator.configure(operator.entry("own"), tenant_list={"repository": str(operator.list.path), "file": "other.toml"})
    assert names(running) == ["own", "fenix"], "which list is followed is the start's to say"

    operator.file.write_text(kept.partition("[tenant_list]")[0] + tomli_w.dumps({"tenants": [operator.entry("own")]}))
    assert [tenant.name for tenant in Configuration(operator.file).start().tenants] == ["own"]
    operator.configure(operator.entry("own"), tenant_list={"repository": "/elsewhere.git"})
    assert [tenant.name for tenant in Configuration(operator.file).start().tenants] == ["own"]


def test_a_start_without_what_the_list_needs_goes_without_the_list_and_says_so(operator: Operator) -> None:
    operator.configure(operator.entry("own"), systems=[SYSTEM])
    running = Configuration(operator.file)
    running.start()
    fetch(operator, "a" * 40, operator.entry("fenix", grants=[{"system": "aurora"}]))
    assert names(running) == ["own", "fenix"]

    operator.configure(operator.entry("own"))
    with pytest.raises(SettingsError, match="tenant 'fenix' is granted 'aurora'"):
        running.read()
    again = Configuration(operator.file)
    assert [tenant.name for tenant in again.start().tenants] == ["own"]
    assert "tenant 'fenix' is granted 'aurora'" in str(again.list_error)


def test_a_tenant_that_needs_a_new_system_waits_for_the_restart(operator: Operator) -> None:
    before = load(operator.file)
    operator.configure(operator.entry("own", grants=[{"system": "aurora"}]), systems=[SYSTEM])
    with pytest.raises(SettingsError, match="until the restart: tenant 'own' is granted 'aurora'"):
        taken(before, load(operator.file))


@pytest.mark.parametrize("key", ["client_secret_file", "backend_token_file", "cookie_secret_file", "crypt_key_file"])
def test_a_secret_that_others_can_read_is_refused(operator: Operator, key: str) -> None:
    secret = Path(operator.entry("own")[key])
    secret.chmod(0o640)
    with pytest.raises(SettingsError, match=f"own's {key}: {secret} can be read by others; `chmod 600` it"):
        Configuration(operator.file).read()
