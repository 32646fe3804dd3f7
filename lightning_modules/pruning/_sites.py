"""Connection schemes: what they cost to ask about, and what a search leaves.

A search is a function of an oracle alone: which blocks are plugged goes in, how well the trained
supernet does with them comes out. So every search is tested without a network, and can be repeated
from the list of what was asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import Any, Protocol

import torch
from torch import nn

from lightning_modules.options import Search

__all__ = ["Oracle", "Scheme", "Searching", "Ticket", "Worth", "scheme_text"]

Scheme = tuple[bool, ...]
"""One entry for each block, first block first; True = plugged."""


@dataclass(frozen=True)
class Worth:
    """What the supernet with a scheme reaches on the held-out data.

    Args:
        accuracy: top-1 in [0, 1].
        loss: mean cross-entropy.
    """

    accuracy: float
    loss: float


@dataclass
class Oracle:
    """Tells what schemes are worth, each evaluated once.

    Args:
        stages: number of blocks per stage; a scheme has their sum.
        evaluate: runs the supernet.
    """

    stages: Sequence[int]
    evaluate: Callable[[Scheme], Worth]
    known: dict[Scheme, Worth] = field(default_factory=dict)
    asked: int = 0

    def __call__(self, scheme: Iterable[bool]) -> Worth:
        bits = tuple(bool(bit) for bit in scheme)
        if len(bits) != self.blocks:
            raise ValueError(f"a scheme has one bit for each of {self.blocks} blocks; came {bits}")
        self.asked += 1
        if bits not in self.known:
            self.known[bits] = self.evaluate(bits)
        return self.known[bits]

    @property
    def blocks(self) -> int:
        return sum(self.stages)

    @property
    def cost(self) -> dict[str, int]:
        """How many schemes were asked about, and how many networks were evaluated for it."""
        return {"asked": self.asked, "evaluations": len(self.known)}


class Searching(Protocol):
    """One file, one public class, ``grain`` "site"; a search for the blocks to plug.

    ``start`` says what the ticket is trained from: "init", the initial weights of the fully
    plugged network, or "fresh", a network of its own, drawn from the same seed. ``short`` are
    options with which it is over at once, for a rehearsal.
    """

    @property
    def grain(self) -> str: ...

    @property
    def start(self) -> str: ...

    def search(self, oracle: Oracle, options: Search, seed: int) -> Scheme:
        """The scheme to train.

        Raises:
            ValueError: what is asked cannot be, with this number of blocks.
        """
        ...


@dataclass(frozen=True)
class Ticket:
    """A scheme as what pruning left: nothing is to be done after an optimizer step.

    Args:
        connect: the scheme as text, stages apart: 100|1011|010011|011.
    """

    connect: str

    @property
    def sparsity(self) -> float:
        """Share of the blocks that are not plugged."""
        bits = self.connect.replace("|", "")
        return bits.count("0") / len(bits)

    def apply(self, model: nn.Module) -> None:
        """Nothing: an unplugged block has no weights."""

    def to(self, device: torch.device | str) -> Ticket:
        return self

    def state(self) -> dict[str, Any]:
        return {"grain": "site", "connect": self.connect}


def scheme_text(scheme: Scheme, stages: Sequence[int]) -> str:
    """A scheme as text, ``|`` between the stages."""
    ends = pairwise([0, *accumulate(stages)])
    return "|".join("".join("01"[bit] for bit in scheme[a:b]) for a, b in ends)
