"""The configuration files of a small cluster whose nodes all live on this machine."""

from __future__ import annotations

import random
import socket
from collections.abc import Sequence
from pathlib import Path

PORTS = range(20000, 32000)
"""Below the ports that the kernel gives to outgoing connections: a restart finds its port free."""

SLURM = """
ClusterName=triptych
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log

# Processors and memory as written, whatever this machine has.
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=1000
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=5
MpiDefault=none

# Everything that a person would wait for is short.
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=2,sched_min_interval=0,bf_interval=2
KillWait=6
SlurmdTimeout=10
InactiveLimit=0
MinJobAge=60
CompleteWait=0
ReturnToService=2
JobRequeue=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE

NodeName=DEFAULT CPUs=2 RealMemory=6000
{nodes}
NodeName=elsewhere NodeAddr=127.0.0.1 Port={nothing} State=DOWN Reason="no such machine"
PartitionName=DEFAULT Nodes={names} MaxTime=1:00:00 DefaultTime=10 PreemptMode=OFF PriorityTier=1
PartitionName=main Default=YES
PartitionName=short MaxTime=5 DefaultTime=1
PartitionName=low PreemptMode=REQUEUE GraceTime=5
PartitionName=high PriorityTier=10
PartitionName=far Nodes=elsewhere
{accounting}
"""

NODE = "NodeName={1} NodeHostName={0} NodeAddr=127.0.0.1 Port={2}"

ACCOUNTING = """
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={database}
AccountingStoragePass={folder}/munge.socket
AccountingStorageEnforce=associations,limits,qos
"""

SLURMDBD = """
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
DbdHost={host}
DbdAddr=127.0.0.1
DbdPort={database}
SlurmUser=root
LogFile={folder}/slurmdbd.log
PidFile={folder}/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=root
"""


def write_configuration(folder: Path, nodes: Sequence[str], *, accounting: bool) -> None:
    """Write slurm.conf and, with accounting, slurmdbd.conf, on ports that are free now."""
    controller, database, nothing, *ports = free_ports(3 + len(nodes))
    host = socket.gethostname().partition(".")[0]
    values = {
        "folder": folder,
        "host": host,
        "controller": controller,
        "database": database,
        "nothing": nothing,
        "names": ",".join(nodes),
        "nodes": "\n".join(NODE.format(host, n, p) for n, p in zip(nodes, ports, strict=True)),
    }
    storage = ACCOUNTING.format_map(values) if accounting else ""
    (folder / "slurm.conf").write_text(SLURM.format_map({**values, "accounting": storage}))
    if accounting:
        (folder / "slurmdbd.conf").write_text(SLURMDBD.format_map(values))
        (folder / "slurmdbd.conf").chmod(0o600)


def free_ports(count: int) -> list[int]:
    """Ports on which nothing listens."""
    found: list[int] = []
    while len(found) < count:
        port = random.choice(PORTS)
        with socket.socket() as probe:
            if port not in found and probe.connect_ex(("127.0.0.1", port)) != 0:
                found.append(port)
    return found
