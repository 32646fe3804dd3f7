"""The optimizer of a recipe, and its learning rate by epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from lightning_modules.altersgd import AlterSGD
from lightning_modules.recipe import alternation_of


def factor(options: Mapping[str, Any], epoch: float) -> float:
    """Learning rate divided by its peak at a (fractional) 0-based epoch of a phase.

    A step schedule multiplies by gamma at the START of each epoch in ``milestones``, as the CIFAR
    papers do. Warm-up rises linearly and is part of ``epochs``.
    """
    warmup, total = options["warmup_epochs"], options["epochs"]
    if epoch < warmup:
        return float(max(epoch / warmup, 0.01))
    if options["schedule"] == "step":
        return float(options["gamma"] ** sum(epoch >= m - 1e-6 for m in options["milestones"]))
    if options["schedule"] == "cosine":
        done = min(1.0, (epoch - warmup) / max(total - warmup, 1e-9))
        return 0.5 * (1 + math.cos(math.pi * done))
    return 1.0


def make_optimizer(
    network: nn.Module, options: Mapping[str, Any], *, per_epoch: int, first: int = 0
) -> torch.optim.Optimizer:
    """The optimizer of a recipe's options at its peak learning rate.

    Args:
        per_epoch: steps of an epoch.
        first: epochs of the phase that are done.
    """
    groups = decay_groups(network, options["weight_decay"], decay_all=options["decay_all"])
    if options["optimizer"] == "adamw":
        return torch.optim.AdamW(groups, lr=options["lr"])
    lr, momentum, nesterov = (options[name] for name in ("lr", "momentum", "nesterov"))
    if options["optimizer"] == "sgd":
        return torch.optim.SGD(groups, lr, momentum, nesterov=nesterov)
    alter = alternation_of(options)
    start = round(alter.start * options["epochs"] * per_epoch)
    plain = {"nesterov": nesterov, "ascent": alter.ascent}
    return AlterSGD(groups, lr, momentum, **plain, start=start, done=first * per_epoch)


def decay_groups(network: nn.Module, decay: float, *, decay_all: bool) -> list[dict[str, Any]]:
    """Parameters with and without weight decay."""
    with_decay: list[nn.Parameter] = []
    without: list[nn.Parameter] = []
    for parameter in network.parameters():
        (with_decay if decay_all or parameter.ndim > 1 else without).append(parameter)
    groups = [
        {"params": with_decay, "weight_decay": decay},
        {"params": without, "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]
