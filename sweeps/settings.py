"""The settings of a command: everything of the configuration that is not a cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import Override

from sweeps.cell import AXES
from sweeps.errors import UserError, near_miss
from sweeps.ledger import Ledger
from sweeps.overrides import CONF, names, read_yaml
from sweeps.tracking import MODES

GROUPS = ("cluster", "sweep")
NUMBERS = {
    "trainer": ("num_nodes", "workers", "threads", "latency_seconds"),
    "cluster": ("workers", "threads", "timeout_min"),
}
FORMATS = ("text", "json")


@dataclass(frozen=True)
class Settings:
    """What to do, where and how."""

    do: str
    format: str
    ledger: Ledger
    results: Path
    datasets: Path
    tracking: str
    trainer: Mapping[str, Any]
    cluster: Mapping[str, Any]

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Settings:
        """A composed configuration as settings.

        Raises:
            UserError: a number of the trainer or the cluster is none, or below 0.
        """
        _check_numbers(content)
        return cls(
            do=content["do"],
            format=content["format"],
            ledger=Ledger(Path(content["ledger"])),
            results=Path(content["results"]),
            datasets=Path(content["datasets"]),
            tracking=content["tracking"],
            trainer=content["trainer"],
            cluster=content["cluster"],
        )


def _check_numbers(content: Mapping[str, Any]) -> None:
    problems = [
        f"{section}.{name}={content[section][name]}: must be a number from 0"
        for section, names in NUMBERS.items()
        for name in names
        if not _is_number(content[section].get(name, 0))
    ]
    if problems:
        raise UserError("\n".join(problems))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def is_grid(override: Override) -> bool:
    """Whether an override is about an axis or the seed."""
    return override.key_or_group.partition(".")[0] in (*AXES, "seed")


def chosen_sweep(overrides: Sequence[Override]) -> str | None:
    """The value of the last ``sweep=`` override."""
    found = [o.get_value_element_as_str() for o in overrides if o.key_or_group == "sweep"]
    return found[-1] if found else None


def check_settings(overrides: Sequence[Override], verbs: Sequence[str]) -> list[str]:
    """What is wrong with overrides that are not about the grid."""
    known = [*top_level(), "seed", "hydra", *AXES]
    words = {"do": verbs, "format": FORMATS, "tracking": MODES}
    problems = []
    for override in overrides:
        key, value = override.key_or_group, override.value()
        if key.partition(".")[0] not in known and not override.is_add():
            problems.append(near_miss("setting", key, known))
        elif key in words and str(value) not in words[key]:
            problems.append(near_miss(key, str(value), words[key]))
        elif key in GROUPS and str(value) not in names(key):
            problems.append(near_miss(key, str(value), names(key)))
    return problems


def top_level() -> list[str]:
    """The keys of ``conf/settings.yaml``."""
    content = read_yaml(CONF / "settings.yaml")
    return [*(key for key in content if key != "defaults"), *GROUPS]


def defaults() -> dict[str, str]:
    """The value of each axis, and the seed, where nothing is asked."""
    content = read_yaml(CONF / "config.yaml")
    entries = [entry for entry in content["defaults"] if isinstance(entry, dict)]
    chosen = {key: value for entry in entries for key, value in entry.items()}
    return {**{axis: str(chosen[axis]) for axis in AXES}, "seed": str(content["seed"])}
