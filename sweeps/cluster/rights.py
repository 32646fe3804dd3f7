"""What SLURM's accounting grants this user: accounts, QOS, how many jobs and how long ones.

Where a QOS sets a limit, SLURM looks at no other: that of the account holds only where none does.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sweeps.cluster import slurm
from sweeps.cluster.resources import Resources
from sweeps.errors import UserError

Row = Mapping[str, str]
QOS = ("Name", "MaxSubmitJobsPU", "MaxSubmitJobsPA", "GrpSubmitJobs", "MaxWall", "Flags")
GRANTED = ("Account", "Partition", "DefaultQOS", "QOS")
ENDED = ("COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL", "PREEMPTED", "BOOT_FAIL",
         "DEADLINE", "OUT_OF_MEMORY", "REVOKED")  # fmt: skip


@dataclass(frozen=True)
class Quota:
    """How many jobs may be known to SLURM at once; ``name`` is SLURM's for the limit."""

    name: str
    limit: int
    used: int

    @property
    def left(self) -> int:
        return self.limit - self.used


class Entry(NamedTuple):
    """A job, or a task of an array, of anybody."""

    user: str
    account: str
    qos: str
    state: str


@dataclass(frozen=True)
class Rights:
    """What the accounting says; but for the queue all is empty where no limits are enforced.

    Args:
        associations: as the controller knows them, with what is used of each limit.
        granted: accounts and QOS of this user.
        qos: every QOS by name.
        queue: all jobs in SLURM's memory, as far as this user may see them.
    """

    user: str
    associations: Sequence[Row] = ()
    granted: Sequence[Row] = ()
    qos: Mapping[str, Row] = field(default_factory=dict)
    queue: Sequence[Entry] = ()

    @classmethod
    def look(cls, config: Mapping[str, str]) -> Rights:
        """Ask for the rights of whoever runs this."""
        user, queue = _user(), _queue()
        if "limits" not in config.get("AccountingStorageEnforce", "").split(","):
            return cls(user, queue=queue)
        here = f"cluster={config.get('ClusterName', '')}"
        granted = _manager("assoc", GRANTED, "where", f"user={user}", here)
        known = slurm.shown("assoc_mgr", f"users={user}", "flags=assoc")
        qos = {row["Name"]: row for row in _manager("qos", QOS)}
        return cls(user, known, granted, qos, queue)

    def accounts(self) -> list[str]:
        return sorted({row["Account"] for row in self.granted})

    def lineage(self, own: Resources) -> list[str]:
        """The account that a class's jobs are counted on, and those above it."""
        mine = self._association(own)
        return list(dict.fromkeys(row["Account"] for row in (mine, *self._above(mine)) if row))

    def qos_in_use(self, own: Resources) -> list[str]:
        """The QOS of a class's jobs, if that is known."""
        name = own.qos or self._default_qos(own)
        return [name] if name in self.qos else []

    def qos_granted(self, own: Resources) -> list[str]:
        """The QOS that a class may ask for."""
        rows = (r for r in self.granted if own.account in (None, r["Account"]))
        return sorted({name for row in rows for name in row["QOS"].split(",") if name})

    def quotas(self, own: Resources, partition: Row) -> list[Quota]:
        """What limits how many jobs of a class are in the queue."""
        ruling, mine = self._qos(own, partition), self._association(own)
        found = [q for row in ruling for q in self._of_qos(row, mine.get("Account", ""))]
        if not any(row["MaxSubmitJobsPU"] or row["MaxSubmitJobsPA"] for row in ruling):
            found += _used("MaxSubmitJobs", [mine])
        if not any(row["GrpSubmitJobs"] for row in ruling):
            found += _used("GrpSubmitJobs", [mine, *self._above(mine)])
        return found

    def minutes(self, own: Resources, partition: Row) -> tuple[float, str]:
        """The longest time limit, and whose it is; a job above it would wait for ever."""
        ruling = [row for row in self._qos(own, partition) if row["MaxWall"]]
        if ruling:
            row = min(ruling, key=lambda row: slurm.minutes(row["MaxWall"]))
            return slurm.minutes(row["MaxWall"]), f"QOS '{row['Name']}'"
        mine = self._association(own)
        limit = float(mine.get("MaxWallPJ") or "inf")
        return limit, f"account '{mine.get('Account')}'"

    def lifts(self, own: Resources, partition: Row, flag: str) -> bool:
        """Whether a QOS lifts a limit of the partition."""
        return any(flag in row["Flags"].split(",") for row in self._qos(own, partition))

    def _qos(self, own: Resources, partition: Row) -> list[Row]:
        """The QOS that rule a class's jobs: the partition's and the job's."""
        names = (partition.get("QoS", ""), *self.qos_in_use(own))
        return [self.qos[name] for name in dict.fromkeys(names) if name in self.qos]

    def _default_qos(self, own: Resources) -> str:
        account = self._association(own).get("Account")
        named = (row["DefaultQOS"] for row in self.granted if row["Account"] == account)
        return next((name for name in named if name), "normal")

    def _of_qos(self, row: Row, account: str) -> Iterator[Quota]:
        name = row["Name"]
        jobs = [job for job in self.queue if job.qos == name and job.state not in ENDED]
        counts = {
            "MaxSubmitJobsPU": sum(job.user == self.user for job in jobs),
            "MaxSubmitJobsPA": sum(job.account == account for job in jobs),
            "GrpSubmitJobs": len(jobs),
        }
        for limit, used in counts.items():
            if row[limit].isdecimal():
                yield Quota(f"{limit} of QOS '{name}'", int(row[limit]), used)

    def _association(self, own: Resources) -> Row:
        """This user's association that a class's jobs are counted on; empty if there is none."""
        rows = [row for row in self.associations if row.get("UserName")]
        if own.account is None:
            home = [row["Account"] for row in rows if row.get("DefAssoc") == "Yes"]
        else:
            home = [own.account.lower()]
        found = [row for row in rows if row["Account"] in home]
        places = ("", *(own.partition or "").split(","))
        fitting = [row for row in found if row.get("Partition", "") in places]
        return max(fitting, key=lambda row: row.get("Partition", ""), default={})

    def _above(self, mine: Row) -> list[Row]:
        """The account of an association, and those above it."""
        rows = {row["Account"]: row for row in self.associations if not row.get("UserName")}
        chain: list[Row] = []
        name = mine.get("Account", "")
        while name in rows and rows[name] not in chain:
            chain.append(rows[name])
            name = rows[name].get("ParentAccount", "").partition("(")[0]
        return chain


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _queue() -> list[Entry]:
    rows = slurm.run("squeue", "--noheader", "--array", "--states=all", "--format=%u|%a|%q|%T")
    return [Entry(*row.split("|")) for row in rows.splitlines() if row.count("|") == 3]


def _manager(what: str, fields: Sequence[str], *where: str) -> list[Row]:
    """Rows of ``sacctmgr``; none while it does not answer: then SLURM has the last word."""
    try:
        text = slurm.run("sacctmgr", "--noheader", "--parsable2", "show", what,
                         f"format={','.join(fields)}", *where, patience=0.0)  # fmt: skip
    except UserError:
        return []
    rows = (line.split("|") for line in text.splitlines())
    return [dict(zip(fields, row, strict=True)) for row in rows if len(row) == len(fields)]


def _used(limit: str, rows: Iterable[Row]) -> list[Quota]:
    """Quotas as the controller writes them: ``20(3)`` where 3 of 20 are used."""
    found = []
    for row in rows:
        most, _, used = row.get(limit, "").rstrip(")").partition("(")
        if most.isdecimal():
            whose = "of this user in" if row.get("UserName") else "of"
            name = f"{limit} {whose} account '{row['Account']}'"
            found.append(Quota(name, int(most), int(used or 0)))
    return found
