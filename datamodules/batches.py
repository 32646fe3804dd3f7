"""Which samples go into which batch of which device, and the loader that yields them.

Training: one permutation a pass, from (seed, epoch), cut into global batches; every device takes
each world-th sample of each of them, so the global batch does not depend on the number of
devices. A last batch with fewer samples than devices is left out, because every device must take
part in every step.

Evaluation: all samples once, in order, nothing padded or repeated, in batches of almost equal
size. So every device gets the same number of batches (none waits for another) and none is empty;
counts summed over devices, as torchmetrics does, are exact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lightning_modules.seeds import generator

__all__ = ["Batch", "Batches", "Place", "dealt", "in_turn", "shuffled"]

CPU = torch.device("cpu")

Batch = tuple[Tensor, Tensor]
"""Images (B, C, H, W) and the labels of the first, mostly all, of them: int64 (B,) or soft
(B, num_classes)."""


@dataclass(frozen=True)
class Place:
    """A device of a training run: its number, how many there are, and the device itself."""

    rank: int = 0
    world: int = 1
    device: torch.device = CPU

    def share(self, batches: Sequence[Tensor]) -> list[Tensor]:
        """This device's part of each global batch."""
        return [batch[self.rank :: self.world] for batch in batches if len(batch) >= self.world]


def shuffled(
    index: Tensor, size: int, *, seed: int, epoch: int, drop_last: bool = False
) -> list[Tensor]:
    """The global training batches of an epoch: ``index`` in the order of (seed, epoch)."""
    order = torch.randperm(len(index), generator=generator("shuffle", seed, epoch))
    batches = list(torch.split(index[order], size))
    return batches[:-1] if drop_last and len(batches[-1]) < size else batches


def in_turn(index: Tensor, size: int, *, world: int = 1) -> list[Tensor]:
    """The global evaluation batches: ``index`` in order, each of about ``size`` samples.

    None has fewer samples than there are devices; for that a batch may exceed ``size``.
    """
    count = min(-(-len(index) // size), len(index) // world)
    return list(index.tensor_split(count)) if count else []


def dealt(table: Tensor, batches: Sequence[Tensor], device: torch.device) -> tuple[Tensor, ...]:
    """The rows of a table of draws for each batch, moved to the device at once."""
    rows = table[torch.cat(list(batches))].to(device)
    return torch.split(rows, [len(batch) for batch in batches])


class Batches:
    """A loader: iterating over it is one pass, its length the number of batches.

    Lightning takes it as it is (it wraps nothing around it and samples nothing anew), and keeps
    its state in checkpoints: a pass that was left goes on with the batch after the last one.

    Args:
        order: epoch -> the sample indices of each batch.
        read: (epoch, those indices from one batch on, the number of that batch) -> the batches.
        epoch: asked once, when a pass starts.

    Raises:
        ValueError: there is not a single batch.
    """

    def __init__(
        self,
        order: Callable[[int], Sequence[Tensor]],
        read: Callable[[int, Sequence[Tensor], int], Iterator[Batch]],
        *,
        epoch: Callable[[], int],
    ) -> None:
        self.order, self.read, self.epoch = order, read, epoch
        self.first = self.done = 0
        self.length = len(order(0))
        if not self.length:
            raise ValueError(
                "the split has too few images for one batch: it needs as many as there are "
                "devices, and with drop_last a full batch; choose a smaller batch_size, "
                "drop_last=false or fewer devices"
            )

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[Batch]:
        epoch = self.epoch()
        first, self.first = self.first, 0
        self.done = first
        for batch in self.read(epoch, self.order(epoch)[first:], first):
            self.done += 1
            yield batch

    def state_dict(self) -> dict[str, int]:
        """How many batches of the pass have been handed out."""
        return {"done": self.done}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Let the next pass, and that one only, begin where another was left."""
        self.first = state["done"]
