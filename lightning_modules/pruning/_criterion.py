"""What a pruning criterion is: it scores, and knows nothing of how much goes, when, or how."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from torch import Tensor, nn

Batches = Iterable[tuple[Tensor, Tensor]]
"""Normalised images (B, C, H, W) and labels (B,) on the model's device; can be iterated again."""

Target = TypeVar("Target", contravariant=True)


class Criterion(Protocol[Target]):
    """One file, one public class; its keyword arguments are its options, and nothing else.

    ``grain`` is "weight" (targets are names of layers) or "channel" (targets are widths),
    ``needs`` says what a score is made of: "weights", "gradients", "labels", "batchnorm";
    ``start`` is "parent": the scored network comes trained. All three are plain literals.
    """

    @property
    def grain(self) -> str: ...

    @property
    def needs(self) -> tuple[str, ...]: ...

    @property
    def start(self) -> str: ...

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
