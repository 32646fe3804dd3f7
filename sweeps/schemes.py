"""What connection schemes are worth on a supernet: each evaluated once, remembered beside it.

All searches on a supernet share the list. It is also what an interrupted search goes on from: a
search asks the same questions again, and those that have an answer cost nothing.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from lightning_modules.pruning._sites import Scheme, Worth
from lightning_modules.stopping import Stopped

__all__ = ["Schemes"]

Evaluate = Callable[[Scheme], Worth]


class Schemes:
    """The list of a supernet's schemes, one JSON line for each: {scheme, accuracy, loss, seconds}.

    Several processes may add to it; a line that was cut off is passed over.

    Args:
        path: the list's file.
        evaluate: asked for what is not in it.
        stop: asked before each evaluation, whether to stop.
        progress: a file that is touched after each evaluation.

    Attributes:
        seconds: of the evaluation of every scheme that was asked for, whoever made it.
        fresh: the same for those evaluated here.

    Raises:
        Stopped: when asked for a scheme, if ``stop`` was true.
    """

    def __init__(
        self,
        path: Path,
        evaluate: Evaluate,
        *,
        stop: Callable[[], bool] | None = None,
        progress: Path | None = None,
    ) -> None:
        self._path, self._evaluate, self._stop = path, evaluate, stop
        self._progress = progress
        self._known = _read(path)
        self.seconds: dict[Scheme, float] = {}
        self.fresh: dict[Scheme, float] = {}

    def __call__(self, scheme: Scheme) -> Worth:
        if scheme not in self._known:
            if self._stop and self._stop():
                raise Stopped(f"stopped while searching, {len(self.seconds)} schemes known")
            start = time.perf_counter()
            worth = self._evaluate(scheme)
            self.fresh[scheme] = time.perf_counter() - start
            self._known[scheme] = worth, self.fresh[scheme]
            _append(self._path, scheme, *self._known[scheme])
            if self._progress:
                self._progress.touch()
        worth, self.seconds[scheme] = self._known[scheme]
        return worth


def _read(path: Path) -> dict[Scheme, tuple[Worth, float]]:
    found: dict[Scheme, tuple[Worth, float]] = {}
    with suppress(FileNotFoundError):
        for line in path.read_text(encoding="utf-8").splitlines():
            with suppress(ValueError, KeyError, TypeError):
                row = json.loads(line)
                scheme = tuple(bit == "1" for bit in row["scheme"])
                found[scheme] = Worth(row["accuracy"], row["loss"]), row["seconds"]
    return found


def _append(path: Path, scheme: Scheme, worth: Worth, seconds: float) -> None:
    row = {"scheme": "".join("01"[bit] for bit in scheme), **vars(worth), "seconds": seconds}
    line = f"\n{json.dumps(row)}\n".encode()  # what was cut off before stays a line of its own
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o664)
    try:
        os.write(handle, line)
    finally:
        os.close(handle)
