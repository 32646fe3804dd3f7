"""The batch norm behind a width: where criteria find the scale and the shift of its channels."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from lightning_modules.pruning._layers import module_at
from lightning_modules.structure import Width

__all__ = ["norm_behind", "norms_behind"]


def norm_behind(model: nn.Module, width: Width) -> _BatchNorm | None:
    """The first batch norm with a scale and a shift that a width's channels pass through."""
    for path in width.followers:
        norm = module_at(model, path)
        if isinstance(norm, _BatchNorm) and norm.affine:
            return norm
    return None


def norms_behind(
    model: nn.Module, widths: Sequence[Width], *, asking: str
) -> dict[str, _BatchNorm]:
    """The batch norm of every width, by producer.

    Args:
        asking: name of the criterion, for the message.

    Raises:
        ValueError: a width has none.
    """
    found = {}
    for width in widths:
        norm = norm_behind(model, width)
        if norm is None:
            raise ValueError(
                f"{asking} needs a batch norm with a scale behind every width; '{width.producer}' "
                f"is followed by {', '.join(width.followers) or 'none'}; choose another criterion"
            )
        found[width.producer] = norm
    return found
