"""Records on their way to W&B, several runs at once."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from tqdm import tqdm

from sweeps.cell import Cell
from sweeps.claim import is_claimed
from sweeps.errors import UserError
from sweeps.ledger import Ledger
from sweeps.mirror.client import ready, rest
from sweeps.mirror.content import Content, PlanContent, about
from sweeps.mirror.outdated import Emptied
from sweeps.mirror.place import Place
from sweeps.mirror.read import Listed
from sweeps.mirror.refusal import Away, Refused
from sweeps.mirror.session import DIFF, About, Session

AT_ONCE = 8
"""Runs that are written at a time. One waits for about eight answers of the server in a row; with a
server that takes 0.1 s each, eight runs at once are 12 runs a second, one at a time 1.6."""

BATCH = 200
"""Runs after which W&B's client starts anew: of each it keeps 0.2 MiB and some open connections."""


@dataclass(frozen=True)
class Due:
    """A cell whose run W&B lacks, or has otherwise: then ``run`` is what it has. A digest of None
    is that of a record which was set aside: the run is to be emptied."""

    cell: Cell
    run: Listed | None
    digest: str | None

    @property
    def key(self) -> str:
        return self.cell.key


class Sendable(Protocol):
    """What writes itself to a run."""

    @property
    def code(self) -> int: ...

    def send(self, session: Session) -> None: ...


@dataclass(frozen=True)
class Sender:
    """Sends a sweep's cells from the ledger to W&B.

    Args:
        wanted: kinds of artifacts.
    """

    ledger: Ledger
    sweep: str
    place: Place
    wanted: tuple[str, ...]

    def send_plan(self, plan: PlanContent) -> None:
        """Send the plan's run; raises as `send`."""
        ready()
        with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            self._write(plan.about, plan, Path(folder))

    def send(self, due: Sequence[Due]) -> dict[str, str]:
        """Send cells; returns by key why some could not be.

        Raises:
            UserError: W&B refuses the key or the place, or stopped answering; runs that were
                being written may be there in part.
        """
        refused: dict[str, str] = {}
        if not due:
            return refused
        bar = tqdm(
            desc="publish",
            total=len(due),
            unit="run",
            file=sys.stderr,
            dynamic_ncols=True,
            disable=None,
        )
        with TemporaryDirectory(ignore_cleanup_errors=True) as folder, bar:
            for start in range(0, len(due), BATCH):
                batch = due[start : start + BATCH]
                try:
                    refused |= self._send_batch(batch, Path(folder), bar)
                except Away as error:
                    raise UserError(
                        f"{error}; at least {start} of {len(due)} runs were sent, the same command "
                        "sends the rest"
                    ) from error
                rest()
        return refused

    def _send_batch(self, due: Sequence[Due], folder: Path, bar: tqdm[Any]) -> dict[str, str]:
        refused: dict[str, str] = {}
        ready()
        pool = ThreadPoolExecutor(AT_ONCE)
        futures = {pool.submit(self._send, one, folder): one.key for one in due}
        try:
            for future in as_completed(futures):
                if why := _refusal(future):
                    refused[futures[future]] = why
                bar.update()
        finally:
            pool.shutdown(cancel_futures=True)
        return refused

    def _send(self, one: Due, folder: Path) -> None:
        if one.digest is None:
            self._empty(one, folder)
            return
        paths = self.ledger.paths(one.key)
        record = self.ledger.record(one.key)
        if record is None:
            raise UserError("its record is gone")
        content = Content.of(one.cell, record, paths, self.wanted)
        group = None if one.run else self.sweep
        run = about(one.cell, self.sweep, group=group, commit=content.commit)
        self._write(run, content, folder, paths.text(content.diff))

    def _empty(self, one: Due, folder: Path) -> None:
        if is_claimed(self.ledger.paths(one.key).lock):
            raise UserError("it runs again by now")
        run = about(one.cell, self.sweep, group=None, commit=None)
        self._write(run, Emptied(), folder)

    def _write(self, run: About, content: Sendable, folder: Path, diff: Path | None = None) -> None:
        session = Session(run, self.place, "publish", folder, uploads=bool(self.wanted))
        try:
            if diff:
                session.file(DIFF, diff)
            content.send(session)
        except BaseException:
            with suppress(Away):
                session.close(1)
            raise
        session.close(content.code)


def _refusal(future: Future[None]) -> str:
    """Why a run alone could not be sent, or nothing; raises what concerns all of them."""
    try:
        future.result()
    except (Refused, Away):
        raise
    except Exception as error:
        return str(error) or type(error).__name__
    return ""
