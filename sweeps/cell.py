"""A cell: one fully resolved point of the grid, frozen, with a key that names it everywhere."""

from __future__ import annotations

import hashlib
import json
import marshal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

SCHEMA = 1
"""Version of the ledger's format; part of every key, so that formats never mix."""

AXES = ("data", "backbone", "attention", "pruning", "recipe")
TESTED = "test_each_epoch"
"""The recipe's option to record more of a training, which is the same with it and without."""


@dataclass(frozen=True)
class Choice:
    """One value of an axis: a variant's name and all its resolved options."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        return {"name": self.name, "options": dict(self.options)}

    @classmethod
    def from_json(cls, data: Any, known: dict[bytes, Choice]) -> Choice:
        """The choice that ``json`` wrote: the same object where the same was read before."""
        content = marshal.dumps(data, 2)
        if content not in known:
            known[content] = cls(data["name"], data["options"])
        return known[content]

    @cached_property
    def text(self) -> str:
        """The one way to write the choice as JSON; thousands of cells share few choices."""
        return json.dumps(self.json(), sort_keys=True, separators=(",", ":"))

    def without(self, names: tuple[str, ...]) -> Choice:
        """The choice without some of its options; the same object each time it is asked."""
        if names not in self._less:
            kept = {name: value for name, value in self.options.items() if name not in names}
            self._less[names] = replace(self, options=kept)
        return self._less[names]

    @cached_property
    def _less(self) -> dict[tuple[str, ...], Choice]:
        return {}

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
        """The cell as plain data; what does not change the run is left out."""
        return {axis: one.json() for axis, one in self._effective().items()} | {"seed": self.seed}

    def _effective(self) -> dict[str, Choice]:
        """The choices so far as they change the run.

        A dense cell has no refit, so that all pruned cells share it whatever their refit; a search
        trains what it found from scratch, by the recipe itself.
        """
        choices: dict[str, Choice] = {axis: getattr(self, axis) for axis in AXES}
        choices["recipe"] = self.recipe.without(tuple(self._idle(self.recipe.options)))
        if self.is_dense:
            choices["pruning"] = DENSE
        return choices

    def _idle(self, recipe: Mapping[str, Any]) -> Iterator[str]:
        """The parts of the recipe that mean nothing for this cell."""
        if self.is_dense or self.is_search:
            yield "refit"
        if not self.is_search:
            yield "supernet"
        if recipe.get("optimizer") != "altersgd":
            yield "alter"
        if recipe.get("noise", {}).get("kind") == "none":
            yield "noise"
        if not recipe.get(TESTED):
            yield TESTED

    @classmethod
    def from_json(cls, data: Mapping[str, Any], known: dict[bytes, Choice] | None = None) -> Cell:
        """The cell that ``json`` wrote; those that are read with one ``known`` share choices."""
        known = {} if known is None else known
        axes = {axis: Choice.from_json(data[axis], known) for axis in AXES}
        return cls(**axes, seed=data["seed"])

    @property
    def is_dense(self) -> bool:
        """Whether the pruning axis has its neutral value."""
        return self.pruning.name == DENSE.name

    @cached_property
    def key(self) -> str:
        """12 hex digits of the sha256 over the canonical JSON of every resolved option."""
        parts = {axis: one.text for axis, one in self._effective().items()}
        parts |= {"schema": str(SCHEMA), "seed": str(self.seed)}
        text = ",".join(f'"{name}":{value}' for name, value in sorted(parts.items()))
        return hashlib.sha256(f"{{{text}}}".encode()).hexdigest()[:12]

    @property
    def is_search(self) -> bool:
        """Whether the pruning looks for blocks to unplug, on a network trained for that."""
        return "supernet" in self.pruning.options

    @property
    def is_supernet(self) -> bool:
        """Whether connection schemes are drawn anew for every batch, to be searched afterwards."""
        return self.attention.options.get("connect") == "random"

    @property
    def kind(self) -> str:
        """What the run is: dense, supernet, search or pruned."""
        if self.is_dense:
            return "supernet" if self.is_supernet else "dense"
        return "search" if self.is_search else "pruned"

    @cached_property
    def untested(self) -> Cell:
        """The cell with the same training whose epochs are not tested; itself if they are not."""
        if not self.recipe.options.get(TESTED):
            return self
        return replace(self, recipe=self.recipe.without((TESTED,)))

    @cached_property
    def parent(self) -> Cell | None:
        """The dense cell whose weights this one starts from; None if it is one itself.

        That of a search is its supernet: one cell for all searches on it. It is in no table, so
        that its epochs are not tested.
        """
        if self.is_dense:
            return None
        dense = replace(self, pruning=DENSE)
        if self.is_search and self.pruning.options["supernet"] == "random":
            attention = {**self.attention.options, "connect": "random"}
            options = self.untested.recipe.options
            recipe = {**options, **options["supernet"]}
            dense = replace(
                dense,
                attention=replace(self.attention, options=attention),
                recipe=replace(self.recipe, options=recipe),
            )
        return dense

    def __str__(self) -> str:
        names = " ".join(getattr(self, axis).name for axis in AXES)
        return f"{names} seed={self.seed}"
