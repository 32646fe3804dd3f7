"""A sweep whose dashboard is made, and the file that it may be written to."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from sweeps.frozen import Plan
from sweeps.ledger import Ledger
from sweeps.mirror.dashboard import FILE
from sweeps.settings import Settings

PLAN = Plan("small", "a test", ())


def settings(folder: Path, **changes: Any) -> Settings:
    made = Settings(
        do="dashboard",
        format="text",
        ledger=Ledger(folder / "runs"),
        results=folder / "results",
        datasets=folder,
        tracking="wandb",
        wandb={"entity": None, "project": "triptych"},
        trainer={},
        cluster={},
    )
    return replace(made, **changes)


def written(folder: Path) -> list[dict[str, Any]]:
    content = json.loads((folder / "results" / "small" / FILE).read_bytes())
    return list(content["views"])
