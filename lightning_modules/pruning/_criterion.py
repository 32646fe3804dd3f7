"""What a pruning criterion is: it scores, and knows nothing of how much goes, when, or how."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

from torch import Tensor, nn

from lightning_modules.structure import Width

Batches = Iterable[tuple[Tensor, Tensor]]
"""Normalised images (B, C, H, W) and labels (B,) on the model's device; can be iterated again."""

Target = TypeVar("Target", contravariant=True)


class Declared(Protocol):
    """The facts that every criterion states as plain literals."""

    @property
    def grain(self) -> str: ...

    @property
    def needs(self) -> tuple[str, ...]: ...

    @property
    def start(self) -> str: ...


class Criterion(Declared, Protocol[Target]):
    """One file, one public class; its keyword arguments are its options, and nothing else.

    ``grain`` is "weight" (targets are names of layers) or "channel" (targets are widths),
    ``needs`` says what a score is made of: "weights", "activations", "gradients", "labels",
    "batchnorm", or "trials" on a "validation" split (see ``Trying``);
    ``start`` is "parent": the scored network comes trained. All three are plain literals.
    """

    def score(
        self, model: nn.Module, targets: Sequence[Target], batches: Batches, seed: int
    ) -> dict[str, Tensor]:
        """A score for everything that can go, higher = keep; the model is left as it was.

        Returns:
            for weights {name: tensor of the weight's shape}, where +inf means never remove;
            for channels {producer of the width: tensor (n,)}.

        Raises:
            ValueError: the network or the batches lack what the criterion needs.
        """
        ...


Trial = Callable[[Mapping[str, Tensor]], float]
"""The accuracy, in [0, 1], of the network that given scores prune, on held-out images."""


@dataclass(frozen=True)
class Searched:
    """What a search ends in.

    Args:
        scores: as ``Criterion.score`` returns them.
        log: what to remember of the search, plain JSON.
    """

    scores: Mapping[str, Tensor]
    log: Mapping[str, Any]


@runtime_checkable
class Trying(Declared, Protocol):
    """A channel criterion that tries scores out before it settles; "trials" is among its needs."""

    def search(
        self, model: nn.Module, targets: Sequence[Width], batches: Batches, seed: int, trial: Trial
    ) -> Searched:
        """As ``Criterion.score``, with ``trial`` to ask how well given scores prune.

        Args:
            trial: prunes a copy as this round would, and evaluates it.
        """
        ...
