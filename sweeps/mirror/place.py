"""Where in W&B runs go: the names of an entity and a project, and which of them W&B takes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sweeps.errors import UserError

PROJECT = "triptych"
FORBIDDEN = "/\\#?%:"
"""Characters that no name of an entity or a project has."""
LONGEST = 128


def wrong_name(name: str) -> str:
    """Why W&B takes no entity or project of that name; empty if it does."""
    if len(name) > LONGEST:
        return f"must have at most {LONGEST} characters"
    if any(one in name for one in FORBIDDEN):
        return f"must have none of {' '.join(FORBIDDEN)}"
    return ""


@dataclass(frozen=True)
class Place:
    """Where runs go; an entity of None is the account's own."""

    entity: str | None
    project: str

    @classmethod
    def of(cls, wandb: Mapping[str, Any]) -> Place:
        """The settings' place; WANDB_ENTITY and WANDB_PROJECT win.

        Raises:
            UserError: there can be no such place.
        """
        entity = _asked("entity", wandb)
        return cls(entity, _asked("project", wandb) or PROJECT)

    def __str__(self) -> str:
        return f"{self.entity or '<own account>'}/{self.project}"


def _asked(part: str, wandb: Mapping[str, Any]) -> str | None:
    variable = f"WANDB_{part.upper()}"
    given = os.environ.get(variable)
    name = given or wandb.get(part)
    if why := wrong_name(name or ""):
        raise UserError(f"{variable if given else f'wandb.{part}'}={name}: {why}")
    return name
