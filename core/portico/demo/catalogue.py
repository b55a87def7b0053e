"""The demo's world: two sites, their partitions and nodes, and who may compute where. Data only.

The users are roles, not people. Their passwords are no secret: `./portico up` prints them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from portico.settings.models import Partition, Range
from portico.words import Said


@dataclass(frozen=True)
class DemoPartition:
    """A partition as the portal's operator lists it, and the site's nodes behind it."""

    partition: Partition
    hosts: tuple[str, ...]


@dataclass(frozen=True)
class DemoSite:
    """A site: `name` is UNICORE's, `system` the portal's."""

    name: str
    system: str
    title: str
    description: Said
    partitions: tuple[DemoPartition, ...]
    login_host: str
    keys: dict[str, tuple[str, ...]]
    """The claim's KEY, and the partitions that it opens."""


@dataclass(frozen=True)
class DemoUser:
    """Someone who can log in at the demo's identity provider."""

    name: str
    password: str
    note: str
    title: str
    groups: tuple[str, ...] = ()
    accounts: tuple[tuple[str, str], ...] = field(default=())
    """(KEY, project) of each entitlement."""

    @property
    def email(self) -> str:
        """An address that reaches nobody."""
        return f"{self.name}@users.example"

    @property
    def claim(self) -> list[str]:
        """`hpc_infos_attribute`: `account,KEY,project,email` of each entitlement."""
        return [f"{self.name}1,{key},{project},{self.email}" for key, project in self.accounts]


def _minutes(maximum: int, default: int = 60) -> Range:
    return Range(minimum=10, maximum=maximum, default=default)


AURORA = DemoSite(
    name="AURORA",
    system="aurora",
    title="Aurora",
    description={"en": "A cluster of CPU and GPU nodes.", "de": "Ein Cluster aus CPU- und GPU-Knoten."},
    partitions=(
        DemoPartition(
            Partition(
                name="batch",
                title={"en": "CPU nodes", "de": "CPU-Knoten"},
                nodes=Range(minimum=1, maximum=4, default=1),
                runtime=_minutes(1440),
            ),
            hosts=("node01", "node02", "node03", "node04"),
        ),
        DemoPartition(
            Partition(name="devel", title={"en": "Short runs", "de": "Kurze Läufe"}, runtime=_minutes(120, 30)), hosts=("node01", "node02")
        ),
        DemoPartition(
            Partition(
                name="gpus",
                title={"en": "GPU nodes", "de": "GPU-Knoten"},
                nodes=Range(minimum=1, maximum=2, default=1),
                gpus=Range(minimum=1, maximum=4, default=1),
                runtime=_minutes(720),
            ),
            hosts=("node05", "node06"),
        ),
    ),
    login_host="login01",
    keys={"AURORA": ("batch", "devel"), "AURORA_GPU": ("gpus",)},
)

BOREALIS = DemoSite(
    name="BOREALIS",
    system="borealis",
    title="Borealis",
    description={
        "en": "A hybrid quantum system: an emulator of gate-based machines, and an annealer.",
        "de": "Ein hybrides Quantensystem: ein Emulator für Gatter-Rechner und ein Annealer.",
    },
    partitions=(
        DemoPartition(
            Partition(
                name="emulator",
                title={"en": "Gate-based emulator", "de": "Gatter-Emulator"},
                nodes=Range(minimum=1, maximum=2, default=1),
                runtime=_minutes(480),
            ),
            hosts=("node11", "node12"),
        ),
        DemoPartition(Partition(name="annealer", title="Annealer", runtime=_minutes(120, 30)), hosts=("node13",)),
    ),
    login_host="login02",
    keys={"BOREALIS": ("emulator", "annealer")},
)

SITES = (AURORA, BOREALIS)

USERS = (
    DemoUser(
        name="qubit",
        password="qubit-demo",  # noqa: S106 -- printed by `./portico up`
        title="Quantum developer",
        note="project qsim: Borealis, and Aurora's CPU partitions",
        groups=("quantum",),
        accounts=(("BOREALIS", "qsim"), ("AURORA", "qsim")),
    ),
    DemoUser(
        name="flame",
        password="flame-demo",  # noqa: S106
        title="Combustion researcher",
        note="project combust: Aurora's CPU and GPU partitions",
        groups=("combustion",),
        accounts=(("AURORA", "combust"), ("AURORA_GPU", "combust")),
    ),
    DemoUser(
        name="teach",
        password="teach-demo",  # noqa: S106
        title="Course teacher",
        note="project training26: Aurora's CPU partitions",
        groups=("training",),
        accounts=(("AURORA", "training26"),),
    ),
    DemoUser(
        name="roam",
        password="roam-demo",  # noqa: S106
        title="Member of every community",
        note="all three projects, everywhere",
        groups=("quantum", "combustion", "training"),
        accounts=tuple((key, project) for project in ("qsim", "combust", "training26") for key in ("AURORA", "AURORA_GPU", "BOREALIS")),
    ),
    DemoUser(
        name="guest",
        password="guest-demo",  # noqa: S106
        title="Guest without an HPC account",
        note="may log in, has nothing to start",
    ),
)
