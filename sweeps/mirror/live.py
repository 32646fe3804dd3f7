"""A cell's W&B run while it trains, see `sweeps.mirror.entry` for what it holds.

Offline (the default) nothing asks for a login and every attempt is one run folder below
``<ledger>/<key>/wandb``; online a resumed cell goes on in its run. What becomes of the run never
decides what becomes of the cell: the record on disk is the truth, and can be published later.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from sweeps.cell import Cell
from sweeps.mirror import client, entry
from sweeps.mirror.content import Content, about
from sweeps.mirror.place import Place
from sweeps.mirror.refusal import NotTaken, Refused
from sweeps.mirror.session import DIFF, Session
from sweeps.record import Record, RunPaths


def warm() -> None:
    """Import what a tracker needs, for processes that will be forked from this one."""
    client.warm()


def check(mode: str, wandb: Mapping[str, Any]) -> None:
    """Look whether runs can be tracked, before anything is trained.

    Raises:
        UserError: a variable of W&B or the name of the place is wrong; of runs that go there: there
            is no key, it is refused, or W&B does not answer.
    """
    if mode == "none":
        return
    client.check()
    place = Place.of(wandb)
    if mode == "wandb":
        from sweeps.mirror.read import Project

        try:
            Project.open(place.entity, place.project)
        finally:
            client.rest()


class Tracker:
    """One W&B run of one attempt at a cell; does nothing when the mode is none.

    Args:
        mode: offline, wandb or none.
        sweep: the run's group.
        wandb: the section of the settings.
        code: commit and diff of the code, as in a record's provenance.

    Raises:
        Refused: when entered with mode wandb, W&B refuses the key or the place. Of all else that
            goes wrong with W&B a line on stderr says so, and the cell runs without.
    """

    def __init__(
        self,
        cell: Cell,
        paths: RunPaths,
        mode: str,
        *,
        sweep: str | None = None,
        wandb: Mapping[str, Any] | None = None,
        code: Mapping[str, Any] | None = None,
    ) -> None:
        self._cell, self._paths, self._mode, self._sweep = cell, paths, mode, sweep
        self._wandb, self._code = wandb or {}, code or {}
        self._session: Session | None = None
        self._exit = 1

    def __enter__(self) -> Tracker:
        if self._mode != "none":
            try:
                self._session = self._open()
            except Exception as error:
                if self._mode == "wandb" and isinstance(error, Refused):
                    raise
                self._lose(error)
        if self._mode == "wandb":
            with self._spared():
                self._begin()
        return self

    def _begin(self) -> None:
        """Send the diff. A run that goes on without a record, as its cell does, shows none."""
        if not self._session:
            return
        if not self._paths.record.exists():
            self._session.say({})
        if diff := self._paths.text(self._code.get("diff")):
            self._session.file(DIFF, diff)

    def _open(self) -> Session:
        client.ready()
        commit = self._code.get("commit")
        run = about(self._cell, self._sweep, group=self._sweep, commit=commit)
        place, folder = Place.of(self._wandb), self._paths.wandb
        return Session(run, place, self._mode, folder, uploads=bool(self._artifacts))

    @property
    def _artifacts(self) -> tuple[str, ...]:
        return tuple(self._wandb.get("artifacts") or ()) if self._mode == "wandb" else ()

    def epoch(self, row: Mapping[str, Any]) -> None:
        """An epoch that is over; one that the run has already is left out."""
        with self._spared():
            if self._session:
                self._session.row(row["epoch"], entry.row(row))

    def leave(self) -> None:
        """The attempt ends before the cell is over; another one goes on."""
        with self._spared():
            if self._session:
                self._session.leave()

    def finish(self, record: Record) -> None:
        """The cell is over: its record and history, and its artifacts if they are asked for."""
        with self._spared():
            if self._session:
                content = Content.of(self._cell, record, self._paths, self._artifacts)
                content.send(self._session)
                self._exit = content.code

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._spared():
            if self._session:
                self._session.close(self._exit)

    @contextmanager
    def _spared(self) -> Iterator[None]:
        """Spares the cell what W&B's client, its server or the network raise."""
        try:
            yield
        except Exception as error:
            self._lose(error)

    def _lose(self, error: Exception) -> None:
        if not isinstance(error, NotTaken):  # of the run itself, which is still to be ended
            self._session = None
        print(
            f"cell {self._cell.key} is not in W&B, or not all of it ({error}); that changes "
            "nothing for the cell: publish it when it is done",
            file=sys.stderr,
            flush=True,
        )
