"""What stands around an attention module in a network: one map in, one map out.

A module that needs more than its map gets it through a ``Memory``: the state of the plugged block
before it, or the input of its own block. A ``Switch`` can take a module out of the forward pass;
the networks that connection schemes are searched on have one at every site.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from torch import Tensor, nn

__all__ = ["Carried", "Forgetting", "Memory", "Reading", "Switch", "Watching", "switch", "switches"]


class Memory:
    """Holds a value on its way from one place of a network to another.

    Empty between forward passes; copies and pickles are empty too, and stay one object for all
    that share it and are copied together.
    """

    def __init__(self) -> None:
        self.value: Any = None

    def __reduce__(self) -> tuple[type[Memory], tuple[()]]:
        return Memory, ()


class Carried(nn.Module):
    """A state-carrying module: ``forward(x, state) -> (y, state)``.

    Args:
        memory: shared by the plugged blocks of a stage.
        first: starts from None instead of what the memory holds.
        last: leaves the memory empty.
    """

    def __init__(self, module: nn.Module, memory: Memory, *, first: bool, last: bool) -> None:
        super().__init__()
        self.module = module
        self.memory = memory
        self.first = first
        self.last = last

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor
        y, state = self.module(x, None if self.first else self.memory.value)
        self.memory.value = None if self.last else state
        return y


class Watching:
    """A forward pre-hook of a residual block: remembers its input."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory

    def __call__(self, block: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        self.memory.value = inputs[0]


class Forgetting:
    """A forward hook of a residual block: lets go of its input, whether it was read or not."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory

    def __call__(self, block: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        self.memory.value = None


class Reading(nn.Module):
    """A module that reads its block's input beside the branch: ``forward(y, x) -> y``."""

    def __init__(self, module: nn.Module, memory: Memory) -> None:
        super().__init__()
        self.module = module
        self.memory = memory

    def forward(self, y: Tensor) -> Tensor:
        gated: Tensor = self.module(y, self.memory.value)
        return gated


class Switch(nn.Module):
    """Calls its module where it is ``on``, hands the map on as it is where not.

    Args:
        memory: of a module that carries a state: it starts empty in a stage's first block and is
            left empty by its last, plugged or not, and passes unplugged blocks unchanged.
    """

    def __init__(
        self, module: nn.Module, memory: Memory | None = None, *, first: bool, last: bool
    ) -> None:
        super().__init__()
        self.module = module
        self.memory = memory
        self.first = first
        self.last = last
        self.on = True

    def forward(self, x: Tensor) -> Tensor:
        if self.memory and self.first:
            self.memory.value = None
        y: Tensor = self.module(x) if self.on else x
        if self.memory and self.last:
            self.memory.value = None
        return y


def switches(network: nn.Module) -> list[Switch]:
    """The switches of a network in the order of its sites; none unless it was built with them."""
    return [module for module in network.modules() if isinstance(module, Switch)]


def switch(found: Sequence[Switch], bits: Iterable[bool]) -> None:
    """Plug the blocks of a connection scheme, one bit for each switch."""
    for one, bit in zip(found, bits, strict=True):
        one.on = bit
