"""A published number and the one network that it is about: which cells of a plan that are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sweeps.cell import AXES, DENSE, Cell, Choice
from sweeps.compose import Value
from sweeps.errors import UserError
from sweeps.overrides import check, text_of
from sweeps.published import Published, check_match

NEUTRAL = {"attention": "none", "pruning": DENSE.name}


@dataclass(frozen=True)
class Quotation:
    """What was printed, and the value of each axis that it was printed for."""

    values: tuple[Value, ...]
    printed: Published

    @classmethod
    def parse(cls, item: Any) -> Quotation:
        """Read an entry below ``published:``.

        Raises:
            UserError: it is not as ``sweeps.published`` says, or names a variant or an option
                that does not exist.
        """
        if not isinstance(item, Mapping):
            raise UserError(f"a published number has a match, an accuracy, ...; came {item!r}")
        match = item.get("match")
        check_match(match)
        assert isinstance(match, Mapping)
        values = tuple(_value(axis, match) for axis in AXES)
        problems = [p for v in values for p in check(v.axis, v.name, v.overrides)]
        if problems:
            raise UserError("\n".join(problems))
        return cls(values, Published.parse(item))

    def beside(self, cells: Iterable[Cell], choices: Mapping[Value, Choice]) -> Published:
        """The number with the keys of its cells among ``cells``; what a cell's key leaves out, as
        the refit of one that is not pruned, may differ, and whether each epoch is tested.

        Raises:
            UserError: there is none.
        """
        cells = list(cells)
        wanted = {value.axis: choices[value] for value in self.values}
        seeds = {cell.seed for cell in cells}
        of_seeds = {Cell(**wanted, seed=seed).untested.key for seed in seeds}
        keys = tuple(cell.key for cell in cells if cell.untested.key in of_seeds)
        if not keys:
            raise UserError(f"published {self}: {self._miss(cells, wanted)}")
        return replace(self.printed, keys=keys)

    def _miss(self, cells: Iterable[Cell], wanted: Mapping[str, Choice]) -> str:
        for value in self.values:
            known = {getattr(cell, value.axis).name for cell in cells}
            if value.name not in known:
                came = f"{value.axis}={value.name}"
                return f"no cell has {came}; the sweep has {', '.join(sorted(known))}"
        return (
            "no cell has all of these values; options that match does not set are those of the "
            "variant's file, so name those that the sweep sets"
        )

    def __str__(self) -> str:
        said = [f"{self.printed.percent} for"]
        for value in self.values:
            said += [f"{value.axis}={value.name}"]
            said += [f"{value.axis}.{option}={text}" for option, text in value.overrides]
        return " ".join(said)


def _value(axis: str, match: Mapping[str, Any]) -> Value:
    name = str(match.get(axis, NEUTRAL.get(axis)))
    own = {
        key.partition(".")[2]: value for key, value in match.items() if key.startswith(f"{axis}.")
    }
    return Value(axis, name, tuple(sorted((option, text_of(own[option])) for option in own)))
