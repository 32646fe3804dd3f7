"""The settings that a command line gives: what they say, and what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from hydra.core.override_parser.types import Override

from sweeps.cell import AXES
from sweeps.errors import near_miss
from sweeps.overrides import CONF, names, read_yaml
from sweeps.settings import WORDS

GROUPS = ("cluster", "sweep")
STARTED = ("status", "logs", "cancel", "retry", "report", "analyze", "publish", "dashboard")
"""What is asked of a sweep that was started, here or by others: its file may be gone."""
APART = ("browse", "list")
"""What is about no sweep and no cell."""
KEYED = ("logs", "analyze")
"""What can be asked of one cell by its key."""
LISTS = ("tables", "analysis", "wandb.artifacts", "cluster.setup")
FREE = ("hydra.", "cluster.sbatch.")
"""Below these a person may add keys, and take them away."""
NAME = re.compile(r"\w[\w.-]*")
ROWS = "tables=[{rows: [backbone], values: [accuracy], where: {attention: se}}]"


def is_grid(override: Override) -> bool:
    """Whether an override is about an axis or the seed."""
    return override.key_or_group.partition(".")[0] in (*AXES, "seed")


def is_choice(override: Override) -> bool:
    """Whether an override says which sweep or which of its cells."""
    return override.key_or_group == "sweep" or is_grid(override)


def asked(overrides: Sequence[Override], key: str) -> str | None:
    """The value of the last override of ``key``, or None."""
    found = [o.value() for o in overrides if o.key_or_group == key]
    return str(found[-1]) if found else None


def check_settings(overrides: Sequence[Override], verbs: Sequence[str]) -> list[str]:
    """What is wrong with overrides that are not about the grid."""
    known = [*top_level(), "seed", "hydra", *AXES]
    words = {"do": verbs, **WORDS}
    has_file = asked(overrides, "do") not in (*STARTED, *APART)
    problems = []
    for override in overrides:
        key, value = override.key_or_group, override.value()
        if key == "tables" and isinstance(value, dict):
            problems.append("tables={...}: must be a list of tables; write tables=[{...}]")
        elif key.partition(".")[0] not in known:
            problems.append(near_miss("setting", key, known))
        elif problem := _not_one_value(override):
            problems.append(problem)
        elif key in words and str(value) not in words[key]:
            problems.append(near_miss(key, str(value), words[key]))
        elif key == "sweep" and not has_file:
            if not NAME.fullmatch(str(value)):
                problems.append(f"sweep={value}: must be a name of letters, digits and _ . -")
        elif key in GROUPS and str(value) not in names(key):
            problems.append(near_miss(key, str(value), names(key)))
    return problems


def _not_one_value(override: Override) -> str | None:
    """Why an override does not give its setting a value."""
    key, line = override.key_or_group, override.input_line
    if override.is_delete() and not key.startswith(FREE):
        return f"{line}: a setting can be changed, but not taken away; write {key}=..."
    if not override.is_sweep_override() or key.startswith("hydra."):
        return None
    is_list = key in LISTS
    text = f"a list: {key}=[{str(line).partition('=')[2]}]" if is_list else "a command for each"
    return f"{line}: one value is allowed, came several; write {text}"


def check_place(overrides: Sequence[Override], verbs: Sequence[str]) -> list[str]:
    """What is wrong with overrides that mean nothing for what is done."""
    verb = asked(overrides, "do") or "run"
    keys = _lines(o for o in overrides if o.key_or_group == "key")
    grid = _lines(filter(is_grid, overrides))
    problems = []
    if keys and verb in verbs and verb not in KEYED:
        problems.append(f"{keys}: only do={' and do='.join(KEYED)} ask for a key; leave it out")
    if verb in APART and (chosen := _lines(o for o in overrides if is_choice(o))):
        problems.append(f"{chosen}: do={verb} is about no sweep and no cell; leave it out")
    if grid and verb in STARTED:
        some = f"; for a table of some rows: {ROWS}" if verb == "report" else ""
        some = "; for one cell: key=..." if verb in KEYED else some
        problems.append(
            f"{grid}: do={verb} is about the whole sweep as it was started; leave it out{some}"
        )
    return problems


def _lines(overrides: Iterable[Override]) -> str:
    return " ".join(str(override.input_line) for override in overrides)


def top_level() -> list[str]:
    """The keys of ``conf/settings.yaml``."""
    content = read_yaml(CONF / "settings.yaml")
    return [*(key for key in content if key != "defaults"), *GROUPS]
