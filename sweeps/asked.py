"""The settings that a command line gives: what they say, and what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hydra.core.override_parser.types import Override

from sweeps.cell import AXES
from sweeps.errors import near_miss
from sweeps.overrides import CONF, names, read_yaml
from sweeps.settings import WORDS

GROUPS = ("cluster", "sweep")
STARTED = ("status", "logs", "cancel", "retry", "report", "analyze", "publish", "dashboard")
"""What is asked of a sweep that was started, here or by others: its file may be gone."""
NAME = re.compile(r"\w[\w.-]*")


def is_grid(override: Override) -> bool:
    """Whether an override is about an axis or the seed."""
    return override.key_or_group.partition(".")[0] in (*AXES, "seed")


def asked(overrides: Sequence[Override], key: str) -> str | None:
    """The value of the last override of ``key``, or None."""
    found = [o.value() for o in overrides if o.key_or_group == key]
    return str(found[-1]) if found else None


def check_settings(overrides: Sequence[Override], verbs: Sequence[str]) -> list[str]:
    """What is wrong with overrides that are not about the grid."""
    known = [*top_level(), "seed", "hydra", *AXES]
    words = {"do": verbs, **WORDS}
    is_started = asked(overrides, "do") in STARTED
    problems = []
    for override in overrides:
        key, value = override.key_or_group, override.value()
        if key == "tables" and isinstance(value, dict):
            problems.append("tables={...}: must be a list of tables; write tables=[{...}]")
        elif key.partition(".")[0] not in known and not override.is_add():
            problems.append(near_miss("setting", key, known))
        elif key in words and str(value) not in words[key]:
            problems.append(near_miss(key, str(value), words[key]))
        elif key == "sweep" and is_started:
            if not NAME.fullmatch(str(value)):
                problems.append(f"sweep={value}: must be a name of letters, digits and _ . -")
        elif key in GROUPS and str(value) not in names(key):
            problems.append(near_miss(key, str(value), names(key)))
    return problems


def top_level() -> list[str]:
    """The keys of ``conf/settings.yaml``."""
    content = read_yaml(CONF / "settings.yaml")
    return [*(key for key in content if key != "defaults"), *GROUPS]
