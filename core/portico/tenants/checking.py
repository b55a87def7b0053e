"""A bundle on its author's machine, checked by the very code that the server runs: what `portico check` does and says.

The same process with the same limits judges it (`judge`), so what passes here goes live there. What is said of it is put into words here,
for people, for scripts and for GitHub's annotations.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, replace
from pathlib import Path

from portico.tenants.findings import Finding, Format, Refused
from portico.tenants.judge import Judge, Verdict
from portico.tenants.layers import read_directory

_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")


@dataclass(frozen=True, slots=True)
class Checked:
    """A verdict, and what it was reached on."""

    verdict: Verdict
    files: int
    seconds: float

    @property
    def good(self) -> bool:
        """Whether it would go live."""
        return not self.verdict.findings


async def check(directory: Path, *, themes: Path) -> Checked:
    """Check the bundle in a directory; raises NotADirectoryError where there is none."""
    began = time.monotonic()
    if not directory.is_dir():
        raise NotADirectoryError(directory)
    try:
        files = read_directory(directory)
    except Refused as refused:
        return Checked(Verdict(refused.findings), 0, time.monotonic() - began)
    async with Judge() as judge:
        verdict = await judge.ask(tenant_name(directory), files, themes)
    return Checked(verdict, len(files), time.monotonic() - began)


def tenant_name(directory: Path) -> str:
    """The name that pages get to see while nobody has listed the tenant: the directory's, where it can be one."""
    name = directory.resolve().name
    return name if _NAME.fullmatch(name) else "portal"


def written(checked: Checked, style: Format, *, prefix: str = "") -> str:
    """What is to be said. `prefix` stands before each file of the bundle, where that isn't at the top of its repository."""
    verdict = checked.verdict
    findings = [
        finding if finding.file.startswith("themes/") else replace(finding, file=f"{prefix}{finding.file}") for finding in verdict.findings
    ]
    if style is Format.JSON:
        told = {"findings": [finding.as_dict() for finding in findings], "notes": verdict.notes}
        return json.dumps({"good": checked.good, **told, "pages": verdict.pages, "files": checked.files})
    if style is Format.GITHUB:
        return "\n".join([*map(_annotation, findings), *(f"::notice::{_data(note)}" for note in verdict.notes)])
    return "\n".join([*map(str, findings), *(f"Note: {note}" for note in verdict.notes), _closing(checked)])


def _closing(checked: Checked) -> str:
    count = len(checked.verdict.findings)
    if count:
        return f"{'One thing' if count == 1 else f'{count} things'} to mend; nothing of this would go live."
    done = f"{checked.files} files, {checked.verdict.pages} pages rendered in {checked.seconds:.1f} s"
    return f"{done}: nothing to mend."


def _annotation(finding: Finding) -> str:
    """GitHub's workflow command for an error at a place."""
    place = f"file={_property(finding.file)}"
    place += f",line={finding.line}" if finding.line else ""
    place += f",col={finding.column}" if finding.line and finding.column else ""
    return f"::error {place}::{_data(f'{finding.what} {finding.cure}'.strip())}"


def _data(text: str) -> str:
    """A message within a workflow command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
