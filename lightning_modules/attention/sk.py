"""Selective kernel (Li et al., CVPR 2019, arXiv:1903.06586).

    a = relu(BN(conv(x)));  b = relu(BN(conv'(x)))         conv': as conv, dilated, in groups
    z = relu(BN(W1 mean_hw(a + b)));  w = softmax over the two of W2 z        W1: C -> max(C/r, L)
    y = w_a * a + w_b * b                                  W2: -> 2C, no biases

It stands instead of a spatial convolution and the norm behind it; conv is the one that stood there,
with its weights. conv' has conv's groups if it has any, else up to 32. So a ResNeXt-50 (32x4d) has
the 27.5 M parameters of the authors' SKNet-50; with dilation=1 and least=1 a ResNet-50 has the
26.15 M of SK-ResNet50*, which the baselines of the attention papers print.

Differs from the authors' code: theirs (Caffe) is a ResNeXt. On a net without groups conv' is that
of SK-ResNet*; of a block with two convolutions only the first is replaced, as timm does.
"""

from __future__ import annotations

import math

from torch import Tensor, nn

from lightning_modules.attention._maps import gated, mean_hw

__all__ = ["SelectiveKernel"]


class SelectiveKernel(nn.Module):
    """Two convolutions with receptive fields of different size, weighed channel by channel.

    Args:
        channels: C, number of output channels.
        conv: the convolution that it stands instead of, (C_in -> C), with an odd kernel.
        reduction: r, how many times narrower the hidden layer of the gate is.
        least: L, what the hidden layer has at least.
        groups: of the second convolution, where the first has none; the largest common divisor
            of this and both numbers of channels.
        dilation: of the second convolution.

    Shape:
        input as that of conv, output as that of conv; at least two images in training.

    Cost:
        what the second convolution has, two batch norms, 3*C*max(C/r, L) + 2*max(C/r, L)
        parameters; as many MACs as the two convolutions and the two linear layers.

    Raises:
        ValueError: an option below 1, or a kernel with an even side.
    """

    slot = "conv"
    least_batch = 2
    gate_parts = ("gate",)

    def __init__(
        self,
        channels: int,
        *,
        conv: nn.Conv2d,
        reduction: int = 16,
        least: int = 32,
        groups: int = 32,
        dilation: int = 2,
    ) -> None:
        super().__init__()
        options = {"reduction": reduction, "least": least, "groups": groups, "dilation": dilation}
        for name, value in options.items():
            if value < 1:
                raise ValueError(f"{name} is at least 1; came {value}")
        self.first = _branch(conv)
        self.second = _branch(_variant(conv, groups, dilation))
        hidden = max(channels // reduction, least)
        self.gate = nn.Sequential(
            nn.Linear(channels, hidden, bias=False),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            nn.Linear(hidden, 2 * channels, bias=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        a, b = self.first(x), self.second(x)
        one, other = self.gate(mean_hw(a) + mean_hw(b)).chunk(2, 1)
        share = (one - other).sigmoid()  # a softmax over two
        return gated(a, share).add_(gated(b, 1 - share))


def _branch(conv: nn.Conv2d) -> nn.Sequential:
    return nn.Sequential(conv, nn.BatchNorm2d(conv.out_channels), nn.ReLU())


def _variant(conv: nn.Conv2d, groups: int, dilation: int) -> nn.Conv2d:
    """A convolution of the same shape with other groups and dilation, and fresh weights."""
    side = conv.kernel_size[0]
    if side % 2 == 0 or isinstance(conv.padding, str):
        raise ValueError(f"a kernel with an odd side and a padding in px is needed; came {conv}")
    common = math.gcd(groups, conv.in_channels, conv.out_channels)
    made = nn.Conv2d(
        conv.in_channels,
        conv.out_channels,
        side,
        conv.stride[0],
        conv.padding[0] + (dilation - 1) * (side // 2),
        dilation,
        conv.groups if conv.groups > 1 else common,
        bias=conv.bias is not None,
    )
    nn.init.kaiming_normal_(made.weight, mode="fan_out", nonlinearity="relu")
    return made
