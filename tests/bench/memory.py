"""Memory of processes as the kernel counts it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Memory:
    """MB (10^6 bytes). `pss` shares what is shared among those who share it; `private` is what would be freed if the process ended."""

    pss: float
    private: float

    def __add__(self, other: Memory) -> Memory:
        return Memory(self.pss + other.pss, self.private + other.private)


def of(pid: int) -> Memory:
    """Read /proc/<pid>/smaps_rollup."""
    fields = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        key, _, rest = line.partition(":")
        fields[key] = int(rest.split()[0]) * 1024 / 1e6
    return Memory(pss=fields["Pss"], private=fields["Private_Clean"] + fields["Private_Dirty"])


def ended(pid: int) -> bool:
    """Whether the process has given its memory back, waited for by its parent or not."""
    try:
        return Path(f"/proc/{pid}/statm").read_text().split()[1] == "0"
    except OSError:
        return True
