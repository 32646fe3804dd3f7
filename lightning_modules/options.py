"""Options that belong to an axis rather than to one variant of it (imports no torch)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SCHEMES = ("all", "none", "random")
"""Connection schemes that fit any number of blocks."""


@dataclass(frozen=True)
class Insertion:
    """How an attention module is put into a backbone.

    Args:
        share: one module per block, or one per stage whose parameters all its blocks share.
        connect: which blocks are plugged: all, none, one bit per block, first block first, the
            name or file of a ticket, or random: every training batch draws its own scheme, each
            block plugged with probability one half (the network that schemes are searched on).
    """

    share: Literal["block", "stage"] = "block"
    connect: str = "all"


@dataclass(frozen=True)
class Removal:
    """How much a pruning method removes, and when. Exactly one of the targets is given.

    Args:
        sparsity: share of the prunable weights (or channels) to remove, in (0, 1).
        macs: share of the dense network's MACs to keep, in (0, 1).
        params: share of the dense network's parameters to keep, in (0, 1).
        schedule: all at once before the refit, or in steps along the cubic curve of
            Zhu & Gupta (2017) spread over the refit.
        steps: number of pruning steps of the gradual schedule.
        scope: compare scores over the whole network, or remove the same share of each layer.
    """

    sparsity: float | None = None
    macs: float | None = None
    params: float | None = None
    schedule: Literal["oneshot", "gradual"] = "oneshot"
    steps: int = 5
    scope: Literal["global", "layer"] = "global"

    def __post_init__(self) -> None:
        asked = {n: getattr(self, n) for n in ("sparsity", "macs", "params")}
        given = {n: v for n, v in asked.items() if v is not None}
        if len(given) != 1:
            came = ", ".join(f"{n}={v}" for n, v in given.items()) or "none"
            raise ValueError(f"give exactly one of sparsity, macs, params; came {came}")
        for name, value in given.items():
            if not 0 < value < 1:
                raise ValueError(f"{name} is a share between 0 and 1; came {value}")
        if self.steps < 1:
            raise ValueError(f"steps is at least 1; came {self.steps}")


@dataclass(frozen=True)
class Search:
    """How a connection scheme is searched; every search and its baselines have the same options.

    Args:
        supernet: what schemes are tried on: a network that drew a random scheme for each training
            batch, or the ordinary network with all blocks plugged.
        steps: updates of the policy.
        samples: schemes that each of them draws.
        sparsity_weight: what a scheme without any plugged block gets on top of its accuracy, in
            percentage points; others get their share of it.
        lr: of Adam, for the policy and the novelty bonus.
        temperature: what the policy's logits are divided by.
        recalibrate: training batches of 64 images on which the batch norms take their statistics
            anew for each scheme; with 0 they keep the supernet's, which are those of half-plugged
            networks (as in the code of EAN's authors).
        novelty: whether schemes get a bonus for being new.
        replay: whether each update is followed by one on a remembered step.
    """

    supernet: Literal["random", "all"] = "random"
    steps: int = 300
    samples: int = 3
    sparsity_weight: float = 2.0
    lr: float = 0.05
    temperature: float = 5.0
    recalibrate: int = 0
    novelty: bool = True
    replay: bool = True

    def __post_init__(self) -> None:
        for name in ("steps", "samples"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is at least 1; came {getattr(self, name)}")
        if self.recalibrate < 0:
            raise ValueError(f"recalibrate is at least 0; came {self.recalibrate}")
        for name in ("lr", "temperature"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is above 0; came {getattr(self, name)}")


def of_grain(grain: str) -> type[Removal] | type[Search] | None:
    """The options of the pruning axis that mean something for a grain; None: there are none."""
    if grain == "none":
        return None
    return Search if grain == "site" else Removal
