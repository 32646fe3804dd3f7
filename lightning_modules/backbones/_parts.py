"""What the CIFAR-style nets are put together from."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import ClassVar

from torch import Tensor, nn

__all__ = ["Block", "assemble", "conv", "require_image", "stack"]


class Block(nn.Module):
    """One residual (or dense) unit, with ``gate`` at the end of its branch.

    ``INNER`` lists its prunable widths as (producer, followers, consumer), names within the block.
    """

    INNER: ClassVar[tuple[tuple[str, tuple[str, ...], str], ...]] = ()

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.gate: nn.Module = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        raise NotImplementedError


def require_image(image_size: int, smallest: int) -> None:
    """Raise ValueError if the image's side is below ``smallest`` px."""
    if image_size < smallest:
        raise ValueError(
            f"image_size={image_size} px is too small for this backbone; allowed is {smallest} px "
            "or more: enlarge the images or choose another backbone"
        )


def conv(inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    """A convolution without bias whose padding keeps the map's side at stride 1 (odd kernel)."""
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)


def stack(
    make: Callable[[int, int, int], nn.Module],
    counts: Sequence[int],
    *,
    inputs: int,
    outputs: Sequence[int],
) -> list[nn.Module]:
    """Stages of ``make(inputs, outputs, stride)``; each stage after the first halves the map."""
    stages: list[nn.Module] = []
    for index, (count, width) in enumerate(zip(counts, outputs, strict=True)):
        blocks = []
        for position in range(count):
            blocks.append(make(inputs, width, 2 if index and not position else 1))
            inputs = width
        stages.append(nn.Sequential(*blocks))
    return stages


def assemble(
    stem: nn.Module,
    stages: Sequence[nn.Module],
    tail: nn.Module,
    *,
    channels: int,
    num_classes: int,
) -> nn.Sequential:
    """Stem, stages, tail, global average pool and linear head, initialised as He et al. (2015).

    Convolutions: N(0, sqrt(2 / (k k C_out))), bias 0; batch norm: scale 1, shift 0; the head keeps
    torch's default. ``channels`` is the width after the tail.
    """
    net = nn.Sequential(
        OrderedDict(
            stem=stem,
            stages=nn.Sequential(*stages),
            tail=tail,
            pool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            fc=nn.Linear(channels, num_classes),
        )
    )
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return net
