"""Leave-one-out loss, a greedy baseline of connection searches (ours).

    score(t) = loss of the supernet with every block plugged but t  -  loss with every block plugged

The k blocks whose removal costs most stay plugged; k is ``plugged``, or as many as EAN plugs with
the same options. L evaluations, blind to how blocks act together.

Differs from the authors' code: there is none.
"""

from __future__ import annotations

from typing import ClassVar

from lightning_modules.options import Search
from lightning_modules.pruning._plugged import how_many
from lightning_modules.pruning._sites import Oracle, Scheme

__all__ = ["LeaveOneOut"]


class LeaveOneOut:
    """Plug the blocks that the fully plugged supernet misses most.

    Args:
        plugged: number of plugged blocks; None takes as many as EAN plugs.
    """

    grain = "site"
    needs = ("supernet", "validation")
    short: ClassVar[dict[str, int]] = {"steps": 2, "samples": 1}
    start = "fresh"

    def __init__(self, *, plugged: int | None = None) -> None:
        self.plugged = plugged

    def search(self, oracle: Oracle, options: Search, seed: int) -> Scheme:
        """The k blocks with the highest score; the earlier one of equals."""
        count, blocks = how_many(self.plugged, oracle, options, seed), range(oracle.blocks)
        missed = [oracle(other != block for other in blocks).loss for block in blocks]
        chosen = set(sorted(blocks, key=lambda block: (-missed[block], block))[:count])
        return tuple(block in chosen for block in blocks)
