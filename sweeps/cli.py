"""From the command line to what is asked: a verb on a sweep, or Hydra's own app for one cell."""

from __future__ import annotations

import gc
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf

from sweeps.cell import AXES, Cell
from sweeps.compose import choice, register
from sweeps.errors import UserError
from sweeps.overrides import CONF, parse
from sweeps.request import Request
from sweeps.settings import Settings
from sweeps.verbs import VERBS, show

CELL_VERBS = ("run", "cost")
WORDS = (*VERBS, *CELL_VERBS)


def command(arguments: Sequence[str]) -> int:
    """Do what the arguments ask and return the exit status.

    Raises:
        UserError: a mistake in them; nothing has been started.
    """
    overrides = parse(a for a in arguments if not a.startswith("-"))
    asked = [o.get_value_element_as_str() for o in overrides if o.key_or_group == "do"]
    verb = asked[-1] if asked else "run"
    if verb in VERBS:
        return VERBS[verb](Request(overrides, WORDS))
    Request(overrides, WORDS).check_cells()
    return _hydra_app()


def _hydra_app() -> int:
    import hydra

    gc.enable()
    register()
    failed: list[Cell] = []

    def job(config: DictConfig) -> None:
        _job(config, failed)

    hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")(job)()
    return 1 if failed else 0


def _job(config: DictConfig, failed: list[Cell]) -> None:
    """One job of Hydra's app; one that fails joins ``failed`` and the next goes on."""
    from hydra.core.hydra_config import HydraConfig

    from sweeps.single import CellFailed, cost_of, cost_text, run_cell

    content: Any = OmegaConf.to_container(config, resolve=True)
    try:
        settings = Settings.of(content)
        cell = cell_of(content, HydraConfig.get().runtime.choices)
        if settings.do == "cost":
            found = cost_of(cell, settings)
            show(settings, lambda: cost_text(cell, found), lambda: found)
        else:
            run_cell(cell, settings)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except CellFailed as failure:
        print(f"failed: {failure}", file=sys.stderr)
        failed.append(cell)


def cell_of(content: Mapping[str, Any], names: Mapping[str, Any]) -> Cell:
    """The cell that a full composition describes; ``names`` are the chosen variants by axis."""
    axes = {axis: choice(axis, str(names[axis]), content[axis] or {}) for axis in AXES}
    return Cell(**axes, seed=content["seed"])
