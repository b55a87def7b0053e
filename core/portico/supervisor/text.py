"""Status and logs as a person at a terminal reads them. Pure: objects in, text out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from portico.supervisor.status import Status, TenantListStatus

_SHOWN = {"timestamp", "level", "logger", "message", "process", "tenant", "user", "lab"}


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell, two spaces between them."""
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in (header, *rows)]
    return "\n".join(lines)


def status_text(status: Status) -> str:
    """All of a status; why a tenant serves nothing newer stands below the table, with file, line and cause."""
    parts = ["Portico is ready." if status.ready else "Portico is not ready: not everything answers."]
    if status.settings_error:
        parts.append(f"The configuration that was saved last is not in force: {status.settings_error}")
    if status.tenant_list is not None:
        parts.append(_list_text(status.tenant_list))
    parts.append(
        table(
            ("PORTAL", "ADDRESS", "COMMIT", "SNAPSHOT", "LIVE SINCE (UTC)", "PROCESS"),
            [
                (
                    tenant.name,
                    tenant.address,
                    (tenant.commit or "none")[:12],
                    (tenant.snapshot or "none")[:12],
                    (tenant.activated_at or "never")[:19].replace("T", " "),
                    str(tenant.pid or "away"),
                )
                for tenant in status.tenants
            ],
        )
    )
    parts += [
        f"{tenant.name} {'serves nothing newer' if tenant.snapshot else 'has no version to show yet'}, since:\n{tenant.error}"
        for tenant in status.tenants
        if tenant.error
    ]
    parts.append(
        table(
            ("SYSTEM", "KIND", "SITE", "LOGIN NODE"),
            [(item.name, item.kind, item.message or item.health, item.tunnel_message or item.tunnel) for item in status.systems],
        )
    )
    if status.labs:
        parts.append(
            table(
                ("LAB", "PORTAL", "USER", "NAME", "SYSTEM", "STATE", "REACHABLE", "ADDRESS"),
                [
                    (lab.id[:8], lab.tenant, lab.user, lab.name, lab.system, lab.state, lab.reachability, lab.address or "none yet")
                    for lab in status.labs
                ],
            )
        )
    else:
        parts.append("No lab runs now.")
    parts.append(f"Backend: {status.backend.address}, process {status.backend.pid or 'away'}.")
    return "\n\n".join(parts)


def _list_text(source: TenantListStatus) -> str:
    where = f"{source.file} of {source.repository}, branch {source.branch}"
    told = f"commit {source.commit[:12]} is in force" if source.commit else "nothing of it is in force yet"
    return f"Tenants are listed in {where}: {told}." + (f"\nNothing newer is, since: {source.error}" if source.error else "")


def history_text(entries: Sequence[dict[str, Any]], status: dict[str, Any]) -> str:
    """A tenant's versions, the newest first; a star stands before the one that is live."""
    rows = [
        (
            "*" if entry.get("digest") and entry["digest"] == status.get("snapshot") else "",
            str(entry["at"])[:19].replace("T", " "),
            str(entry["event"]).replace("_", " "),
            str(entry.get("commit", ""))[:12],
            str(entry.get("digest", ""))[:12],
            str(entry.get("by", "")),
            str(entry.get("finding") or entry.get("subject") or "")[:100],
        )
        for entry in entries
    ]
    if not rows:
        return "Nothing has been pushed yet."
    return table(("", "AT (UTC)", "WHAT", "COMMIT", "SNAPSHOT", "BY", "SUBJECT, OR WHY"), rows)


def log_text(entry: dict[str, Any]) -> str:
    """A log line: time, level, process, whom it concerns, the message, then whatever else it carries."""
    who = "/".join(str(entry[key])[:12] for key in ("tenant", "user", "lab") if entry.get(key))
    rest = " ".join(f"{key}={value}" for key, value in entry.items() if key not in _SHOWN and key != "exc_info")
    head = f"{str(entry.get('timestamp', ''))[:23]} {entry.get('level', ''):<7} {entry.get('process', ''):<10} {who:<20}"
    trace = f"\n{entry['exc_info']}" if entry.get("exc_info") else ""
    return f"{head} {entry.get('message', '')}  {rest}".rstrip() + trace
