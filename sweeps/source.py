"""Where a report takes a sweep from: the ledger on disk, or its mirror in W&B."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Protocol

from sweeps.curves import Curves
from sweeps.frozen import Plan
from sweeps.ledger import Ledger
from sweeps.mirror.place import FORBIDDEN
from sweeps.record import Record

LEDGER = "ledger"
NAME = f"([^{re.escape(FORBIDDEN)}]+)"
ADDRESS = re.compile(f"wandb://{NAME}/{NAME}/?")


class Source(Protocol):
    """A sweep's plan and what became of its cells."""

    @property
    def name(self) -> str:
        """Where it is, for messages."""

    def plan(self, sweep: str) -> Plan:
        """Raises UserError: the sweep is not there."""

    def record(self, key: str) -> Record | None:
        """A cell's record, None if there is none; UserError: it cannot be trusted."""

    def curves(self, key: str) -> Curves:
        """A cell's training curves; empty if there are none."""

    def analysis(self, key: str, name: str) -> Mapping[str, Any] | None:
        """What an analysis of the cell found, None if that is not here."""


def problems(source: object) -> list[str]:
    """What is wrong with the setting ``source``."""
    if isinstance(source, str) and (source == LEDGER or ADDRESS.fullmatch(source)):
        return []
    return [f"source={source}: must be {LEDGER} or wandb://<entity>/<project>"]


def source_of(address: str, ledger: Ledger, sweep: str) -> Source:
    """The source that the setting ``source`` names.

    Raises:
        UserError: W&B cannot be read, or has nothing of the sweep.
    """
    found = ADDRESS.fullmatch(address)
    if not found:
        return ledger
    from sweeps.mirror.source import WandbSource

    return WandbSource.read(found[1], found[2], sweep)
