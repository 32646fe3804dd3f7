"""What a network makes of images at its widths: the maps that the consumers of channels read.

That is behind the norms, depthwise convolutions and activations that follow a channel, and behind
a pooling if there is one, whatever the backbone. Maps come as (B, n, positions): pixels or tokens,
or 1 where the consumer reads a vector.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

import torch
from torch import Tensor, nn

from lightning_modules.cost import evaluating
from lightning_modules.pruning._criterion import Batches
from lightning_modules.pruning._layers import layer_at
from lightning_modules.structure import Width

__all__ = ["maps", "per_image", "reading"]


Take = Callable[[str, nn.Module, Tensor], None]
"""Told of what is read: the width's producer, its consumer, and the consumer's input as it is."""


@contextmanager
def reading(model: nn.Module, widths: Sequence[Width], take: Take) -> Iterator[None]:
    """Hand over what the consumers read at every forward pass within the block."""

    def hand(producer: str, consumer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        take(producer, consumer, inputs[0])

    with ExitStack() as stack:
        for width in widths:
            consumer = layer_at(model, width.consumer)
            stack.enter_context(consumer.register_forward_pre_hook(partial(hand, width.producer)))
        yield


def maps(seen: Tensor, consumer: nn.Module) -> Tensor:
    """What a consumer reads as (B, n, positions); a linear layer has its channels last."""
    if isinstance(consumer, nn.Linear):
        seen = seen.movedim(-1, 1)
    return seen.flatten(2) if seen.dim() > 2 else seen.unsqueeze(2)


def per_image(
    model: nn.Module, widths: Sequence[Width], batches: Batches, measure: Callable[[Tensor], Tensor]
) -> dict[str, Tensor]:
    """A measure of every channel in every image, in evaluation mode and without gradients.

    Args:
        measure: (B, n, positions) -> (B, n).

    Returns:
        {producer: (images, n)}.

    Raises:
        ValueError: no batch came.
    """
    found: dict[str, list[Tensor]] = {width.producer: [] for width in widths}

    def take(producer: str, consumer: nn.Module, seen: Tensor) -> None:
        found[producer].append(measure(maps(seen, consumer)))

    with evaluating(model), torch.no_grad(), reading(model, widths, take):
        for images, _ in batches:
            model(images)
    if not all(found.values()):
        raise ValueError("activations need at least one batch of images; none came")
    return {producer: torch.cat(parts) for producer, parts in found.items()}
