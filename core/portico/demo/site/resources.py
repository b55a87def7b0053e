"""Whether a partition has what a job asks for. Pure. The messages are the real server's, word for word."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from portico.demo.configuration import PartitionConfig

_UNITS = {"": 1, "s": 1, "sec": 1, "min": 60, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d{1,9})\s*(s|sec|min|m|h|d|)")
_UNCHECKED = frozenset({"Queue", "Project", "Reservation", "NodeConstraints", "QoS", "Exclusive"})


class ResourceError(ValueError):
    """The site can't give that; the message is the job's `statusMessage`."""


@dataclass(frozen=True)
class Allocation:
    """What a job gets."""

    partition: PartitionConfig
    nodes: int
    gpus: int
    runtime: int
    """Seconds."""

    @property
    def hosts(self) -> tuple[str, ...]:
        """Node names; the job's script runs on the first."""
        return self.partition.hosts[: self.nodes]


def allocate(partitions: Sequence[PartitionConfig], wanted: Mapping[str, str]) -> Allocation:
    """The allocation; ResourceError where a request is out of range."""
    partition = _partition(partitions, wanted.get("Queue"))
    ranges = _ranges(partition)
    values = {"Nodes": partition.nodes[0], "GPUsPerNode": partition.gpus[0], "Runtime": partition.default_runtime}
    for name, value in wanted.items():
        if name in _UNCHECKED:
            continue
        if name not in ranges:
            raise ResourceError(f"Resource <{name}> is not available for partition <{partition.name}> (Invalid resource request)")
        number = _number(name, value)
        if number is None and name == "Runtime":
            raise ResourceError(f"Could not parse requested resource <Runtime>: No conversion for unit {value!r}")
        if number is None or not ranges[name][0] <= number <= ranges[name][1]:
            shown = value if number is None else number
            raise ResourceError(f"Resource request <{name}={shown}> is out of range. (Invalid resource request)")
        values[name] = number
    return Allocation(partition=partition, nodes=values["Nodes"], gpus=values["GPUsPerNode"], runtime=values["Runtime"])


def described(partitions: Sequence[PartitionConfig]) -> dict[str, dict[str, str]]:
    """What a factory lists under `resources`: each partition's ranges, as `from-to`."""
    return {
        partition.name: {name: f"{least}-{most}" for name, (least, most) in _ranges(partition).items() if name != "CPUsPerNode"}
        for partition in partitions
    }


def _partition(partitions: Sequence[PartitionConfig], name: str | None) -> PartitionConfig:
    if name is None:
        return partitions[0]
    for partition in partitions:
        if partition.name == name:
            return partition
    raise ResourceError(f"Resource request <Queue = {name}> is out of range. (Invalid resource request)")


def _ranges(partition: PartitionConfig) -> dict[str, tuple[int, int]]:
    ranges = {"Nodes": partition.nodes, "Runtime": partition.runtime, "CPUsPerNode": (1, 128)}
    return ranges | ({"GPUsPerNode": partition.gpus} if partition.gpus[1] else {})


def _number(name: str, value: str) -> int | None:
    """An integer; for `Runtime` also `90min`, `2h`. None where it is neither."""
    match = _DURATION.fullmatch(value.strip())
    if match is None or (match[2] and name != "Runtime"):
        return None
    return int(match[1]) * _UNITS[match[2]]
