"""Numbers that papers print, to stand beside ours: entries of a sweep file, kept with its plan.

    published:
      - match: {data: cifar100, data.val_fraction: 0, backbone: preresnet164,
                recipe: preresnet164, attention: dia}
        accuracy: "78.20"       top-1 in percent, as printed; yaml drops a last 0 without quotes
        epoch: best             best or last test epoch, or unknown
        n: 5                    runs it is the mean of, if the source says so
        params: 1.95 M          as printed; or a whole number
        source: README of gbup-group/DIANet
        note: two GPUs          anything that the reader must know

``match`` describes one network as a command line would: what it does not set has its default, and
no attention or pruning where none is named. Data, backbone and recipe must stand there, so that a
number never stands beside a network that was trained in another way.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sweeps.cell import AXES
from sweeps.errors import UserError, near_miss

EPOCHS = ("best", "last", "unknown")
PINNED = ("data", "backbone", "recipe")
ENTRIES = ("match", "accuracy", "epoch", "n", "params", "source", "note")
UNITS = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}
USUAL_DECIMALS, MOST_DECIMALS = 2, 6
"""Of a percentage, behind its point."""
PERCENT = re.compile(rf"\d+(\.\d{{1,{MOST_DECIMALS}}})?")
PARAMS = re.compile(r"(\d+(?:\.(\d+))?) ?([kMG]?)")


@dataclass(frozen=True)
class Published:
    """A number that somebody printed.

    Args:
        accuracy: top-1 in [0, 1].
        epoch: which test epoch that is: best, last or unknown.
        source: where it is printed.
        n: number of runs it is the mean of; None is unknown.
        decimals: digits of the accuracy in percent behind its point, as printed.
        params: parameters as printed, a whole number or with a unit: 1.75 M.
        note: what the reader must know.
        keys: the cells that it stands beside.
    """

    accuracy: float
    epoch: str
    source: str
    n: int | None = None
    decimals: int = USUAL_DECIMALS
    params: str = ""
    note: str = ""
    keys: tuple[str, ...] = ()

    @classmethod
    def parse(cls, item: Mapping[str, Any]) -> Published:
        """An entry of a sweep file, its match left out.

        Raises:
            UserError: everything that is wrong with it, at once.
        """
        if problems := [*_problems(item)]:
            raise UserError("\n".join(problems))
        accuracy = str(item["accuracy"])
        return cls(
            accuracy=round(float(accuracy) / 100, 8),
            epoch=item["epoch"],
            source=item["source"],
            n=item.get("n"),
            decimals=len(accuracy.partition(".")[2]),
            params=str(item.get("params") or ""),
            note=item.get("note") or "",
        )

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Published:
        return cls(**{**data, "keys": tuple(data["keys"])})

    def json(self) -> dict[str, Any]:
        found = asdict(self)
        if self.decimals == USUAL_DECIMALS:
            del found["decimals"]  # as plans were before they kept it
        return found

    @property
    def percent(self) -> str:
        """The accuracy in percent with the digits that were printed."""
        return f"{100 * self.accuracy:.{self.decimals}f}"

    @property
    def params_count(self) -> float | None:
        """The parameters as a number."""
        found = PARAMS.fullmatch(self.params)
        return float(found[1]) * UNITS[found[3]] if found else None

    def differs(self, params: float) -> bool:
        """Whether a network has other parameters, beyond the digits that were printed."""
        found = PARAMS.fullmatch(self.params)
        if not found:
            return False
        last = UNITS[found[3]] / 10 ** len(found[2] or "")
        return bool(abs(float(found[1]) * UNITS[found[3]] - params) > 0.5 * last * (1 + 1e-9))


def check_match(match: Any) -> None:
    """Look whether an entry says which network it is about.

    Raises:
        UserError: an unknown axis, or data, backbone or recipe are not named.
    """
    if not isinstance(match, Mapping):
        raise UserError(f"a published number has a match, axis or axis.option: value; came {match}")
    for key in match:
        if key.partition(".")[0] not in AXES:
            raise UserError(near_miss("axis", key, AXES))
    if missing := [axis for axis in PINNED if axis not in match]:
        came = ", ".join(f"{key}: {value}" for key, value in match.items()) or "nothing"
        raise UserError(
            f"a published number belongs to one data set, one backbone and one recipe, match must "
            f"name each: {', '.join(missing)} is missing, came {came}"
        )


def _problems(item: Mapping[str, Any]) -> list[str]:
    found = [near_miss("entry", key, ENTRIES) for key in item if key not in ENTRIES]
    accuracy, n, params = item.get("accuracy"), item.get("n"), item.get("params")
    percent = PERCENT.fullmatch(str(accuracy))
    if not percent or not 1 < float(percent[0]) <= 100:
        limits = f"above 1 up to 100, of at most {MOST_DECIMALS} decimals"
        found.append(f"accuracy is in percent, {limits}; came {accuracy}")
    if item.get("epoch") not in EPOCHS:
        found.append(f"epoch is {', '.join(EPOCHS)}; came {item.get('epoch')}")
    if n is not None and not (isinstance(n, int) and n > 0):
        found.append(f"n is a whole number from 1; came {n}")
    if params is not None and not PARAMS.fullmatch(str(params)):
        found.append(f"params is a whole number or has a unit, as in 1.75 M; came {params}")
    if not isinstance(item.get("source"), str) or not item["source"]:
        found.append(f"source says where it is printed; came {item.get('source')}")
    return found
