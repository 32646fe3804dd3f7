"""A sweep, resolved and frozen: from here on no file of ``conf/`` changes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sweeps.cell import AXES, SCHEMA, Cell, Choice
from sweeps.published import EPOCHS, MOST_DECIMALS, Published
from sweeps.sound import is_mapping, is_share


@dataclass(frozen=True)
class Plan:
    """A sweep, resolved: the cells to run, and the pairs that cannot work with the reason.

    ``cells`` holds every dense parent before its children; ``resources`` what a cell's block asks
    of a cluster (options of ``conf/cluster/slurm.yaml``), by key, where it asks anything;
    ``published`` what papers print for some of the cells.
    """

    sweep: str
    about: str
    cells: tuple[Cell, ...]
    inapplicable: tuple[tuple[Cell, str], ...] = ()
    resources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    published: tuple[Published, ...] = ()

    def json(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "sweep": self.sweep,
            "about": self.about,
            "cells": [cell.json() for cell in self.cells],
            "inapplicable": [[cell.json(), reason] for cell, reason in self.inapplicable],
            "resources": {key: dict(own) for key, own in self.resources.items()},
            "published": [one.json() for one in self.published],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Plan:
        """The plan that ``json`` wrote.

        Raises:
            LookupError, TypeError, ValueError, AttributeError: it is none.
        """
        known: dict[bytes, Choice] = {}
        found = cls(
            sweep=data["sweep"],
            about=data["about"],
            cells=tuple(Cell.from_json(one, known) for one in data["cells"]),
            inapplicable=tuple(
                (Cell.from_json(one, known), reason) for one, reason in data["inapplicable"]
            ),
            resources=data.get("resources", {}),
            published=tuple(map(Published.from_json, data.get("published", []))),
        )
        if why := _problem(found):
            raise ValueError(why)
        return found


def _problem(plan: Plan) -> str:
    """What is wrong with a plan, empty if nothing; a cell without a key cannot be one."""
    texts: list[object] = [plan.sweep, plan.about, *(reason for _, reason in plan.inapplicable)]
    texts += [text for one in plan.published for text in (one.source, one.params, one.note)]
    for text in texts:
        if not isinstance(text, str):
            return f"{text!r} stands where a text must be"
    for cell in (*plan.cells, *(cell for cell, _ in plan.inapplicable)):
        names = [getattr(cell, axis).name for axis in AXES]
        is_whole = all(one.key for one in (cell, cell.parent) if one)
        if not (is_whole and type(cell.seed) is int and all(isinstance(n, str) for n in names)):
            return f"{[*names, cell.seed]} are no names of variants and a seed"
    if not all(map(is_mapping, plan.resources.values())):
        return "resources of a cell must be keys and values"
    for one in plan.published:
        if not is_share(one.accuracy) or one.epoch not in EPOCHS:
            return f"published accuracy {one.accuracy!r} of epoch {one.epoch!r} is no result"
        if type(one.decimals) is not int or not 0 <= one.decimals <= MOST_DECIMALS:
            return f"published accuracy of {one.decimals!r} decimals is no number"
    return ""
