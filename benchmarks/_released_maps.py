"""Released style: the attentions with a factor for each position, or in place of a layer."""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["BAM", "CBAM", "IEBN", "SGE", "Coordinate", "SelectiveKernel", "SimAM"]


class CBAM(nn.Module):
    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        hidden = max(channels // reduction, 1)
        self.mlp = nn.Sequential(
            nn.Flatten(), nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, channels)
        )
        self.conv = nn.Conv2d(2, 1, 7, padding=3, bias=False)
        self.bn = nn.BatchNorm2d(1, eps=1e-5, momentum=0.01)

    def forward(self, x: Tensor) -> Tensor:
        whole = (x.size(2), x.size(3))
        average = self.mlp(F.avg_pool2d(x, whole, stride=whole))
        largest = self.mlp(F.max_pool2d(x, whole, stride=whole))
        scale = torch.sigmoid(average + largest).unsqueeze(2).unsqueeze(3)
        x = x * scale.expand_as(x)
        both = torch.cat((torch.max(x, 1)[0].unsqueeze(1), torch.mean(x, 1).unsqueeze(1)), 1)
        return x * torch.sigmoid(self.bn(self.conv(both)))


class SGE(nn.Module):
    def __init__(self, channels: int, groups: int = 64) -> None:
        super().__init__()
        self.groups = min(groups, channels // 4)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.weight = nn.Parameter(torch.zeros(1, self.groups, 1, 1))
        self.bias = nn.Parameter(torch.ones(1, self.groups, 1, 1))
        self.sigmoid = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        b, c, h, w = x.size()
        x = x.view(b * self.groups, -1, h, w)
        xn = (x * self.pool(x)).sum(dim=1, keepdim=True)
        t = xn.view(b * self.groups, -1)
        t = t - t.mean(dim=1, keepdim=True)
        t = t / (t.std(dim=1, keepdim=True) + 1e-5)
        t = t.view(b, self.groups, h, w) * self.weight + self.bias
        x = x * self.sigmoid(t.view(b * self.groups, 1, h, w))
        return x.view(b, c, h, w)


class IEBN(nn.BatchNorm2d):
    def __init__(self, channels: int) -> None:
        super().__init__(channels, affine=False)
        self.gamma = nn.Parameter(torch.ones(1, channels, 1, 1))
        self.beta = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.pool = nn.AdaptiveAvgPool2d((1, 1))
        self.gate_weight = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.gate_bias = nn.Parameter(-torch.ones(1, channels, 1, 1))
        self.sigmoid = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        scale = self.gamma * self.sigmoid(self.pool(x) * self.gate_weight + self.gate_bias)
        out: Tensor = super().forward(x) * scale + self.beta
        return out


class SimAM(nn.Module):
    def __init__(self, channels: int, e_lambda: float = 1e-4) -> None:
        super().__init__()
        self.e_lambda = e_lambda
        self.sigmoid = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        n = x.size(2) * x.size(3) - 1
        d = (x - x.mean(dim=[2, 3], keepdim=True)).pow(2)
        y = d / (4 * (d.sum(dim=[2, 3], keepdim=True) / n + self.e_lambda)) + 0.5
        out: Tensor = x * self.sigmoid(y)
        return out


class HardSwish(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.relu = nn.ReLU6(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x * (self.relu(x + 3) / 6)
        return out


class Coordinate(nn.Module):
    def __init__(self, channels: int, reduction: int = 32) -> None:
        super().__init__()
        hidden = max(8, channels // reduction)
        self.pool_h = nn.AdaptiveAvgPool2d((None, 1))
        self.pool_w = nn.AdaptiveAvgPool2d((1, None))
        self.conv = nn.Conv2d(channels, hidden, 1)
        self.bn = nn.BatchNorm2d(hidden)
        self.act = HardSwish()
        self.conv_h = nn.Conv2d(hidden, channels, 1)
        self.conv_w = nn.Conv2d(hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        _, _, h, w = x.size()
        y = torch.cat([self.pool_h(x), self.pool_w(x).permute(0, 1, 3, 2)], dim=2)
        of_h, of_w = torch.split(self.act(self.bn(self.conv(y))), [h, w], dim=2)
        of_w = of_w.permute(0, 1, 3, 2)
        out: Tensor = x * self.conv_w(of_w).sigmoid() * self.conv_h(of_h).sigmoid()
        return out


class SelectiveKernel(nn.Module):
    def __init__(self, channels: int, conv: nn.Conv2d, reduction: int = 16) -> None:
        super().__init__()
        other = nn.Conv2d(
            conv.in_channels,
            channels,
            3,
            stride=conv.stride[0],
            padding=2,
            dilation=2,
            groups=math.gcd(32, conv.in_channels, channels),
            bias=False,
        )
        self.convs = nn.ModuleList(
            nn.Sequential(layer, nn.BatchNorm2d(channels), nn.ReLU(inplace=True))
            for layer in (copy.deepcopy(conv), other)
        )
        hidden = max(channels // reduction, 32)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Sequential(
            nn.Conv2d(channels, hidden, 1, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU(inplace=True),
        )
        self.select = nn.Conv2d(hidden, 2 * channels, 1, bias=False)
        self.softmax = nn.Softmax(dim=1)

    def forward(self, x: Tensor) -> Tensor:
        one, other = (conv(x) for conv in self.convs)
        b, c, _, _ = one.size()
        z = self.select(self.fc(self.pool(one + other)))
        weights = self.softmax(z.view(b, 2, c, 1, 1))
        out: Tensor = one * weights[:, 0].expand_as(one) + other * weights[:, 1].expand_as(other)
        return out


class ChannelGate(nn.Module):
    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.gate = nn.Sequential(
            nn.Flatten(),
            nn.Linear(channels, hidden),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            nn.Linear(hidden, channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        pooled = F.avg_pool2d(x, x.size(2), stride=x.size(2))
        out: Tensor = self.gate(pooled).unsqueeze(2).unsqueeze(3).expand_as(x)
        return out


class SpatialGate(nn.Module):
    def __init__(self, channels: int, hidden: int, dilation: int = 4) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, side in ((channels, 1), (hidden, 3), (hidden, 3)):
            pad, far = (dilation, dilation) if side == 3 else (0, 1)
            layers += [
                nn.Conv2d(inputs, hidden, side, padding=pad, dilation=far),
                nn.BatchNorm2d(hidden),
                nn.ReLU(),
            ]
        self.gate = nn.Sequential(*layers, nn.Conv2d(hidden, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.gate(x).expand_as(x)
        return out


class BAM(nn.Module):
    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        hidden = max(channels // reduction, 1)
        self.channel = ChannelGate(channels, hidden)
        self.spatial = SpatialGate(channels, hidden)

    def forward(self, x: Tensor) -> Tensor:
        return (1 + torch.sigmoid(self.channel(x) * self.spatial(x))) * x
