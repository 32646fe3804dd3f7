"""What a cluster offers and its accounting grants, held against what a class asks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sweeps.cluster import slurm
from sweeps.cluster.offer import Offer, Size, gpus
from sweeps.cluster.resources import NAMES, Resources
from sweeps.cluster.rights import Entry, Rights

PLAIN = Resources(
    **dict.fromkeys(NAMES), nodes=1, gpus=0, cpus=2, memory_gb=4, minutes=10, devices=1
)
PARTITION = {"Default": "NO", "MaxTime": "UNLIMITED", "MaxNodes": "UNLIMITED", "State": "UP"}
NODE = {"State": "IDLE", "Gres": "(null)", "CPUTot": "8", "RealMemory": "32000"}
QOS = {
    "MaxSubmitJobsPU": "",
    "MaxSubmitJobsPA": "",
    "GrpSubmitJobs": "",
    "MaxWall": "",
    "Flags": "",
}


def partition(name: str, nodes: int, **more: str) -> dict[str, str]:
    return {**PARTITION, "PartitionName": name, "TotalNodes": str(nodes), **more}


def node(name: str, places: str, **more: str) -> dict[str, str]:
    return {**NODE, "NodeName": name, "Partitions": places, **more}


def offer(rights: Rights | None = None) -> Offer:
    """A cluster of two plain nodes, two with GPUs, and some in a cloud of which one is shown."""
    rows = (
        partition("cpu", 2, Default="YES", MaxTime="1:00:00", MaxNodes="1"),
        partition("gpu", 2, MaxTime="2-00:00:00"),
        partition("cloud", 5),
    )
    nodes = [
        node("c1", "cpu"),
        node("c2", "cpu", RealMemory="64000", MemSpecLimit="4000"),
        node("g1", "gpu", Gres="gpu:a100:4(S:0-1)", CPUTot="64", CPUEfctv="60"),
        node("g2", "gpu", Gres="gpu:h100:2", State="MIXED+DRAIN"),
        node("v1", "cloud", CPUTot="1"),
        {"NodeName": "spare", **NODE},
    ]
    return Offer({}, {row["PartitionName"]: row for row in rows}, nodes, rights or Rights("me"))


def misfits(given: Offer | None = None, **asked: Any) -> list[str]:
    return [text for _, text in (given or offer()).misfits(replace(PLAIN, **asked))]


@pytest.mark.parametrize(
    ("gres", "count"),
    [("(null)", 0), ("", 0), ("gpu:4", 4), ("gpu:a100:4(S:0-1,3),shard:8", 4), ("gpu", 1),
     ("gpu:a100:2,gpu:h100:6,nvme:1", 8), ("gpu:tesla(S:0)", 1), ("craynetwork:4", 0)],
)  # fmt: skip
def test_gpus_are_read_from_gres(gres: str, count: int) -> None:
    assert gpus(gres) == count


def test_what_slurm_keeps_for_itself_is_not_offered() -> None:
    nodes = {row["NodeName"]: Size.of(row) for row in offer().nodes}
    assert nodes["c2"] == Size(0, 8, 58)
    assert nodes["g1"] == Size(4, 60, 31)


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("60", 60), ("10:00", 10), ("1:30:30", 90.5), ("1-0", 1440), ("2-01:30", 2970),
     ("1-00:00:30", 1440.5), ("UNLIMITED", float("inf"))],
)  # fmt: skip
def test_time_limits_are_read_as_slurm_writes_them(text: str, minutes: float) -> None:
    assert slurm.minutes(text) == minutes


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"partition": "gpus"}, "cluster.partition 'gpus' does not exist; did you mean 'gpu'?"),
        ({"minutes": 61}, "cluster.minutes=61: partition 'cpu' allows 60"),
        (
            {"gpus": 1},
            "partition 'cpu' has no GPUs; set cluster.gpus=0, or cluster.partition to: g",
        ),
        (
            {"gpus": 8, "partition": "gpu"},
            "cluster.gpus=8: the largest node of partition 'gpu' has 4",
        ),
        ({"cpus": 9}, "cluster.cpus=9: the largest node of partition 'cpu' has 8 cores"),
        ({"devices": 9}, "cluster.cpus=9: the largest node of partition 'cpu' has 8 cores"),
        ({"memory_gb": 59}, "cluster.memory_gb=59: the largest node of partition 'cpu' has 58 GB"),
        ({"nodes": 2}, "cluster.nodes=2: partition 'cpu' allows 1"),
        ({"nodes": 3, "partition": "gpu"}, "cluster.nodes=3: partition 'gpu' allows 2"),
    ],
)
def test_what_no_node_or_partition_can_give_is_said(asked: dict[str, Any], words: str) -> None:
    (text,) = misfits(**asked)
    assert words in text


def test_every_misfit_is_said_at_once() -> None:
    assert len(misfits(minutes=100, gpus=1, cpus=100, memory_gb=100, nodes=3)) == 5


def test_of_several_partitions_one_has_to_fit() -> None:
    assert misfits(partition="cpu,gpu", gpus=4, minutes=2880) == []
    assert len(misfits(partition="cpu,gpu", minutes=2881)) == 1


def test_without_a_default_partition_the_names_are_shown() -> None:
    made = offer()
    rows = {name: {**row, "Default": "NO"} for name, row in made.partitions.items()}
    (text,) = misfits(replace(made, partitions=rows))
    assert text.endswith("this cluster has no default one; set one of: cloud, cpu, gpu")


def test_nodes_that_a_cloud_hides_are_not_held_against_a_class() -> None:
    assert misfits(partition="cloud", gpus=8, cpus=64, memory_gb=999, nodes=5) == []
    assert len(misfits(partition="cloud", nodes=6)) == 1


def test_only_a_partition_whose_nodes_all_run_is_in_service() -> None:
    made = offer()
    assert made.is_in_service(PLAIN)
    assert not made.is_in_service(replace(PLAIN, partition="gpu"))
    assert not made.is_in_service(replace(PLAIN, partition="cloud"))


def rights(*jobs: Entry, **qos: dict[str, str]) -> Rights:
    """Mine: 2 of 10 jobs in ``lab``, 5 in ``lab`` on partition gpu, none set in ``sub``."""
    rows: list[dict[str, str]] = [
        {"Account": "root"},
        {"Account": "lab", "ParentAccount": "root(1)", "GrpSubmitJobs": "N(2)"},
        {"Account": "sub", "ParentAccount": "lab(2)", "GrpSubmitJobs": "9(8)"},
        {"Account": "lab", "UserName": "me(5)", "DefAssoc": "Yes", "MaxSubmitJobs": "10(2)",
         "MaxWallPJ": "30"},
        {"Account": "lab", "UserName": "me(5)", "Partition": "gpu", "MaxSubmitJobs": "5(0)"},
        {"Account": "sub", "UserName": "me(5)", "MaxSubmitJobs": "", "GrpSubmitJobs": "N(1)"},
    ]  # fmt: skip
    granted = [
        {"Account": "lab", "Partition": "", "DefaultQOS": "", "QOS": "normal,wide"},
        {"Account": "sub", "Partition": "", "DefaultQOS": "long", "QOS": "long"},
    ]
    known = {name: {**QOS, "Name": name, **row} for name, row in qos.items()}
    return Rights("me", rows, granted, known, jobs)


def left(given: Rights, row: dict[str, str] | None = None, **asked: Any) -> dict[str, int]:
    quotas = given.quotas(replace(PLAIN, **asked), row or {})
    return {quota.name: quota.left for quota in quotas}


def test_the_users_and_the_accounts_limits_count_without_a_qos() -> None:
    assert left(rights()) == {"MaxSubmitJobs of this user in account 'lab'": 8}
    assert left(rights(), partition="gpu") == {"MaxSubmitJobs of this user in account 'lab'": 5}
    assert left(rights(), account="SUB") == {"GrpSubmitJobs of account 'sub'": 1}
    assert left(rights(), account="other") == {}
    assert rights().lineage(replace(PLAIN, account="sub")) == ["sub", "lab", "root"]


def test_a_limit_of_the_qos_stands_in_place_of_the_accounts() -> None:
    jobs = [
        Entry("me", "lab", "wide", "PENDING"),
        Entry("me", "lab", "wide", "COMPLETED"),
        Entry("you", "lab", "wide", "RUNNING"),
        Entry("me", "lab", "normal", "RUNNING"),
    ]
    own = left(rights(*jobs, wide={"MaxSubmitJobsPU": "20"}), qos="wide")
    assert own == {"MaxSubmitJobsPU of QOS 'wide'": 19}
    group = rights(*jobs, wide={"GrpSubmitJobs": "20", "MaxSubmitJobsPA": "7"})
    assert left(group, account="sub", qos="wide") == {
        "MaxSubmitJobsPA of QOS 'wide'": 7,
        "GrpSubmitJobs of QOS 'wide'": 18,
    }


def test_the_default_qos_and_that_of_the_partition_count_as_well() -> None:
    given = rights(normal={"MaxSubmitJobsPU": "3"}, long={"MaxSubmitJobsPU": "4"}, part={})
    assert list(left(given).values()) == [3]
    assert list(left(given, account="sub").values()) == [4, 1]
    ruled = rights(part={"MaxSubmitJobsPU": "6"})
    assert left(ruled, {"QoS": "part"}) == {"MaxSubmitJobsPU of QOS 'part'": 6}


def test_a_time_limit_that_would_never_start_is_refused() -> None:
    assert "account 'lab' allows 30" in misfits(offer(rights()), minutes=31)[0]
    longer = offer(rights(wide={"MaxWall": "00:50:00"}))
    assert misfits(longer, minutes=50, qos="wide") == []
    assert "QOS 'wide' allows 50" in misfits(longer, minutes=51, qos="wide")[0]
    free = offer(rights(wide={"MaxWall": "3-0", "Flags": "DenyOnLimit,PartitionTimeLimit"}))
    assert misfits(free, minutes=4000, qos="wide") == []


@pytest.mark.parametrize(
    ("door", "asked", "opens"),
    [
        ({"AllowAccounts": "ALL", "AllowQos": "ALL"}, {}, True),
        ({"AllowAccounts": "lab,x"}, {}, True),
        ({"AllowAccounts": "lab"}, {"account": "sub"}, True),
        ({"AllowAccounts": "x"}, {}, False),
        ({"DenyAccounts": "lab"}, {}, False),
        ({"AllowQos": "wide"}, {}, False),
        ({"AllowQos": "wide"}, {"qos": "wide"}, True),
        ({"DenyQos": "wide"}, {"qos": "wide"}, False),
    ],
)
def test_a_partition_that_shuts_out_an_account_or_a_qos_is_told(
    door: dict[str, str], asked: dict[str, str], opens: bool
) -> None:
    row = partition("door", 1, **door)
    given = replace(offer(rights(wide={}, normal={})), partitions={"door": row})
    found = misfits(given, partition="door", **asked)
    assert ["partition 'door' would never start it" in text for text in found] == [True] * (
        not opens
    )
