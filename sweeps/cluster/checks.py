"""All that can be known to be wrong before anything is handed to SLURM, said at once."""

from __future__ import annotations

import os
import re
import shutil
import socket
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sweeps.cluster import slurm
from sweeps.cluster.disk import LOCAL, filesystem
from sweeps.cluster.offer import Offer
from sweeps.cluster.refusals import refusals
from sweeps.cluster.resources import NAMES, TAKEN, Resources
from sweeps.cluster.rights import Quota
from sweeps.errors import UserError

NO_ACCOUNTS = ("accounting_storage/none", "(null)", "")
UNWRITABLE = {"%": "a percent sign", "\\": "a backslash", "\n": "a line break"}
"""What SLURM expands, drops, or ends a flag at."""

OTHER_NAMES = {"timelimit": "time", "array-inx": "array", "mem-per-node": "mem"}
"""Flags of sbatch whose variables have a name of their own."""


@dataclass(frozen=True)
class Limits:
    """What a submission must keep to.

    Args:
        longest: most tasks of one array.
        most: how many tasks may be submitted now.
    """

    longest: int
    most: int

    @property
    def for_cells(self) -> int:
        """What is left for cells beside the canaries and the report."""
        return self.most - 2


def check(
    classes: Collection[Resources], options: Mapping[str, Any], ledger: Path, sweep: str
) -> Limits:
    """Look whether SLURM would run jobs of these classes; nothing is submitted.

    Args:
        options: as in ``conf/cluster/slurm.yaml``.

    Raises:
        UserError: all that is wrong, one problem a line.
    """
    problems = [*_unwritable(ledger, sweep), *_inside_a_job(), *_overruled(classes)]
    if absent := slurm.missing():
        problems.append(
            f"this machine has no SLURM ({', '.join(absent)} not found): start the sweep on a "
            "login node of the cluster, or run it here with CLUSTER=local"
        )
        raise UserError("\n".join(problems))
    try:
        offer = Offer.look()
        asked = sorted(map(_with_shell, classes), key=repr)
        quota = _most(asked, offer)
        full = list(_full(quota, 2 + bool(options["canary"])))
        found = [text for own in asked for text in _problems(own, options, offer)]
        problems += [*_no_accounts(options, offer), *_unseen(ledger, options, asked, offer), *full]
        problems += [text for text in found if not (full and "SubmitJob" in text)]
    except UserError as error:
        problems.append(f"SLURM does not answer: {error}; see `sinfo`, and try again when it does")
    if problems:
        raise UserError("\n".join(dict.fromkeys(problems)))
    return Limits(_longest(offer.config), quota.left)


def _unwritable(ledger: Path, sweep: str) -> Iterator[str]:
    """Names that SLURM reads as something else; spaces, quotes and the like it takes."""
    path = str(ledger.absolute())
    found = [words for character, words in UNWRITABLE.items() if character in path]
    if found:
        yield (
            f"ledger {path!r}: SLURM cannot write to a path with {' and '.join(found)}; "
            "choose another folder with ledger=..."
        )
    if "\n" in sweep:
        yield f"sweep {sweep!r}: SLURM takes no line break in a job's name; rename the sweep's file"


def _inside_a_job() -> Iterator[str]:
    if job := slurm.own_job():
        yield (
            f"this shell is inside SLURM job {job}, whose CPU binding and variables the sweep's "
            "jobs would inherit: start it on a login node, or forget the job in this shell with: "
            "unset $(env | grep -o '^SLURM_[^=]*' | grep -v SLURM_CONF)"
        )


def _overruled(classes: Collection[Resources]) -> Iterator[str]:
    """Variables of this shell that win over a script's flags."""
    for name in sorted(name for name in os.environ if name.startswith("SBATCH_")):
        flag = name.removeprefix("SBATCH_").lower().replace("_", "-")
        key = TAKEN.get(OTHER_NAMES.get(flag, flag))
        same = {None, os.environ[name]}
        if key and not (key in NAMES and {getattr(own, key) for own in classes} <= same):
            value = f"{name}={os.environ[name]}"
            yield f"{value} in this shell would win over cluster.{key}; first: unset {name}"


def _with_shell(own: Resources) -> Resources:
    """A class with what the shell sets where the class leaves it open."""
    found: dict[str, Any] = {
        name: getattr(own, name) or os.environ.get(f"SBATCH_{name.upper()}") for name in NAMES
    }
    return replace(own, **found)


def _no_accounts(options: Mapping[str, Any], offer: Offer) -> Iterator[str]:
    kind = offer.config.get("AccountingStorageType", "")
    why = f"AccountingStorageType={kind}" if kind in NO_ACCOUNTS else ""
    why = why or ("" if shutil.which("sacct") else "'sacct' is not found")
    if options["accounting"] and why:
        yield (
            f"SLURM keeps no accounts here ({why}): when and how an attempt ended (node failure, "
            "kill, time limit, preemption) would stay unknown; go on without: "
            "cluster.accounting=false"
        )


def _problems(own: Resources, options: Mapping[str, Any], offer: Offer) -> Iterator[str]:
    """What is wrong with one class, ours first and then SLURM's own opinion."""
    wrong = list(offer.misfits(own))
    yield from (text for _, text in wrong)
    if options["notice_seconds"] >= 60 * own.minutes:
        yield (
            f"cluster.notice_seconds={options['notice_seconds']}: must be below the time limit "
            f"({own.minutes} minutes)"
        )
    yield from refusals(own, options, offer, known={key for key, _ in wrong})


def _most(classes: Collection[Resources], offer: Offer) -> Quota:
    """The quota that leaves least."""
    asked = [(own, row) for own in classes for row in offer.rows(own)]
    found = [quota for own, row in asked for quota in offer.rights.quotas(own, row)]
    count = int(offer.config["MaxJobCount"])
    found.append(Quota("MaxJobCount of the cluster", count, len(offer.rights.queue)))
    return min(found, key=lambda quota: quota.left)


def _full(quota: Quota, least: int) -> Iterator[str]:
    if quota.left < least:
        yield (
            f"SLURM takes {max(quota.left, 0)} more jobs now ({quota.name}: {quota.limit}, "
            f"{quota.used} in the queue), a sweep needs {least} at least: wait until some have "
            "ended, cancel some (squeue --me; scancel), or use another account or QOS"
        )


def _longest(config: Mapping[str, str]) -> int:
    """Most tasks of one array."""
    given = re.findall(r"\bmax_array_tasks=(\d+)", config.get("SchedulerParameters", ""))
    return max(1, min(int(text) for text in (config["MaxArraySize"], *given)))


def _unseen(
    ledger: Path, options: Mapping[str, Any], classes: Collection[Resources], offer: Offer
) -> Iterator[str]:
    """A ledger that only this machine sees, and a node elsewhere."""
    kind = filesystem(ledger)
    here = socket.gethostname().partition(".")[0]
    nodes = [node for own in classes for node in offer.nodes_of(own)]
    hosts = (node.get("NodeHostName", node["NodeName"]) for node in nodes)
    away = sorted({host for host in hosts if host.partition(".")[0] != here})
    if options["shared"] is not True and kind in LOCAL and away:
        yield (
            f"ledger {ledger.absolute()} is on a disk of this machine ({kind}) that node "
            f"'{away[0]}' does not see: choose a folder that all nodes see with ledger=..., or "
            "say cluster.shared=true if they do see it"
        )
