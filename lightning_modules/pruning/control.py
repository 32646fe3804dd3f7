"""The refit alone, nothing removed (ours).

    w' = refit(w)

The dense network trained as long as the pruned ones are: without it, what the longer training
gives would be credited to pruning.

Differs from the authors' code: there is none.
"""

from __future__ import annotations

__all__ = ["Control"]


class Control:
    """Remove nothing; has no score and no target."""

    grain = "none"
    needs = ()
    start = "parent"
