"""Whether a partition has what a job asks for."""

from __future__ import annotations

import pytest
from portico.demo.configuration import PartitionConfig
from portico.demo.site.resources import ResourceError, allocate, described

BATCH = PartitionConfig(name="batch", hosts=("node01", "node02", "node03"), nodes=(1, 3), runtime=(1, 7200), default_runtime=600)
GPUS = PartitionConfig(name="gpus", hosts=("node05",), gpus=(1, 4), runtime=(1, 7200), default_runtime=300)


@pytest.mark.parametrize(
    ("wanted", "partition", "nodes", "gpus", "runtime"),
    [
        ({}, "batch", 1, 0, 600),
        ({"Queue": "batch", "Nodes": "3", "Runtime": "7200"}, "batch", 3, 0, 7200),
        ({"Runtime": "2h"}, "batch", 1, 0, 7200),
        ({"Runtime": "90min"}, "batch", 1, 0, 5400),
        ({"Queue": "gpus"}, "gpus", 1, 1, 300),
        ({"Queue": "gpus", "GPUsPerNode": "4"}, "gpus", 1, 4, 300),
        ({"Project": "qsim", "Reservation": "r"}, "batch", 1, 0, 600),
    ],
)
def test_what_a_partition_has_is_given(wanted: dict[str, str], partition: str, nodes: int, gpus: int, runtime: int) -> None:
    allocation = allocate([BATCH, GPUS], wanted)

    assert (allocation.partition.name, allocation.nodes, allocation.gpus, allocation.runtime) == (partition, nodes, gpus, runtime)
    assert allocation.hosts == allocation.partition.hosts[:nodes]


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"Queue": "nope"}, "Resource request <Queue = nope> is out of range."),
        ({"Queue": ""}, "Resource request <Queue = > is out of range."),
        ({"Nodes": "4"}, "Resource request <Nodes=4> is out of range."),
        ({"Nodes": "0"}, "Resource request <Nodes=0> is out of range."),
        ({"Nodes": "-1"}, "Resource request <Nodes=-1> is out of range."),
        ({"Nodes": "2h"}, "Resource request <Nodes=2h> is out of range."),
        ({"Runtime": "3h"}, "Resource request <Runtime=10800> is out of range."),
        ({"Runtime": "soon"}, "Could not parse requested resource <Runtime>"),
        ({"GPUsPerNode": "1"}, "Resource <GPUsPerNode> is not available for partition <batch>"),
        ({"Queue": "gpus", "GPUsPerNode": "5"}, "Resource request <GPUsPerNode=5> is out of range."),
    ],
)
def test_what_no_partition_has_is_refused(wanted: dict[str, str], message: str) -> None:
    with pytest.raises(ResourceError) as refused:
        allocate([BATCH, GPUS], wanted)

    assert message in str(refused.value)


def test_ranges_are_shown_as_from_and_to() -> None:
    assert described([BATCH, GPUS]) == {
        "batch": {"Nodes": "1-3", "Runtime": "1-7200"},
        "gpus": {"Nodes": "1-1", "Runtime": "1-7200", "GPUsPerNode": "1-4"},
    }
