"""A wish to stop that reaches the processes a trainer spawns, and their answer."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

from torch import multiprocessing
from torch.multiprocessing.spawn import ProcessRaisedException

from lightning_modules.stopping import Stopped

__all__ = ["Relay", "answers"]

POLL_S = 0.1


class Relay:
    """Asks here, and answers there.

    A SIGTERM may reach a spawned process before it reaches this one: it counts as the wish.

    Args:
        stop: asked in this process, from a thread of its own.
    """

    def __init__(self, stop: Callable[[], bool]) -> None:
        self.stop = stop
        self.heard = False
        self.wish = multiprocessing.get_context("spawn").Event()

    def __call__(self) -> bool:
        return self.heard or self.wish.is_set()

    @contextmanager
    def listening(self) -> Iterator[None]:
        over = Event()
        thread = Thread(target=self._listen, args=(over,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _listen(self, over: Event) -> None:
        while not over.wait(POLL_S):
            if self.stop():
                self.wish.set()

    def __getstate__(self) -> dict[str, Any]:
        return {"wish": self.wish}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.wish, self.heard = state["wish"], False
        signal.signal(signal.SIGTERM, self._hear)

    def _hear(self, number: int, frame: object) -> None:
        self.heard = True


@contextmanager
def answers() -> Iterator[None]:
    """``Stopped`` in a spawned process is ``Stopped`` here."""
    try:
        yield
    except ProcessRaisedException as error:
        name, _, message = str(error).strip().splitlines()[-1].partition(": ")
        if name.endswith(f".{Stopped.__name__}"):
            raise Stopped(message) from None
        raise
