"""A sweep file expanded: blocks of Hydra overrides become points of the grid.

    about:   one line
    common:  [overrides of every block]
    blocks:  [[overrides], ...]          each block is the product of its values
    when:    {axis=value: [overrides]}   coupled values: they apply where that value was chosen
    exclude: [{match: {axis: glob, axis.option: glob}, reason: text}]
    published: [{match: {axis: value}, accuracy: 76.67, ...}]   what papers print, see published.py

A later override of a key wins: common, then the block, then the command line. What ``when`` couples
gives way to what the block or the command line sets itself. ``cluster.gpus=4`` and the like are no
axis: they say what the block's cells get of a cluster.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import product
from typing import Any

from sweeps.cell import AXES, Cell
from sweeps.compose import Value
from sweeps.errors import UserError, near_miss
from sweeps.overrides import CLUSTER, Setting, parse, settings, value_of
from sweeps.quotation import Quotation

Texts = dict[str, str]
"""Override key -> override text, each a single value."""


@dataclass(frozen=True)
class Exclusion:
    """Cells that are left out on purpose, and why."""

    match: Mapping[str, str]
    reason: str

    def hits(self, cell: Cell) -> bool:
        return all(fnmatchcase(_text(cell, key), glob) for key, glob in self.match.items())


@dataclass(frozen=True)
class Point:
    """One point of the grid before its values are resolved; ``own`` are its resources as text."""

    values: tuple[Value, ...]
    seed: int
    own: tuple[tuple[str, str], ...] = ()

    @property
    def resources(self) -> dict[str, Any]:
        return {key: value_of(text) for key, text in self.own}


@dataclass(frozen=True)
class Sweep:
    """A parsed sweep file; ``is_changed``: the command line sets a part of the grid itself."""

    name: str
    about: str
    blocks: tuple[tuple[Setting, ...], ...]
    when: tuple[tuple[Setting, tuple[Setting, ...]], ...] = ()
    exclusions: tuple[Exclusion, ...] = ()
    published: tuple[Quotation, ...] = ()
    is_changed: bool = False

    @classmethod
    def parse(cls, name: str, content: Mapping[str, Any], extra: Sequence[Setting] = ()) -> Sweep:
        """Read a sweep's content; ``extra`` are overrides of the command line.

        Raises:
            UserError: unknown entries, names, options or ranges; all of them, one a line.
        """
        allowed = ("about", "common", "blocks", "when", "exclude", "published")
        for entry in content:
            if entry not in allowed:
                raise UserError(f"sweep '{name}': {near_miss('entry', entry, allowed)}")
        common = _lines(name, content.get("common"))
        blocks = [_lines(name, block) for block in content.get("blocks") or [[]]]
        try:
            return cls(
                name,
                str(content.get("about", "")),
                tuple((*_settings(common + block), *extra) for block in blocks),
                tuple(_coupling(name, item) for item in (content.get("when") or {}).items()),
                tuple(_exclusion(item) for item in content.get("exclude") or []),
                tuple(Quotation.parse(item) for item in content.get("published") or []),
                bool(extra),
            )
        except UserError as error:
            raise UserError(f"sweep '{name}': {error}") from None

    def points(self, defaults: Mapping[str, str]) -> list[Point]:
        """Every point once, in the order of the blocks.

        Raises:
            UserError: there is none, or a seed is no whole number.
        """
        found: dict[Point, None] = {}
        for block in self.blocks:
            for texts in self._coupled(_last(block)):
                found[_point({**defaults, **texts})] = None
        if not found:
            raise UserError(f"sweep '{self.name}' is empty: it has no block with a value")
        return list(found)

    def _coupled(self, block: Iterable[Setting]) -> Iterable[Texts]:
        for texts in _product(block):
            added: dict[str, Setting] = {}
            for condition, then in self.when:
                if texts.get(condition.key) in condition.texts:
                    added |= {s.key: s for s in then if s.key not in texts}
            for more in _product(added.values()):
                yield {**texts, **more}


def _lines(name: str, block: Any) -> list[str]:
    if block is None:
        return []
    if isinstance(block, str) or not all(isinstance(line, str) for line in block):
        raise UserError(f"sweep '{name}': a block is a list of overrides, came {block!r}")
    return list(block)


def _settings(lines: Iterable[str]) -> list[Setting]:
    return settings(parse(lines))


def _coupling(name: str, item: tuple[str, Any]) -> tuple[Setting, tuple[Setting, ...]]:
    condition, lines = item
    return _settings([condition])[0], tuple(_settings(_lines(name, lines)))


def _exclusion(item: Mapping[str, Any]) -> Exclusion:
    match, reason = item.get("match"), item.get("reason")
    if not match or not reason:
        raise UserError(f"an exclusion has a match and a reason, came {dict(item)}")
    for key in match:
        if key.partition(".")[0] not in (*AXES, "seed"):
            raise UserError(near_miss("axis", key, [*AXES, "seed"]))
    return Exclusion({key: str(glob) for key, glob in match.items()}, str(reason))


def _last(block: Iterable[Setting]) -> Iterable[Setting]:
    return {setting.key: setting for setting in block}.values()


def _product(block: Iterable[Setting]) -> Iterable[Texts]:
    block = list(block)
    keys = [setting.key for setting in block]
    for texts in product(*(setting.texts for setting in block)):
        yield dict(zip(keys, texts, strict=True))


def _point(texts: Mapping[str, str]) -> Point:
    seed = texts["seed"]
    if not seed.isdecimal():
        raise UserError(f"seed={seed}: must be a whole number from 0")
    own: dict[str, list[tuple[str, str]]] = {axis: [] for axis in (*AXES, CLUSTER)}
    for key, text in texts.items():
        axis, _, option = key.partition(".")
        if option:
            own[axis].append((option, text))
    values = tuple(Value(axis, texts[axis], tuple(sorted(own[axis]))) for axis in AXES)
    return Point(values, int(seed), tuple(own[CLUSTER]))


def _text(cell: Cell, key: str) -> str:
    axis, _, option = key.partition(".")
    if axis == "seed":
        return str(cell.seed)
    value = getattr(cell, axis)
    return str(value.options.get(option, "")) if option else str(value.name)
