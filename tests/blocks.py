"""A network of two stages of three blocks, with attention plugged in."""

from __future__ import annotations

import io

import torch
from torch import Tensor, nn

from lightning_modules.attention.cbam import ConvolutionalBlockAttention
from lightning_modules.attention.dia import DenseImplicitAttention
from lightning_modules.attention.se import SqueezeExcitation
from lightning_modules.insertion import insert
from lightning_modules.options import Insertion
from lightning_modules.structure import Site

PER_STAGE = Insertion(share="stage")
GATES = [SqueezeExcitation, ConvolutionalBlockAttention, DenseImplicitAttention]


class Block(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.gate: nn.Module | None = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x).relu()
        return x + (y if self.gate is None else self.gate(y))


class Net(nn.Module):
    """Two stages of three blocks, 16 channels then 32."""

    def __init__(self) -> None:
        super().__init__()
        widths = (16, 16, 16, 32, 32, 32)
        self.stem = nn.Conv2d(3, 16, 1)
        self.wider = nn.Conv2d(16, 32, 1)
        self.blocks = nn.ModuleList(map(Block, widths))
        self.sites = [Site(f"blocks.{i}.gate", c, i // 3) for i, c in enumerate(widths)]

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for index, block in enumerate(self.blocks):
            x = block(self.wider(x) if index == 3 else x)
        return x.mean((2, 3))


def net(make: type[nn.Module] | None = None, insertion: Insertion = Insertion()) -> Net:  # noqa: B008
    torch.manual_seed(0)
    model = Net()
    if make is not None:
        assert insert(model, model.sites, make, insertion) is model
    return model


def images() -> Tensor:
    return torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(1))


def size(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def gates(model: Net) -> list[nn.Module]:
    return [block.gate for block in model.blocks]


def reloaded(model: nn.Module) -> nn.Module:
    buffer = io.BytesIO()
    torch.save(model, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=False)
