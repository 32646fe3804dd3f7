"""What the middle of an epoch holds beside weights and optimizer: running sums and random states.

Both differ from process to process, so a checkpoint holds those of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, distributed

__all__ = ["State", "gather", "resume"]

State = dict[str, Tensor]
"""Of one process: the epoch's ``sums``; its generators' ``cpu`` and, on a GPU, ``cuda``."""


def gather(sums: Tensor) -> list[State]:
    """The states of all processes, in their order; every process must ask."""
    own = {"sums": sums.cpu(), "cpu": torch.get_rng_state()}
    if sums.is_cuda:
        own["cuda"] = torch.cuda.get_rng_state(sums.device)
    if not distributed.is_available() or not distributed.is_initialized():
        return [own]
    everyone: list[Any] = [None] * distributed.get_world_size()
    distributed.all_gather_object(everyone, own)
    return everyone


def resume(states: Sequence[State], rank: int, world: int, device: torch.device) -> Tensor:
    """Put this process's generators where they were and return its sums.

    With another number of processes than before, the first takes all sums, and the generators stay
    as they are: training goes on, but not bit for bit.
    """
    if len(states) != world:
        total = torch.stack([state["sums"] for state in states]).sum(0)
        return (total if rank == 0 else torch.zeros_like(total)).to(device)
    own = states[rank]
    torch.set_rng_state(own["cpu"])
    if device.type == "cuda" and "cuda" in own:
        torch.cuda.set_rng_state(own["cuda"], device)
    return own["sums"].to(device)
