"""What a cluster has to give: partitions and nodes, and where a resource class asks for more."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sweeps.cluster import slurm
from sweeps.cluster.resources import Resources
from sweeps.cluster.rights import Rights
from sweeps.errors import near_miss

Row = Mapping[str, str]
Problem = tuple[str, str]
"""An option of the cluster, and what is wrong with it."""

IN_SERVICE = {"IDLE", "MIXED", "ALLOCATED", "COMPLETING", "PLANNED"}
SIZES = {"gpus": "GPUs", "cpus": "cores", "memory_gb": "GB of memory"}


@dataclass(frozen=True)
class Size:
    """What one node has."""

    gpus: int
    cpus: int
    memory_gb: int

    @classmethod
    def of(cls, node: Row) -> Size:
        memory = int(node["RealMemory"]) - int(node.get("MemSpecLimit", 0))
        cores = int(node.get("CPUEfctv", node["CPUTot"]))
        return cls(gpus(node.get("Gres", "")), cores, memory // 1024)


def gpus(gres: str) -> int:
    """How many GPUs a node has: ``gpu:a100:4(S:0-1),shard:8`` are 4."""
    plain = re.sub(r"\([^)]*\)", "", gres)
    found = (part.split(":") for part in plain.split(",") if part.split(":")[0] == "gpu")
    return sum(int(part[-1]) if part[-1].isdecimal() else 1 for part in found)


@dataclass(frozen=True)
class Offer:
    """The cluster as its controller describes it."""

    config: Row
    partitions: Mapping[str, Row]
    nodes: Sequence[Row]
    rights: Rights

    @classmethod
    def look(cls) -> Offer:
        config = slurm.config()
        return cls(config, slurm.partitions(), slurm.nodes(), Rights.look(config))

    def chosen(self, own: Resources) -> list[str]:
        """The partitions that a class may run in: those it names, or the default one."""
        if own.partition is not None:
            return own.partition.split(",")
        return [name for name, row in self.partitions.items() if row["Default"] == "YES"]

    def rows(self, own: Resources) -> list[Row]:
        return [self.partitions[name] for name in self.chosen(own) if name in self.partitions]

    def nodes_of(self, own: Resources) -> list[Row]:
        """The nodes of a class's partitions; none where SLURM hides some, as it does in clouds."""
        found: dict[str, Row] = {}
        for row in self.rows(own):
            nodes = _members(self.nodes, row["PartitionName"])
            if len(nodes) < int(row["TotalNodes"]):
                return []
            found |= {node["NodeName"]: node for node in nodes}
        return list(found.values())

    def is_in_service(self, own: Resources) -> bool:
        """Whether no node of a class's partitions is down, drained or away."""
        states = {part for node in self.nodes_of(own) for part in node["State"].split("+")}
        up = all(row["State"] == "UP" for row in self.rows(own))
        return up and bool(states) and states <= IN_SERVICE

    def misfits(self, own: Resources) -> Iterator[Problem]:
        """Where a class asks for what no partition of it can give."""
        unknown = [name for name in self.chosen(own) if name not in self.partitions]
        names = self.partitions
        yield from (("partition", near_miss("cluster.partition", n, names)) for n in unknown)
        if not self.chosen(own):
            text = "cluster.partition=null: this cluster has no default one; set one of: "
            yield "partition", text + ", ".join(sorted(names))
        if self.rows(own):
            yield from self._closed(own, "account", "Accounts", self.rights.lineage(own))
            yield from self._closed(own, "qos", "Qos", self.rights.qos_in_use(own))
            yield from self._too_long(own)
            yield from self._too_large(own)
            yield from self._too_many(own)

    def _closed(
        self, own: Resources, key: str, title: str, names: Sequence[str]
    ) -> Iterator[Problem]:
        """Whether a partition shuts out an account or a QOS: a job would wait for ever.

        Args:
            names: the one in use and, if they count as well, those above it.
        """
        doors = [(row.get(f"Allow{title}"), row.get(f"Deny{title}")) for row in self.rows(own)]
        if names and not any(_admits(allowed, denied, names) for allowed, denied in doors):
            told = "; ".join(f"Deny{title}={d}" if d else f"Allow{title}={a}" for a, d in doors)
            where = f"partition '{','.join(self.chosen(own))}'"
            yield key, f"cluster.{key}={names[0]}: {where} would never start it ({told})"

    def _too_long(self, own: Resources) -> Iterator[Problem]:
        most, whose = max(self._minutes(own, row) for row in self.rows(own))
        if own.minutes > most:
            text = "; a cell that takes longer stops at a checkpoint and goes on in a further job"
            yield "minutes", f"cluster.minutes={own.minutes}: {whose} allows {most:.0f}{text}"

    def _minutes(self, own: Resources, row: Row) -> tuple[float, str]:
        lifted = self.rights.lifts(own, row, "PartitionTimeLimit")
        limit = float("inf") if lifted else slurm.minutes(row["MaxTime"])
        return min((limit, f"partition '{row['PartitionName']}'"), self.rights.minutes(own, row))

    def _too_large(self, own: Resources) -> Iterator[Problem]:
        asked = Size(own.gpus, max(own.cpus, own.devices), own.memory_gb)
        sizes = [Size.of(node) for node in self.nodes_of(own)]
        where = f"partition '{','.join(self.chosen(own))}'"
        for key, words in SIZES.items() if sizes else ():
            value, most = getattr(asked, key), max(getattr(size, key) for size in sizes)
            if value > most == 0 and key == "gpus":
                yield key, f"cluster.gpus={value}: {where} has no GPUs; {self._gpus_elsewhere()}"
            elif value > most:
                yield key, f"cluster.{key}={value}: the largest node of {where} has {most} {words}"

    def _gpus_elsewhere(self) -> str:
        own = {name: _members(self.nodes, name) for name in self.partitions}
        having = [name for name, nodes in own.items() if any(Size.of(n).gpus for n in nodes)]
        others = f", or cluster.partition to: {', '.join(having)}" if having else ""
        return f"set cluster.gpus=0{others}"

    def _too_many(self, own: Resources) -> Iterator[Problem]:
        most, name = max(self._most_nodes(own, row) for row in self.rows(own))
        if own.nodes > most:
            yield "nodes", f"cluster.nodes={own.nodes}: partition '{name}' allows {most}"

    def _most_nodes(self, own: Resources, row: Row) -> tuple[int, str]:
        most = row["MaxNodes"]
        lifted = self.rights.lifts(own, row, "PartitionMaxNodes") or not most.isdecimal()
        total = int(row["TotalNodes"])
        return total if lifted else min(total, int(most)), row["PartitionName"]


def _admits(allowed: str | None, denied: str | None, names: Sequence[str]) -> bool:
    if denied and names[0] in denied.split(","):
        return False
    return allowed in (None, "ALL") or bool(set(allowed.split(",")) & set(names))


def _members(nodes: Sequence[Row], partition: str) -> list[Row]:
    return [node for node in nodes if partition in node.get("Partitions", "").split(",")]
