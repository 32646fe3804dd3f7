"""One command line: its overrides, the sweep they name, and everything composed once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from hydra.core.override_parser.types import Override

from sweeps.asked import APART, STARTED, asked, check_place, check_settings, is_grid
from sweeps.cell import Choice
from sweeps.cluster.resources import OWN
from sweeps.compose import Value, composed
from sweeps.errors import UserError
from sweeps.frozen import Plan
from sweeps.grid import Sweep
from sweeps.overrides import CONF, read_yaml, settings
from sweeps.plan import cells_of, plan
from sweeps.settings import Settings, defaults


class Request:
    """What a person asked for.

    Args:
        overrides: the parsed command line; those of the axes win over the sweep's file.
        verbs: what ``do`` may be.
        before: override lines given before them: the user's own file.

    Attributes:
        key: what ``key=`` says, as it was typed (digits and an e are no number here).

    Raises:
        UserError: everything that is wrong with the overrides, at once.
    """

    def __init__(
        self, overrides: Sequence[Override], verbs: Sequence[str], before: Sequence[str] = ()
    ) -> None:
        rest = [o for o in overrides if not is_grid(o)]
        grid = [] if asked(rest, "do") in (*STARTED, *APART) else filter(is_grid, overrides)
        problems = [*check_settings(rest, verbs), *check_place(overrides, verbs)]
        try:
            self._grid = settings(grid)
        except UserError as error:
            problems.append(str(error))
        if problems:
            raise UserError("\n".join(problems))
        self._sweep = asked(rest, "sweep")
        own = [str(o.input_line) for o in rest if o.key_or_group != "sweep"]
        self._lines = [*before, *own]
        keys = [str(o.input_line) for o in rest if o.key_or_group == "key"]
        self.key = keys[-1].partition("=")[2].strip("'\"") if keys else ""
        self._given = {o.key_or_group for o in rest}
        self._settings: Settings | None = None

    @property
    def settings(self) -> Settings:
        if self._settings is None:
            self._resolve(())
        assert self._settings is not None
        return self._settings

    @property
    def sweep(self) -> str:
        """The sweep's name.

        Raises:
            UserError: none was given.
        """
        if self._sweep is None:
            raise UserError("this needs a sweep; for example sweep=demo")
        return self._sweep

    def plan(self) -> Plan:
        """The sweep's plan from its file; settings are composed on the way."""
        content = read_yaml(CONF / "sweep" / f"{self.sweep}.yaml")
        made = plan(Sweep.parse(self.sweep, content, self._grid), defaults(), self._resolve)
        return self.yielding(made)

    def yielding(self, plan: Plan) -> Plan:
        """The plan without the resources that the command line gives itself: it wins."""
        free = [name for name in OWN if f"cluster.{name}" not in self._given]
        left = {
            key: {name: own[name] for name in free if name in own}
            for key, own in plan.resources.items()
        }
        return replace(plan, resources={key: own for key, own in left.items() if own})

    def check_cells(self) -> None:
        """Look at the cells that the overrides alone describe, before Hydra's app starts.

        Raises:
            UserError: a value that does not exist or cannot be, or a sweep was named.
        """
        if self._sweep is not None:
            raise UserError(
                f"one cell belongs to no sweep; start sweep '{self._sweep}' with do=sweep"
            )
        cells_of(Sweep("command line", "", (tuple(self._grid),), (), ()), defaults(), self._resolve)

    def _resolve(self, values: Iterable[Value]) -> dict[Value, Choice]:
        config, choices = composed(self._lines, values)
        self._settings = Settings.of(config)
        return choices
