"""What a cell is called in a report: its axes' names, and the options that tell it from others."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sweeps.cell import Cell

PARTS = ("data", "recipe", "backbone", "attention", "pruning", "refit")
"""A cell's axes in the order of a report. Data and recipe are the protocol that all rows of a
table share; the refit, or the training of the supernet of a search, is a part of its own."""


@dataclass(frozen=True)
class Name:
    """One value of one part.

    Args:
        name: the variant's name.
        options: those of its options that vary inside the sweep, as ``key=value ...``.
        setup: all of its options, as pairs of key and value.
        rank: its place in the order of a report; the neutral value ``none`` comes first.
    """

    name: str
    options: str
    setup: tuple[tuple[str, str], ...]
    rank: int

    def __str__(self) -> str:
        return f"{self.name} {self.options}".rstrip()


def name_cells(cells: Iterable[Cell]) -> list[dict[str, Name]]:
    """Name every part of every cell, as they are called within one sweep."""
    identities: list[dict[str, str]] = []
    known: dict[tuple[str, str], tuple[str, dict[str, Any]]] = {}
    texts: dict[str, str] = {}
    for cell in cells:
        parts = _parts(cell)
        identity = {part: _identity(parts[part], texts) for part in PARTS}
        for part, text in identity.items():
            if (part, text) not in known:
                known[part, text] = (parts[part]["name"], flat(parts[part]["options"]))
        identities.append(identity)
    names = _names(_spelled(known))
    return [{part: names[part, text] for part, text in one.items()} for one in identities]


def _identity(choice: Mapping[str, Any], texts: dict[str, str]) -> str:
    """The same text for equal options; ``texts`` has those that were made before."""
    spelled = repr(choice)
    if spelled not in texts:
        texts[spelled] = json.dumps(choice, sort_keys=True)
    return texts[spelled]


def flat(options: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested options as ``{dotted path: value}``; options that are not set are left out."""
    found: dict[str, Any] = {}
    for key, value in options.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{key}.")
        elif value is not None:
            found[f"{prefix}{key}"] = value
    return found


def _spelled(
    known: Mapping[tuple[str, str], tuple[str, Mapping[str, Any]]],
) -> dict[tuple[str, str], tuple[str, dict[str, str]]]:
    """The same with values as text; a text that reads as another's number has quotes."""
    taken = {
        (part, name, path, _plain(value))
        for (part, _), (name, options) in known.items()
        for path, value in options.items()
        if not isinstance(value, str)
    }

    def text(value: Any, *place: str) -> str:
        is_taken = isinstance(value, str) and (*place, value) in taken
        return json.dumps(value) if is_taken else _plain(value)

    return {
        (part, one): (name, {path: text(value, part, name, path) for path, value in o.items()})
        for (part, one), (name, o) in known.items()
    }


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _parts(cell: Cell) -> dict[str, Any]:
    parts = cell.json()
    recipe = parts["recipe"]
    phases = {phase: recipe["options"].pop(phase, None) for phase in ("refit", "supernet")}
    name = "none" if cell.is_dense else recipe["name"]
    if cell.is_search:  # the name tells it from a refit, whose options are others
        name = f"supernet of {name}"
    return parts | {"refit": {"name": name, "options": phases}}


def _names(known: Mapping[tuple[str, str], tuple[str, dict[str, str]]]) -> dict[Any, Name]:
    values: dict[tuple[str, str], dict[str, set[str | None]]] = {}
    for name in {(part, name) for (part, _), (name, _) in known.items()}:
        same = [o for (part, _), (n, o) in known.items() if (part, n) == name]
        values[name] = {path: {o.get(path) for o in same} for o in same for path in o}
    return {
        (part, text): Name(
            name,
            _text({k: v for k, v in options.items() if _tells(k, v, values[part, name][k])}),
            tuple(options.items()),
            rank if name != "none" else rank - len(known),
        )
        for rank, ((part, text), (name, options)) in enumerate(known.items())
    }


def _tells(key: str, value: str, values: set[str | None]) -> bool:
    """Whether an option tells a value from others; that all blocks are plugged goes unsaid."""
    return len(values) > 1 and (key, value) != ("connect", "all")


def _text(options: Mapping[str, str]) -> str:
    return " ".join(f"{key}={value}" for key, value in options.items())
