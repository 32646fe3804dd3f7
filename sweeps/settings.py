"""The settings of a command: everything of the configuration that is not a cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeps.analysable import unknown
from sweeps.cell import AXES
from sweeps.cluster.resources import check_cluster
from sweeps.errors import UserError, near_miss
from sweeps.ledger import Ledger
from sweeps.mirror.artifacts import KINDS
from sweeps.mirror.place import wrong_name
from sweeps.overrides import CONF, read_yaml
from sweeps.source import LEDGER
from sweeps.source import problems as source_problems
from sweeps.tables import impossible_tables, tables

FOLDERS = ("ledger", "results", "datasets")
TRAINER_NUMBERS = (
    "num_nodes",
    "workers",
    "threads",
    "accumulate",
    "checkpoint_minutes",
    "latency_seconds",
)
CLUSTER_NUMBERS = ("workers", "threads", "timeout_min")
FORMATS = ("text", "json")
TRACKING = ("offline", "wandb", "none")
WORDS = {"format": FORMATS, "tracking": TRACKING}


@dataclass(frozen=True)
class Settings:
    """What to do, where and how."""

    do: str
    format: str
    ledger: Ledger
    results: Path
    datasets: Path
    tracking: str
    wandb: Mapping[str, Any]
    trainer: Mapping[str, Any]
    cluster: Mapping[str, Any]
    budget: float | None = None
    watch: bool = False
    analysis: tuple[str, ...] = ()
    source: str = LEDGER
    tables: tuple[Mapping[str, Any], ...] = ()

    @property
    def is_elsewhere(self) -> bool:
        """Whether cells run on other machines than this one."""
        return self.cluster.get("kind") == "slurm"

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Settings:
        """A composed configuration as settings.

        Raises:
            UserError: everything that is impossible in it, at once.
        """
        problems = [*impossible(content), *impossible_cluster(content["cluster"])]
        if problems:
            raise UserError("\n".join(problems))
        folders = {name: Path(content[name]).expanduser() for name in FOLDERS}
        return cls(
            do=content["do"],
            format=content["format"],
            ledger=Ledger(folders["ledger"]),
            results=folders["results"],
            datasets=folders["datasets"],
            tracking=content["tracking"],
            wandb={**content["wandb"], "artifacts": _names(content["wandb"].get("artifacts"))},
            trainer=content["trainer"],
            cluster=content["cluster"],
            budget=content["budget_gpu_hours"],
            watch=content["watch"],
            analysis=tuple(_names(content["analysis"])),
            source=content["source"],
            tables=tables(content["tables"]),
        )


def impossible(content: Mapping[str, Any]) -> list[str]:
    """What is wrong with the values of settings, their cluster left out."""
    problems = [problem for name in FOLDERS for problem in _no_folder(name, content[name])]
    for name, words in WORDS.items():
        if content[name] not in words:
            problems.append(near_miss(name, str(content[name]), words))
    for name, look in (("wandb", _impossible_wandb), ("trainer", _impossible_trainer)):
        value = content[name]
        must = f"{name}={value}: must be keys and values; set each with {name}.<key>=..."
        problems += look(value) if isinstance(value, Mapping) else [must]
    if not isinstance(content["watch"], bool):
        problems.append(f"watch={content['watch']}: must be true or false")
    problems += unknown(_names(content["analysis"]))
    problems += source_problems(content["source"])
    problems += impossible_tables(content["tables"])
    budget = content["budget_gpu_hours"]
    if budget is not None and not (_is_number(budget) and budget):
        problems.append(f"budget_gpu_hours={budget}: must be a number above 0, or null")
    return problems


def _no_folder(name: str, value: object) -> list[str]:
    if not isinstance(value, str) or not value:
        return [f"{name}={value}: must be the path of a folder"]
    try:
        Path(value).expanduser()
    except RuntimeError:
        return [f"{name}={value}: this machine knows no such home folder; write the path out"]
    return []


def _impossible_trainer(options: Mapping[str, Any]) -> list[str]:
    return _no_numbers(options, "trainer", TRAINER_NUMBERS)


def _impossible_wandb(options: Mapping[str, Any]) -> list[str]:
    problems = []
    for name in ("entity", "project"):
        value = options.get(name)
        is_own_account = name == "entity" and value is None
        if is_own_account:
            continue
        why = wrong_name(value) if isinstance(value, str) and value else "must be text"
        problems += [f"wandb.{name}={value}: {why}"] if why else []
    wanted = _names(options.get("artifacts"))
    problems += [near_miss("wandb.artifacts", one, KINDS) for one in wanted if one not in KINDS]
    return problems


def impossible_cluster(
    options: Mapping[str, Any], *, where: str = "cluster", complete: bool = True
) -> list[str]:
    """What is wrong with a cluster's options; ``complete``: all of them must be there."""
    if options.get("kind") == "slurm":
        return check_cluster(options, where=where, complete=complete)
    return _no_numbers(options, where, CLUSTER_NUMBERS)


def _no_numbers(options: Mapping[str, Any], where: str, names: Sequence[str]) -> list[str]:
    return [
        f"{where}.{name}={options[name]}: must be a number from 0"
        for name in names
        if not _is_number(options.get(name, 0))
    ]


def _names(asked: Any) -> list[str]:
    """A list of names, of which one may stand alone."""
    return [str(name) for name in (asked if isinstance(asked, list) else [asked]) if name]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def default_cluster() -> str:
    """The cluster where none is asked for."""
    entries = read_yaml(CONF / "settings.yaml")["defaults"]
    return next(str(entry["cluster"]) for entry in entries if "cluster" in entry)


def defaults() -> dict[str, str]:
    """The value of each axis, and the seed, where nothing is asked."""
    content = read_yaml(CONF / "config.yaml")
    entries = [entry for entry in content["defaults"] if isinstance(entry, dict)]
    chosen = {key: value for entry in entries for key, value in entry.items()}
    return {**{axis: str(chosen[axis]) for axis in AXES}, "seed": str(content["seed"])}
