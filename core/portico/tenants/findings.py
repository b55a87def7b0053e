"""What a check has to say: file, line, column, what is wrong, and the cure.

Every check of a bundle answers with `Finding`s, and whoever can't go on raises `Refused` with them. A finding's text is for the tenant
admin: it names her own file and never a path of the server.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum


class Format(StrEnum):
    """How findings are written: for people, for scripts, as GitHub's annotations."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


LONGEST = 500
"""Characters of a finding's sentence."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that is wrong. Lines and columns count from 1; 0 where the whole file is meant."""

    file: str
    """The path as its author knows it: `templates/home.html` in a bundle, `themes/base/templates/home.html` in a theme."""
    line: int
    column: int
    what: str
    cure: str = ""

    def __post_init__(self) -> None:
        """What is quoted in a sentence is the bundle's, and may be as long as a file."""
        for name in ("what", "cure"):
            text = getattr(self, name)
            if len(text) > LONGEST:
                object.__setattr__(self, name, f"{text[: LONGEST - 1]}…")

    def __str__(self) -> str:
        said = self.what + (f" {self.cure}" if self.cure else "")
        return ": ".join(part for part in (self.place, said) if part)

    @property
    def place(self) -> str:
        """`file:line:column`, as far as it has them; empty where the whole bundle is meant."""
        return ":".join([self.file, *(str(number) for number in (self.line, self.column) if number)])

    def as_dict(self) -> dict[str, str | int]:
        """For JSON."""
        return asdict(self)


class Refused(Exception):
    """A bundle can't be used; says why in at least one finding."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(dict.fromkeys(findings))
        super().__init__("\n".join(str(finding) for finding in self.findings))


def refuse(file: str, what: str, cure: str = "", *, line: int = 0, column: int = 0) -> Refused:
    """A refusal with one finding, to be raised."""
    return Refused([Finding(file=file, line=line, column=column, what=what, cure=cure)])


def suggestion(wrong: str, known: Iterable[str]) -> str:
    """`Did you mean 'x'?` where something known is close to what was written, else an empty text."""
    close = difflib.get_close_matches(wrong, list(known), n=1, cutoff=0.6)
    return f"Did you mean {close[0]!r}?" if close else ""
