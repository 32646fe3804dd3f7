"""What a cell gets of a SLURM cluster, and whether a cluster's options are possible.

The options stand in ``conf/cluster/slurm.yaml``; a block of a sweep may set those of ``OWN`` for
its cells. Cells of equal resources share jobs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sweeps.cell import Cell
from sweeps.errors import near_miss

NAMES = ("partition", "account", "qos", "constraint")
SIZES = ("nodes", "gpus", "cpus", "memory_gb", "minutes")
OWN = (*NAMES, *SIZES)
"""The options that a block of a sweep may set for its cells."""

NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Resources:
    """A resource class: what one cell gets.

    Args:
        nodes: nodes of one cell.
        gpus, cpus, memory_gb: of one cell, on each node.
        minutes: time limit of a job.
        devices: processes of one cell on each node; one a GPU where there are any.
    """

    partition: str | None
    account: str | None
    qos: str | None
    constraint: str | None
    nodes: int
    gpus: int
    cpus: int
    memory_gb: int
    minutes: int
    devices: int

    @property
    def processes(self) -> int:
        """Processes of one cell on all its nodes."""
        return self.nodes * self.devices

    @classmethod
    def of(
        cls,
        cluster: Mapping[str, Any],
        trainer: Mapping[str, Any],
        own: Mapping[str, Any] = NOTHING,
    ) -> Resources:
        """The class of a cell; ``own`` is what its block sets, and wins over the cluster's."""
        asked = {**cluster, **own}
        names = {k: None if asked[k] is None else str(asked[k]) for k in NAMES}
        found: dict[str, Any] = {**names, **{k: asked[k] for k in SIZES}}
        return cls(**found, devices=found["gpus"] or _processes(trainer["devices"]))


def of_cells(
    cluster: Mapping[str, Any], trainer: Mapping[str, Any], own: Mapping[str, Mapping[str, Any]]
) -> Callable[[Cell], Resources]:
    """The class of each cell; ``own`` is, by key, what its block sets."""
    return lambda cell: Resources.of(cluster, trainer, own.get(cell.key, NOTHING))


def _processes(devices: Any) -> int:
    """Lightning's ``devices`` as a number; one where it is left open."""
    if isinstance(devices, list):
        return max(len(devices), 1)
    text = str(devices)
    return max(int(text), 1) if text.isdecimal() else 1


@dataclass(frozen=True)
class Rule:
    """What an option may be; ``words`` complete "must be ..."."""

    fits: Callable[[Any], bool]
    words: str


def _is_whole(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _is_name(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool) and str(value) != ""


def _is_flags(value: Any) -> bool:
    plain = str | int | float | bool
    return isinstance(value, Mapping) and all(isinstance(v, plain) for v in value.values())


def _is_lines(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(line, str) for line in value)


def _whole(least: int) -> Rule:
    return Rule(lambda value: _is_whole(value, least), f"a whole number from {least}")


NAME = Rule(lambda value: value is None or _is_name(value), "text or null")
SWITCH = Rule(lambda value: isinstance(value, bool), "true or false")
RULES: Mapping[str, Rule] = {
    **dict.fromkeys(NAMES, NAME),
    **dict.fromkeys(("nodes", "cpus", "memory_gb", "minutes", "max_running"), _whole(1)),
    **dict.fromkeys(("gpus", "pack_minutes", "retries", "notice_seconds"), _whole(0)),
    **dict.fromkeys(("canary", "offline", "accounting"), SWITCH),
    **dict.fromkeys(("python", "notify"), NAME),
    "at_once": Rule(lambda v: v == "auto" or _is_whole(v, 1), "a whole number from 1, or auto"),
    "shared": Rule(lambda v: v is None or isinstance(v, bool), "true, false or null"),
    "setup": Rule(_is_lines, "a list of shell lines"),
    "sbatch": Rule(_is_flags, "flags with one value each, as in {exclude: node7}"),
}

TAKEN: Mapping[str, str] = {
    **{name: name for name in NAMES},
    **dict.fromkeys(("nodes", "N"), "nodes"),
    **dict.fromkeys(("gpus", "gpus-per-node", "gpus-per-task", "ntasks", "n"), "gpus"),
    **dict.fromkeys(("ntasks-per-node", "ntasks-per-gpu"), "gpus"),
    **dict.fromkeys(("cpus-per-task", "cpus-per-gpu", "c"), "cpus"),
    **dict.fromkeys(("mem", "mem-per-cpu", "mem-per-gpu"), "memory_gb"),
    **{"p": "partition", "A": "account", "q": "qos", "C": "constraint"},
    **dict.fromkeys(("time", "t"), "minutes"),
    **dict.fromkeys(("array", "a"), "max_running"),
    **dict.fromkeys(("requeue", "no-requeue"), "retries"),
    "signal": "notice_seconds",
}
"""Flags of sbatch that an option of ours sets."""

KEPT = (
    *("dependency", "d", "kill-on-invalid-dep", "output", "o", "error", "e", "open-mode"),
    *("job-name", "J", "chdir", "D", "export", "wrap", "wait", "W", "parsable"),
)
"""Flags of sbatch that a sweep needs for itself."""


def check_cluster(
    options: Mapping[str, Any], *, where: str = "cluster", complete: bool = True
) -> list[str]:
    """What is wrong with the options of a SLURM cluster.

    Args:
        options: as in ``conf/cluster/slurm.yaml``.
        where: what the messages put before an option's name.
        complete: every option must be there.
    """
    given = {str(key): value for key, value in options.items() if key != "kind"}
    problems = [near_miss(f"{where} option", key, RULES) for key in given if key not in RULES]
    problems += [
        f"{where}.{key}={value}: must be {RULES[key].words}"
        for key, value in given.items()
        if key in RULES and not RULES[key].fits(value)
    ]
    if complete:
        missing = (key for key in RULES if key not in given)
        problems += [f"{where}.{key} is missing; conf/cluster/slurm.yaml has it" for key in missing]
    return problems or [*_refused_flags(given, where), *_too_late(given, where)]


def check_own(key: str, value: Any) -> list[str]:
    """What is wrong with a resource that a block of a sweep sets; ``key`` is cluster's."""
    if key not in OWN:
        return [near_miss("cluster option of a block", key, OWN)]
    return check_cluster({key: value}, complete=False)


def _refused_flags(options: Mapping[str, Any], where: str) -> Iterable[str]:
    for name, value in options.get("sbatch", {}).items():
        flag, line = str(name).lstrip("-").replace("_", "-"), f"{where}.sbatch.{name}={value}"
        if flag in TAKEN:
            yield f"{line}: set {where}.{TAKEN[flag]} instead"
        elif flag in KEPT:
            yield f"{line}: the sweep sets this flag itself; leave it out"
        elif flag == "gres" and str(value).startswith("gpu") and options.get("gpus", 1):
            yield f"{line}: set {where}.gpus (and constraint for the model), or {where}.gpus=0"


def _too_late(options: Mapping[str, Any], where: str) -> Iterable[str]:
    notice, minutes = options.get("notice_seconds", 0), options.get("minutes")
    if minutes is not None and notice >= 60 * minutes:
        yield f"{where}.notice_seconds={notice}: must be below the time limit ({minutes} minutes)"
