"""The protocol of a row: under which data, recipe and images its numbers were made.

Numbers of two protocols are never compared: a table holds one, and whatever would put two side by
side asks here first.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from reports.gather import NO_ROW
from sweeps.cell import SCHEMA
from sweeps.errors import UserError

Setup = Mapping[str, str]
"""A protocol as flat texts: ``data``, ``data.<option>``, ``recipe``, ``recipe.<option>`` and
``data checksum``. An empty text is not known."""

SHOWN_DIGITS = 12
SHOWN_KEYS = 3


def stamped(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame of `reports.gather.gather` with the ``fingerprint`` of each protocol.

    A p and eight hex digits over the schema, all options of data and recipe (without refit and
    supernet, which name rows) and the checksum of the images, as the finished runs of the table
    saw them. Supernets, which are in no table, have none.

    Raises:
        UserError: finished runs of one table saw different images.
    """
    images = _images(frame)
    prints: dict[str, str] = {}
    columns = (frame[n].tolist() for n in ("protocol", "data_setup", "recipe_setup", "row"))
    for protocol, data, recipe, row in zip(*columns, strict=True):
        if row != NO_ROW and protocol not in prints:
            prints[protocol] = _fingerprint(data, recipe, images.get(protocol, ""))
    in_table = frame["row"] != NO_ROW
    return frame.assign(fingerprint=frame["protocol"].map(prints).where(in_table, ""))


def _fingerprint(data: Iterable[Any], recipe: Iterable[Any], images: str) -> str:
    content = {"schema": SCHEMA, "data": dict(data), "recipe": dict(recipe), "images": images}
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return f"p{digest[:8]}"  # no reader of a csv takes it for a number


def _images(frame: pd.DataFrame) -> dict[str, str]:
    """The checksum behind each table's finished runs, the supernets of its searches included."""
    tabled = frame[frame["row"] != NO_ROW]
    tables = dict(zip(tabled["start"], tabled["protocol"], strict=True))
    tables |= dict(zip(tabled["key"], tabled["protocol"], strict=True))
    done = frame[(frame["state"] == "done") & (frame["data_checksum"] != "")]
    found: dict[str, dict[str, list[str]]] = {}
    for key, checksum in zip(done["key"], done["data_checksum"], strict=True):
        if key in tables:
            found.setdefault(tables[key], {}).setdefault(checksum, []).append(key)
    for protocol, runs in found.items():
        _check_one_checksum(protocol, runs)
    return {protocol: next(iter(runs)) for protocol, runs in found.items()}


def _check_one_checksum(protocol: str, runs: Mapping[str, list[str]]) -> None:
    if len(runs) < 2:
        return
    said = [f"{_short(checksum)} ({_some(keys)})" for checksum, keys in runs.items()]
    raise UserError(
        f"finished runs of table '{protocol}' saw different images: data checksum "
        f"{' | '.join(said)}. Their numbers cannot be compared: move the folders of those on the "
        "wrong images out of the ledger and sweep again, or keep a ledger for each with ledger=..."
    )


def _some(keys: list[str]) -> str:
    more = ", ..." if len(keys) > SHOWN_KEYS else ""
    return f"{len(keys)} run{'s' * (len(keys) > 1)}: {', '.join(keys[:SHOWN_KEYS])}{more}"


def _short(checksum: str) -> str:
    return checksum[:SHOWN_DIGITS]


def difference(*setups: Setup) -> str:
    """How protocols differ: ``recipe.lr: 0.1 | 0.05; data.image_size: 8 | 32``.

    Every value stands there once, in the order in which it first comes. Nothing if they are equal.
    """
    names = dict.fromkeys(name for setup in setups for name in setup)
    found = {name: dict.fromkeys(setup.get(name, "not set") for setup in setups) for name in names}
    known = {name: [*filter(None, values)] for name, values in found.items()}
    return "; ".join(f"{name}: {' | '.join(v)}" for name, v in known.items() if len(v) > 1)


def setups(rows: pd.DataFrame) -> dict[str, Setup]:
    """Every protocol of rows of `reports.rows.aggregate`, by its title."""
    first: list[Any] = rows.drop_duplicates("protocol").to_dict("records")
    return {row["protocol"]: _setup(row) for row in first}


def _setup(row: Mapping[str, Any]) -> Setup:
    return {
        part if not option else f"{part}.{option}": text or "''"
        for part in ("data", "recipe")
        for option, text in (("", row[part]), *row[f"{part}_setup"])
    } | {"data checksum": _short(row["data_checksum"])}


def check_one_protocol(rows: pd.DataFrame, what: str) -> None:
    """Refuse what was made under several protocols.

    Args:
        rows: what would stand side by side: rows of `reports.rows.aggregate` or lines of the frame.
        what: would hold them, as in "table 'accuracy'", to begin the message with.

    Raises:
        UserError: there are several; says how they differ.
    """
    if rows["fingerprint"].nunique() > 1:
        found = setups(rows)
        raise UserError(
            f"{what} would mix {len(found)} protocols, whose numbers cannot be compared: "
            f"{' | '.join(found)}. They differ in {difference(*found.values())}. Choose one of them"
        )


def check_one_device(rows: pd.DataFrame, what: str) -> None:
    """Refuse latencies that were measured in several settings (device, threads, batch ..).

    Args:
        rows: as above; those without a latency do not count.
        what: as above.

    Raises:
        UserError: there are several; says which.
    """
    found = Counter(filter(None, rows["latency_setting"].fillna("")))
    if len(found) > 1:
        said = " | ".join(f"{setting} ({count} times)" for setting, count in found.most_common())
        raise UserError(
            f"{what} would mix latencies of {len(found)} settings, which cannot be compared: "
            f"{said}. Choose rows of one of them, or leave latency out"
        )
