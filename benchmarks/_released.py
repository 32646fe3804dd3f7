"""Every attention of the catalogue in the straightforward style of the papers' released code.

Written anew from the equations, in the manner of that code: pooling layers and views, 1x1
convolutions on maps of one pixel, a module for each activation, an LSTM cell called in every block
with a state of tensors that it stacks, a batch norm without affine part that separate operations
complete. Parameters come in the order of ours with as many numbers, so that they can be copied.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks._released_maps import BAM, CBAM, IEBN, SGE, Coordinate, SelectiveKernel, SimAM

__all__ = ["RELEASED"]

State = tuple[Tensor, Tensor]


class SE(nn.Module):
    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        hidden = max(channels // reduction, 1)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Sequential(
            nn.Linear(channels, hidden),
            nn.ReLU(inplace=True),
            nn.Linear(hidden, channels),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        b, c, _, _ = x.size()
        y: Tensor = self.fc(self.pool(x).view(b, c)).view(b, c, 1, 1)
        return x * y.expand_as(x)


class ECA(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        t = int(abs((math.log2(channels) + 1) / 2))
        k = t if t % 2 else t + 1
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.conv = nn.Conv1d(1, 1, k, padding=(k - 1) // 2, bias=False)
        self.sigmoid = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(self.pool(x).squeeze(-1).transpose(-1, -2))
        y = self.sigmoid(y.transpose(-1, -2).unsqueeze(-1))
        out: Tensor = x * y.expand_as(x)
        return out


class Cell(nn.Module):
    """A recurrent cell with a bottleneck before its gates and a sigmoid at its end."""

    def __init__(self, channels: int, reduction: int = 4) -> None:
        super().__init__()
        hidden = max(channels // reduction, 1)
        self.of_input, self.of_hidden = (
            nn.Sequential(
                nn.Linear(channels, hidden),
                nn.ReLU(inplace=True),
                nn.Linear(hidden, 4 * channels),
            )
            for _ in range(2)
        )

    def forward(self, x: Tensor, state: State) -> State:
        hidden, cell = state
        i, f, g, o = (self.of_input(x) + self.of_hidden(hidden)).chunk(4, 1)
        i, f, o = torch.sigmoid(i), torch.sigmoid(f), torch.sigmoid(o)
        g = torch.tanh(g)
        cell = f * cell + i * g
        return o * torch.sigmoid(cell), cell


class LSTM(nn.Module):
    """A stack of cells (of one), fed with a sequence (of one)."""

    def __init__(self, channels: int, layers: int = 1) -> None:
        super().__init__()
        self.cells = nn.ModuleList([Cell(channels) for _ in range(layers)])

    def forward(self, sequence: Tensor, state: State) -> tuple[Tensor, State]:
        outputs, states = [], list(zip(*state, strict=True))
        for x in sequence:
            for layer, cell in enumerate(self.cells):
                states[layer] = cell(x, states[layer])
                x = states[layer][0]
            outputs.append(x)
        hidden, cells = zip(*states, strict=True)
        return torch.stack(outputs), (torch.stack(hidden), torch.stack(cells))


class DIA(nn.Module):
    carries_state = True
    stage_only = True

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.lstm = LSTM(channels)

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        b, c, _, _ = x.size()
        y = self.pool(x).view(1, b, c)
        if state is None:
            state = (torch.zeros(1, b, c).to(x), torch.zeros(1, b, c).to(x))
        y, state = self.lstm(y, state)
        return x * y[-1].view(b, c, 1, 1).expand_as(x), state


class SRM(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.cfc = nn.Parameter(torch.zeros(2, channels))
        self.bn = nn.BatchNorm2d(channels)
        self.sigmoid = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        b, c, _, _ = x.size()
        mean = x.view(b, c, -1).mean(dim=2, keepdim=True)
        std = (x.view(b, c, -1).var(dim=2, keepdim=True) + 1e-5).sqrt()
        style = torch.cat((mean, std), dim=2) * self.cfc.t()[None, :, :]
        out: Tensor = x * self.sigmoid(self.bn(torch.sum(style, dim=2)[:, :, None, None]))
        return out


class IE(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d((1, 1))
        self.weight = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.bias = nn.Parameter(-torch.ones(1, channels, 1, 1))
        self.sigmoid = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.sigmoid(self.pool(x) * self.weight + self.bias) * x
        return out


class SPA(nn.Module):
    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        hidden = max(channels // reduction, 1)
        self.pool1 = nn.AdaptiveAvgPool2d(1)
        self.pool2 = nn.AdaptiveAvgPool2d(2)
        self.pool4 = nn.AdaptiveAvgPool2d(4)
        self.fc = nn.Sequential(
            nn.Linear(21 * channels, hidden, bias=False),
            nn.ReLU(inplace=True),
            nn.Linear(hidden, channels, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        b, c, _, _ = x.size()
        levels = [pool(x).view(b, -1) for pool in (self.pool1, self.pool2, self.pool4)]
        y = self.fc(torch.cat(levels, dim=1)).view(b, c, 1, 1)
        out: Tensor = x * y.expand_as(x)
        return out


class GatherExcite(nn.Module):
    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, size, groups=channels, bias=False)
        self.bn = nn.BatchNorm2d(channels)
        self.sigmoid = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x * self.sigmoid(self.bn(self.conv(x)))
        return out


class StepSize(nn.Module):
    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        hidden = max(channels // reduction, 1)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Sequential(
            nn.Linear(2 * channels, hidden),
            nn.ReLU(inplace=True),
            nn.Linear(hidden, channels),
            nn.Sigmoid(),
        )

    def forward(self, y: Tensor, x: Tensor) -> Tensor:
        b, c, _, _ = y.size()
        before, after = self.pool(x).view(b, -1), self.pool(y).view(b, c)
        if before.size(1) != c:
            before = F.pad(before, (0, c - before.size(1)))
        out: Tensor = y * self.fc(torch.cat((before, after), dim=1)).view(b, c, 1, 1).expand_as(y)
        return out


RELEASED: Mapping[str, Callable[..., nn.Module]] = {
    "bam": BAM,
    "cbam": CBAM,
    "coord": Coordinate,
    "dia": DIA,
    "eca": ECA,
    "ge": GatherExcite,
    "ie": IE,
    "iebn": IEBN,
    "se": SE,
    "sge": SGE,
    "simam": SimAM,
    "sk": SelectiveKernel,
    "spa": SPA,
    "srm": SRM,
    "stepnet": StepSize,
}
"""By the name in the catalogue; called like ours, with the defaults of ours."""
