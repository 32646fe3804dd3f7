"""A sweep's plan as a W&B run of its own: without it nobody could tell what is missing.

The run has ``id = sweep-<name>``, job type ``plan``, and the plan in its config as one text, every
choice of an axis once: 5,000 cells are about 200 kB.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sweeps.cell import AXES, SCHEMA, Cell, Choice
from sweeps.errors import UserError
from sweeps.frozen import Plan
from sweeps.mirror.entry import short
from sweeps.published import Published

JOB_TYPE = "plan"


def plan_id(sweep: str) -> str:
    """The id of the run that holds a sweep's plan."""
    return short(f"sweep-{sweep}")


def plan_config(plan: Plan) -> dict[str, Any]:
    """The config of the plan's run."""
    return {"sweep": plan.sweep, "about": plan.about, "schema": SCHEMA, "plan": _text(plan)}


def plan_of(config: Mapping[str, Any]) -> Plan:
    """The plan that a config was made of, without the resources of a cluster.

    Raises:
        UserError: it is of another schema.
        LookupError, TypeError, ValueError: it is none.
    """
    if config["schema"] != SCHEMA:
        raise UserError(
            f"the plan of sweep '{config['sweep']}' in W&B has schema {config['schema']}, this "
            f"version reads {SCHEMA}; use the version that published it, or publish it anew"
        )
    data = json.loads(config["plan"])
    choices = {
        axis: [Choice(one["name"], one["options"]) for one in data["choices"][axis]]
        for axis in AXES
    }

    def cell(places: Sequence[int]) -> Cell:
        *found, seed = places
        axes = {axis: choices[axis][n] for axis, n in zip(AXES, found, strict=True)}
        return Cell(**axes, seed=seed)

    return Plan(
        sweep=config["sweep"],
        about=config["about"],
        cells=tuple(map(cell, data["cells"])),
        inapplicable=tuple((cell(places), data["reasons"][n]) for places, n in data["impossible"]),
        published=tuple(map(Published.from_json, data["published"])),
    )


def _text(plan: Plan) -> str:
    choices: dict[str, dict[str, int]] = {axis: {} for axis in AXES}
    reasons: dict[str, int] = {}

    def places(cell: Cell) -> list[int]:
        parts = cell.json()
        texts = ((choices[axis], json.dumps(parts[axis])) for axis in AXES)
        return [*(known.setdefault(text, len(known)) for known, text in texts), cell.seed]

    cells = [places(cell) for cell in plan.cells]
    impossible = [
        [places(cell), reasons.setdefault(reason, len(reasons))]
        for cell, reason in plan.inapplicable
    ]
    data = {
        "choices": {axis: [json.loads(text) for text in choices[axis]] for axis in AXES},
        "cells": cells,
        "impossible": impossible,
        "reasons": list(reasons),
        "published": [one.json() for one in plan.published],
    }
    return json.dumps(data, separators=(",", ":"))
