"""A network whose branches have every kind of width, and its pruner."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lightning_modules.options import Removal
from lightning_modules.pruning._apply import Pruner
from lightning_modules.pruning._channels import Kept
from lightning_modules.structure import Width

SIDE = 8


def conv(into: int, out: int, size: int = 1, groups: int = 1, *, bias: bool = False) -> nn.Conv2d:
    return nn.Conv2d(into, out, size, padding=size // 2, groups=groups, bias=bias)


class Branches(nn.Module):
    """A trunk of 8 channels with a plain, a grouped and a depthwise branch, and a classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = conv(3, 8, 3)
        self.a, self.a_bn, self.b = conv(8, 12, 3, bias=True), nn.BatchNorm2d(12), conv(12, 8, 3)
        self.c, self.c_bn = conv(8, 24), nn.BatchNorm2d(24)
        self.d, self.d_bn, self.e = conv(24, 16, 3, 4), nn.BatchNorm2d(16), conv(16, 8)
        self.f, self.f_bn = conv(8, 20), nn.BatchNorm2d(20)
        self.g, self.g_bn, self.h = conv(20, 20, 3, 20, bias=True), nn.BatchNorm2d(20), conv(20, 8)
        self.t, self.t_bn, self.fc = conv(8, 30), nn.BatchNorm2d(30), nn.Linear(30, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = x + self.b(self.a_bn(self.a(x)).relu())
        x = x + self.e(self.d_bn(self.d(self.c_bn(self.c(x)).relu())).relu())
        x = x + self.h(self.g_bn(self.g(self.f_bn(self.f(x)).relu())).relu())
        return self.fc(self.t_bn(self.t(x)).relu().mean((2, 3)))


WIDTHS = (
    Width("a", ("a_bn",), "b"),
    Width("c", ("c_bn",), "d", 4),
    Width("d", ("d_bn",), "e", 4),
    Width("f", ("f_bn", "g", "g_bn"), "h"),
    Width("t", ("t_bn",), "fc"),
)
DENSE = {"a": 12, "c": 24, "d": 16, "f": 20, "t": 30}
SINGLE = tuple(width for width in WIDTHS if width.groups == 1)


def network() -> Branches:
    torch.manual_seed(0)
    net = Branches()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
    return net


def batches(count: int = 2) -> list[tuple[Tensor, Tensor]]:
    lot = torch.Generator().manual_seed(1)
    images = torch.randn(count, 4, 3, SIDE, SIDE, generator=lot)
    labels = torch.randint(0, 5, (count, 4), generator=lot)
    return list(zip(images, labels, strict=True))


def gone(kept: Kept, producer: str) -> list[int]:
    return sorted(set(range(kept.dense[producer])) - set(kept.channels[producer].tolist()))


def pruner(removal: Removal, criterion: object, widths: tuple[Width, ...] = WIDTHS) -> Pruner:
    return Pruner(criterion, removal, widths, batches())
