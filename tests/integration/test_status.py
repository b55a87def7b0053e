"""`portico status --json` is an interface: scripts rely on its keys."""

from __future__ import annotations

import json

from tests.support.installation import portico
from tests.support.labs import lab

PROMISED = {
    "tenants": {"name", "address", "repository", "branch", "commit", "snapshot", "activated_at", "error", "pid"},
    "systems": {"name", "kind", "health"},
    "labs": {"id", "tenant", "user", "name", "system", "state", "reachability", "address"},
    "users": {"name", "password", "note"},
}


def test_the_status_for_scripts_has_every_promised_key(installation):
    with lab(installation, "eurocc", title="listed"):
        told = json.loads(portico("status", "--json", "--state", str(installation.state)).stdout)

    assert told["ready"] is True
    assert {"address", "pid"} <= set(told["backend"])
    for part, keys in PROMISED.items():
        assert told[part], part
        assert all(keys <= set(entry) for entry in told[part]), part


def test_where_nothing_runs_the_status_is_one_sentence(tmp_path):
    told = portico("status", "--state", str(tmp_path), check=False)

    assert told.returncode == 1
    assert told.stdout == ""
    assert told.stderr.count("\n") == 1
    assert "portico up" in told.stderr
