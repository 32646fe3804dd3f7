"""A sweep's status again and again, in place on a terminal, until nothing runs or is queued."""

from __future__ import annotations

import gc
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from typing import TextIO

from sweeps.cluster.queue import Standing, standing
from sweeps.frame import frame, line
from sweeps.frozen import Plan
from sweeps.ledger import Ledger
from sweeps.look import Look, look
from sweeps.status import status_text

DRAW_S, LINE_S = 5.0, 60.0
"""Between two looks at the ledger, on a terminal and elsewhere."""
ASK_S = 15.0
"""Between two questions to SLURM, which serves others too."""
SHARE = 0.1
"""Most of the time that is spent on looking."""
AWAY, BACK = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
HOME, REST_OF_LINE, REST = "\x1b[H", "\x1b[K", "\x1b[J"


def watch(ledger: Ledger, plan: Plan, out: TextIO = sys.stdout) -> int:
    """Show a sweep until nothing of it runs or is queued, then its whole status.

    Returns:
        0, or 130 when it was interrupted; the sweep goes on.
    """
    gc.enable()
    on_terminal = out.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    try:
        with _screen(out, on_terminal) as show:
            now = follow(looks(ledger, plan), show, DRAW_S if on_terminal else LINE_S)
    except KeyboardInterrupt:
        return 130
    print(status_text(now), file=out)
    return 0


def looks(ledger: Ledger, plan: Plan) -> Iterator[Look]:
    """The sweep as it is whenever the next one is asked for."""
    queue, asked = Standing(), -inf
    while True:
        if time.monotonic() - asked >= ASK_S:
            queue, asked = standing(ledger.root), time.monotonic()
        yield look(ledger, plan, queue)


def follow(looks: Iterator[Look], show: Callable[[Look], None], pause: float) -> Look:
    """Show looks until nothing is active; returns the last one.

    Between two cells of a worker none runs for a moment: as long as cells are open, it takes two
    such looks in a row.
    """
    idle = 0
    while True:
        began = time.monotonic()
        now = next(looks)
        show(now)
        idle = 0 if now.is_active else idle + 1
        if idle == 2 or (idle and now.is_settled):
            return now
        time.sleep(max(pause, (time.monotonic() - began) / SHARE))


@contextmanager
def _screen(out: TextIO, on_terminal: bool) -> Iterator[Callable[[Look], None]]:
    """What shows a look: a frame in place of the one before, or one more line."""
    if not on_terminal:
        yield lambda now: print(line(now), file=out, flush=True)
        return
    out.write(AWAY)
    try:
        yield lambda now: _draw(out, now)
    finally:
        out.write(BACK)
        out.flush()


def _draw(out: TextIO, now: Look) -> None:
    columns, rows = shutil.get_terminal_size()
    lines = [text[:columns] for text in frame(now, columns)][:rows]
    out.write(HOME + f"{REST_OF_LINE}\n".join(lines) + REST_OF_LINE + REST)
    out.flush()
