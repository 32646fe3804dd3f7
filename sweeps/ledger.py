"""The ledger: a folder of cells and the frozen plans of sweeps. What it says is true."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sweeps.cell import SCHEMA
from sweeps.curves import Curves, curves
from sweeps.errors import MALFORMED, UserError, near_miss
from sweeps.frozen import Plan
from sweeps.record import (
    Damaged,
    Record,
    RunPaths,
    read_history,
    read_record,
    write_atomically,
)


@dataclass(frozen=True)
class Ledger:
    """The runs below one folder."""

    root: Path

    def paths(self, key: str) -> RunPaths:
        return RunPaths(self.root, key)

    def record(self, key: str) -> Record | None:
        """A cell's record, None if there is none; raises as ``read_record``."""
        return read_record(self.paths(key))

    @property
    def name(self) -> str:
        return f"ledger {self.root}"

    def curves(self, key: str) -> Curves:
        """A cell's training curves; empty if there are none."""
        try:
            return curves(read_history(self.paths(key)))
        except (LookupError, TypeError, ValueError):
            return {}

    def analysis(self, key: str, name: str) -> Mapping[str, Any] | None:
        """What an analysis of the cell found, None if it is not there or cannot be read."""
        try:
            content = json.loads(self.paths(key).analysis(name).read_bytes())
        except (OSError, ValueError):
            return None
        return content if isinstance(content, dict) and "found" in content else None

    def sound_record(self, key: str) -> Record | None:
        """The same, but None also if it is damaged: then it will be made again."""
        try:
            return self.record(key)
        except Damaged:
            return None

    def begun(self) -> frozenset[str]:
        """Keys of the cells that have a folder: of all others nothing is known."""
        try:
            return frozenset(os.listdir(self.root))
        except FileNotFoundError:
            return frozenset()

    def set_aside(self, key: str) -> None:
        """Keep a failed record under another name, so that its cell is open again; nothing happens
        if another process did so meanwhile, or has finished the cell."""
        paths, record = self.paths(key), self.sound_record(key)
        if record and record["status"] == "failed":
            with suppress(FileNotFoundError):
                paths.set_aside(paths.record, "failed")

    def check(self) -> None:
        """Refuse a folder that another version of the format wrote.

        Raises:
            UserError: its schema is not ours.
        """
        try:
            schema = json.loads((self.root / "ledger.json").read_bytes())["schema"]
        except FileNotFoundError:
            return
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise UserError(f"cannot read {self.root / 'ledger.json'} ({error})") from None
        if schema != SCHEMA:
            raise UserError(_other_schema(self.root, schema))

    def prepare(self) -> None:
        """Make the folder ready to be written.

        Raises:
            UserError: it cannot be written, or its schema is not ours.
        """
        self.check()
        try:
            content = json.dumps({"schema": SCHEMA}).encode()
            write_atomically(self.root / "ledger.json", content)
        except OSError as error:
            raise UserError(
                f"cannot write to ledger {self.root} ({error.strerror}); "
                "choose a folder you can write with ledger=..., or free space there"
            ) from None

    @cached_property
    def plans(self) -> Path:
        return self.root / "sweeps"

    def freeze(self, plan: Plan) -> None:
        """Keep the plan: from here on its cells no longer depend on any file of conf/.

        Raises:
            UserError: it cannot be written.
        """
        path = self.plans / f"{plan.sweep}.json"
        try:
            write_atomically(path, json.dumps(plan.json()).encode())
        except OSError as error:
            raise UserError(
                f"cannot write plan {path} ({error.strerror}); free space there or take away what "
                "is in its place, or choose another ledger with ledger=..."
            ) from None

    def plan(self, sweep: str) -> Plan:
        """The plan that was frozen when the sweep was last started.

        Raises:
            UserError: it was never started in this ledger, or the file is no plan of it.
        """
        path = self.plans / f"{sweep}.json"
        try:
            found = self._read(path)
        except FileNotFoundError:
            raise UserError(self._not_started(sweep)) from None
        except OSError as error:
            raise UserError(
                f"plan {path} cannot be read ({error.strerror}); take it away, or choose another "
                "sweep or ledger=..."
            ) from None
        except MALFORMED as error:
            why = f"it lacks {error}" if isinstance(error, KeyError) else error
            raise UserError(
                f"plan {path} is damaged ({why}); sweep again to write it anew"
            ) from None
        if found.sweep != sweep:
            raise UserError(
                f"plan {path} is that of sweep '{found.sweep}', not of '{sweep}'; give the file "
                "its own name again, or take it away"
            )
        return found

    def _read(self, path: Path) -> Plan:
        data = json.loads(path.read_bytes())
        if not isinstance(data, dict) or not isinstance(data["schema"], int):
            raise TypeError("it is no section with a whole number as schema")
        if data["schema"] != SCHEMA:
            raise UserError(_other_schema(self.root, data["schema"]))
        return Plan.from_json(data)

    def _not_started(self, sweep: str) -> str:
        from sweeps.overrides import CONF

        known = [path.stem for path in self.plans.glob("*.json")]
        said = near_miss("started sweep", sweep, known)
        if (CONF / "sweep" / f"{sweep}.yaml").exists():
            return f"{said}. Start it in ledger {self.root} with: make sweep SWEEP={sweep}"
        return f"{said} (in ledger {self.root})"


def _other_schema(root: Path, schema: object) -> str:
    return (
        f"ledger {root} was made with schema {schema!r}, this version reads {SCHEMA}; "
        "choose another folder with ledger=..., or use the version that made it"
    )
