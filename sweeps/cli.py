"""From the command line to what is asked: a verb on a sweep, or Hydra's own app for one cell."""

from __future__ import annotations

import gc
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf

from sweeps.asked import asked
from sweeps.cell import AXES, Cell
from sweeps.compose import choice, register
from sweeps.errors import UserError
from sweeps.overrides import CONF, parse
from sweeps.request import Request
from sweeps.settings import Settings
from sweeps.user import user_lines
from sweeps.verbs import VERBS, show

CELL_VERBS = ("run", "cost")
WORDS = (*VERBS, *CELL_VERBS)
RUNNING = ("run", "sweep", "retry")
"""What runs cells, which leave checkpoints."""


def command(arguments: Sequence[str]) -> int:
    """Do what the arguments ask and return the exit status.

    Raises:
        UserError: a mistake in them; nothing has been started.
        KeyboardInterrupt: it was interrupted; with what a person may do next, if anything.
    """
    overrides = parse(a for a in arguments if not a.startswith("-"))
    verb = asked(overrides, "do") or "run"
    flags = [a for a in arguments if a.startswith("-")]
    if verb in VERBS and flags:
        raise UserError(
            f"{' '.join(flags)}: do={verb} takes key=value only, flags such as -m belong to "
            "single cells, without do=; leave them out"
        )
    before = user_lines(asked(overrides, "cluster"))
    request = Request(overrides, WORDS, before)
    try:
        if verb in VERBS:
            return VERBS[verb](request)
        request.check_cells()
        return _hydra_app(before)
    except KeyboardInterrupt:
        if verb not in RUNNING:
            raise
        raise KeyboardInterrupt("the same command goes on from the last checkpoint") from None


def _hydra_app(before: Sequence[str]) -> int:
    """Hydra's own app on the command line, with the overrides ``before`` in front of its own."""
    import hydra

    gc.enable()
    register()
    failed: list[Cell] = []
    stopped: list[OSError] = []

    def job(config: DictConfig) -> None:
        try:
            _job(config, failed)
        except OSError as error:  # Hydra would print it, and it may be that nothing can be printed
            stopped.append(error)
            raise SystemExit(2) from None

    at = next((n for n, a in enumerate(sys.argv) if n and not a.startswith("-")), len(sys.argv))
    sys.argv[at:at] = before  # the only way to hand Hydra's app its overrides
    try:
        hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")(job)()
    except SystemExit:
        if not stopped:
            raise
        raise stopped[0] from None
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
