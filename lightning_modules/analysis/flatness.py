"""Flatness of a minimum (Li et al., NeurIPS 2018, arXiv:1712.09913; AlterSGD, arXiv:2107.05804).

    L(a) = loss(w + a d),  d_f = |w_f| / |n_f| n_f,  n ~ N(0, 1)       a in [-1, 1], f: a filter
    lambda = largest eigenvalue of the Hessian of the loss;  g = |gradient of the loss|

The loss is the mean cross-entropy over batches of the training split as evaluation sees them, with
batch norms in eval mode. Filters are the slices of a weight along its first dimension. Parameters
of one dimension, which are biases and batch norms, stay where they are along d, as usual; lambda
and g are over all parameters. Weights of exactly zero were pruned: nothing moves them.

lambda is found by power iteration with Hessian-vector products from a random start, until it
changes by no more than TOLERANCE of itself or after STEPS. Where what it finds is negative, a
second iteration, on the Hessian shifted by that, finds the largest.

Differs from the authors' code: curves along several directions, no plane of two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from lightning_modules.analysis._subject import Batch, Subject
from lightning_modules.seeds import generator

__all__ = ["Eigenvalue", "analyse", "top_eigenvalue"]

NEEDS = ()
DIRECTIONS = 5
POINTS = 21
STEPS = 100
TOLERANCE = 1e-3

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class Eigenvalue:
    """What power iteration found: after how many products, and whether it stood still by then."""

    value: float
    steps: int
    converged: bool


def analyse(subject: Subject) -> dict[str, Any]:
    """How fast the loss rises around the weights.

    Returns:
        images: how many the loss is over; loss; offsets: a; curves: L(a), one for each direction;
        gradient_norm: g; eigenvalue: lambda; steps and converged: of the iteration.
    """
    with sdpa_kernel(SDPBackend.MATH):  # fused attention has no second derivative
        return _analyse(subject)


def _analyse(subject: Subject) -> dict[str, Any]:
    named = subject.network.named_parameters()
    weights = {name: p.detach().clone().requires_grad_() for name, p in named if p.requires_grad}
    half = POINTS // 2
    offsets = [n / half for n in range(-half, half + 1)]
    directions = (_direction(weights, subject.seed, number) for number in range(DIRECTIONS))
    curves = [
        [_loss(subject, _moved(weights, along, offset)) for offset in offsets]
        for along in directions
    ]
    kept = _flat(_mask(p) for p in weights.values())
    start = torch.randn(len(kept), generator=generator("hessian", subject.seed)).to(kept)
    found = top_eigenvalue(lambda v: kept * _product(subject, weights, v), kept * start)
    return {
        "images": _images(subject),
        "loss": _loss(subject, weights),
        "offsets": offsets,
        "curves": curves,
        "gradient_norm": (kept * _gradient(subject, weights)).norm().item(),
        "eigenvalue": found.value,
        "steps": found.steps,
        "converged": found.converged,
    }


def top_eigenvalue(
    product: Callable[[Tensor], Tensor],
    start: Tensor,
    *,
    steps: int = STEPS,
    tolerance: float = TOLERANCE,
) -> Eigenvalue:
    """The largest eigenvalue of a symmetric matrix, of which products with vectors are known."""
    first = _power(product, start, steps, tolerance)
    if first.value >= 0:
        return first
    least = first.value
    second = _power(lambda v: product(v) - least * v, start, steps, tolerance)
    converged = first.converged and second.converged
    return Eigenvalue(second.value + least, first.steps + second.steps, converged)


def _power(
    product: Callable[[Tensor], Tensor], start: Tensor, steps: int, tolerance: float
) -> Eigenvalue:
    """The eigenvalue that is largest in magnitude."""
    vector, value = start / start.norm(), 0.0
    for step in range(1, steps + 1):
        image = product(vector)
        before, value = value, torch.dot(vector, image).item()
        size = image.norm().item()
        if not size or (step > 1 and abs(value - before) <= tolerance * abs(value)):
            return Eigenvalue(value, step, converged=True)
        vector = image / size
    return Eigenvalue(value, steps, converged=False)


def _direction(weights: Weights, seed: int, number: int) -> Weights:
    """d: for each weight of more than one dimension."""
    drawn = generator("direction", seed, number)
    found = {}
    for name, weight in weights.items():
        if weight.ndim > 1:
            noise = torch.randn(weight.shape, generator=drawn).to(weight) * _mask(weight)
            found[name] = noise * (_sizes(weight) / _sizes(noise).clamp_min(1e-30))
    return found


def _sizes(weight: Tensor) -> Tensor:
    """Norms of the filters, to be multiplied with them."""
    axes = tuple(range(1, weight.ndim))
    sizes: Tensor = torch.linalg.vector_norm(weight.detach(), dim=axes, keepdim=True)
    return sizes


def _mask(weight: Tensor) -> Tensor:
    """One where a weight may move."""
    detached = weight.detach()
    return (detached != 0).to(weight) if weight.ndim > 1 else torch.ones_like(detached)


def _moved(weights: Weights, along: Weights, offset: float) -> Weights:
    return {**weights, **{name: weights[name] + offset * d for name, d in along.items()}}


@torch.no_grad()
def _loss(subject: Subject, weights: Weights) -> float:
    total = sum(_sum(subject, weights, batch).item() for batch in subject.train)
    return total / _images(subject)


def _gradient(subject: Subject, weights: Weights) -> Tensor:
    parts = (
        _flat(_slopes(_sum(subject, weights, batch), weights)).detach() for batch in subject.train
    )
    return sum(parts, torch.zeros(())) / _images(subject)


def _product(subject: Subject, weights: Weights, vector: Tensor) -> Tensor:
    """The Hessian of the loss times a vector."""
    total = torch.zeros_like(vector)
    for batch in subject.train:
        slopes = _flat(_slopes(_sum(subject, weights, batch), weights, graph=True))
        total += _flat(_slopes(torch.dot(slopes, vector), weights))
    return total / _images(subject)


def _sum(subject: Subject, weights: Weights, batch: Batch) -> Tensor:
    images, labels = batch
    return F.cross_entropy(
        functional_call(subject.network, weights, (images,)), labels, reduction="sum"
    )


def _slopes(value: Tensor, weights: Weights, *, graph: bool = False) -> tuple[Tensor, ...]:
    return torch.autograd.grad(
        value, list(weights.values()), create_graph=graph, materialize_grads=True
    )


def _flat(parts: Iterable[Tensor]) -> Tensor:
    return torch.cat([part.flatten() for part in parts])


def _images(subject: Subject) -> int:
    return sum(len(labels) for _, labels in subject.train)
