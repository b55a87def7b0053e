"""What a person reads at the terminal."""

from portico.supervisor.status import BackendStatus, LabStatus, Status, SystemStatus, TenantListStatus, TenantStatus
from portico.supervisor.text import log_text, status_text, table

STATUS = Status(
    ready=True,
    tenants=[
        TenantStatus(
            name="juniq",
            address="http://juniq.localhost:8000",
            repository="/srv/juniq.git",
            branch="main",
            commit="0123456789abcdef",
            snapshot="fedcba9876543210",
            activated_at="2026-11-23T10:00:00Z",
            error="templates/home.html:7: unexpected end of template",
            pid=42,
        )
    ],
    systems=[SystemStatus(name="aurora", kind="unicore", health="down", message="Aurora does not answer.")],
    labs=[LabStatus(id="ab" * 16, tenant="juniq", user="qubit", name="one", system="aurora", state="running", reachability="up")],
    backend=BackendStatus(address="http://127.0.0.1:8002"),
)


def test_columns_are_as_wide_as_their_widest_cell():
    assert table(("A", "B"), [("long cell", "x"), ("y", "")]) == "A          B\nlong cell  x\ny"


def test_a_status_names_the_refused_file_and_line():
    text = status_text(STATUS)
    assert "templates/home.html:7: unexpected end of template" in text
    assert "0123456789ab" in text
    assert "Aurora does not answer." in text
    assert "none yet" in text
    assert "process away" in text


def test_a_status_without_labs_says_so():
    assert "No lab runs now." in status_text(STATUS.model_copy(update={"labs": []}))


def test_a_status_says_where_tenants_are_listed_and_why_nothing_newer_is_in_force():
    source = TenantListStatus(repository="/srv/list.git", branch="main", file="tenants.toml")
    assert "nothing of it is in force yet." in status_text(STATUS.model_copy(update={"tenant_list": source}))
    source = source.model_copy(update={"commit": "0123456789abcdef", "error": "tenants.toml:3: no"})
    said = status_text(STATUS.model_copy(update={"tenant_list": source}))
    assert "Tenants are listed in tenants.toml of /srv/list.git, branch main: commit 0123456789ab is in force.\n" in said
    assert "Nothing newer is, since: tenants.toml:3: no" in said


def test_a_log_line_shows_whom_it_concerns_and_what_else_it_carries():
    line = log_text(
        {
            "timestamp": "2026-11-23T10:00:00.123456+00:00",
            "level": "INFO",
            "process": "backend",
            "tenant": "juniq",
            "user": "qubit",
            "message": "queued",
            "partition": "batch",
        }
    )
    assert line.startswith("2026-11-23T10:00:00.123 INFO    backend    juniq/qubit")
    assert line.endswith("queued  partition=batch")
