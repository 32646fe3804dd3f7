"""A cell: one fully resolved point of the grid, frozen, with a key that names it everywhere."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

SCHEMA = 1
"""Version of the ledger's format; part of every key, so that formats never mix."""

AXES = ("data", "backbone", "attention", "pruning", "recipe")


@dataclass(frozen=True)
class Choice:
    """One value of an axis: a variant's name and all its resolved options."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        return {"name": self.name, "options": dict(self.options)}

    def __str__(self) -> str:
        return self.name


DENSE = Choice("none")
"""The pruning axis' neutral value: nothing is removed."""


@dataclass(frozen=True)
class Cell:
    """One training run: what is trained, on what, how, and from which seed."""

    data: Choice
    backbone: Choice
    attention: Choice
    pruning: Choice
    recipe: Choice
    seed: int

    def json(self) -> dict[str, Any]:
        """The cell as plain data; what does not change the run is left out.

        A dense cell has no refit, so that all pruned cells share it whatever their refit.
        """
        axes = {axis: getattr(self, axis).json() for axis in AXES}
        if self.is_dense:
            axes["pruning"]["options"] = {}
            axes["recipe"]["options"].pop("refit", None)
        return {**axes, "seed": self.seed}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Cell:
        axes = {axis: Choice(data[axis]["name"], data[axis]["options"]) for axis in AXES}
        return cls(**axes, seed=data["seed"])

    @property
    def is_dense(self) -> bool:
        return self.pruning.name == DENSE.name

    @cached_property
    def key(self) -> str:
        """12 hex digits of the sha256 over the canonical JSON of every resolved option."""
        text = json.dumps({"schema": SCHEMA, **self.json()}, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @cached_property
    def parent(self) -> Cell | None:
        """The dense cell whose weights this one starts from; None if it is one itself."""
        return None if self.is_dense else replace(self, pruning=DENSE)

    def __str__(self) -> str:
        names = " ".join(getattr(self, axis).name for axis in AXES)
        return f"{names} seed={self.seed}"
