"""What the admin asks the sync to do, and what a page says of the answer."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from portico.tenants import trigger
from portico.tenants.findings import Finding
from portico.words import say

Do = Literal["sync", "rollback", "pin", "unpin", "revoke", "preview", "unpreview"]
PATIENCE = 45.0
"""Seconds that a browser waits for the sync."""
AWAY = say(
    "admin_sync_away",
    "The sync doesn't answer, so nothing was changed. What is live stays live. Try again in a minute, or ask your operator.",
)
SLOW = say("admin_sync_slow", "The sync didn't answer in time. What you asked for may still be done: reload this page in a minute.")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it went: `problem` is a sentence for the admin, `findings` say why a candidate can't be previewed."""

    problem: str = ""
    findings: tuple[Finding, ...] = ()
    digest: str = ""
    away: bool = False
    """The sync said nothing."""

    @property
    def done(self) -> bool:
        """Whether it was done."""
        return not self.problem and not self.findings


async def ask(state: Path, do: Do, *, tenant: str, by: str, **arguments: str) -> Outcome:
    """Ask the sync, as this user; never raises for what the sync does or doesn't say."""
    told = {"action": do, **arguments}
    try:
        answer = await trigger.ask(state, do, tenant=tenant, timeout=PATIENCE, by=by, **arguments)
    except TimeoutError:
        outcome = Outcome(problem=SLOW, away=True)
    except (OSError, ValueError):
        outcome = Outcome(problem=AWAY, away=True)
    else:
        outcome = understood(do, answer) if isinstance(answer, dict) else Outcome(problem=AWAY, away=True)
    log.info("%s asked for %s: %s", by, do, outcome.problem or ("refused" if outcome.findings else "done"), extra=told)
    return outcome


def understood(do: Do, answer: dict[str, Any]) -> Outcome:
    """What an answer means. All but `preview` answer with the tenant's status, whose error is news for the page and no failure."""
    findings = tuple(_finding(item) for item in answer.get("findings") or () if isinstance(item, dict))
    error = answer.get("error")
    if do != "preview":
        return Outcome(problem="" if "candidate" in answer else str(error or ""))
    if findings:
        return Outcome(findings=findings)
    return Outcome(problem=str(error or ""), digest=str(answer.get("digest") or ""))


def _finding(item: dict[str, Any]) -> Finding:
    return Finding(
        file=str(item.get("file", "")),
        line=_number(item.get("line")),
        column=_number(item.get("column")),
        what=str(item.get("what", "")),
        cure=str(item.get("cure", "")),
    )


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
