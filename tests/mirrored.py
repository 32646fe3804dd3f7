"""The small ledger as W&B has it, and what a report from there says of its cells."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ledgers import small

from reports.document import Document
from sweeps.cell import Cell
from sweeps.ledger import Ledger
from sweeps.mirror.source import WandbSource
from tests.wandb_server.reading import fill
from tests.wandb_server.server import Server
from tests.wandb_server.store import Run as Stored

ADDRESS = "wandb://lab/triptych"
READING_IT = "W&B lab/triptych: reading sweep small\n"


@dataclass(frozen=True)
class Published:
    """The small ledger, and its runs as the server has them."""

    ledger: Ledger
    runs: dict[str, Stored]

    @classmethod
    def of(cls, server: Server, folder: Path) -> Published:
        ledger = small(folder)
        fill(server.store, ledger, "small")
        return cls(ledger, server.store.project("lab", "triptych"))

    def run(self, one: Cell) -> Stored:
        return self.runs[one.key]


def sweep(name: str = "small") -> WandbSource:
    return WandbSource.read("lab", "triptych", name)


def state_of(one: Cell, source: WandbSource | None = None) -> tuple[str, str]:
    """What a report says of a cell: its state, and why."""
    frame = Document.of(source or sweep(), "small").frame.set_index("key")
    return str(frame.loc[one.key, "state"]), str(frame.loc[one.key, "reason"])
