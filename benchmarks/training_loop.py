"""Our training loop against a plain PyTorch loop on the same network, batches and optimizer.

    python -m benchmarks.training_loop

Both train ResNet-20 with batch 32 on synthetic images; epochs alternate between the two, the order
swapped each round, and each pair gives one ratio. Ours is timed from one epoch's start to the next,
with everything that comes between (metrics, schedule, seeding, the checkpoint of the epoch).
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import LightningDataModule
from torch import nn
from torch.nn import functional as F

from datamodules.open import open_data
from datamodules.spec import DataSpec
from lightning_modules.build import build
from lightning_modules.classifier import Classifier, Phase
from lightning_modules.fit import fit
from lightning_modules.recipe import Recipe
from lightning_modules.storage import Files
from sweeps.cell import Choice
from sweeps.overrides import CONF, read_yaml

TRAINER = read_yaml(CONF / "settings.yaml")["trainer"] | {"accelerator": "cpu"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--image-size", type=int, default=32)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    spec = DataSpec(
        "synthetic", image_size=asked.image_size, size=960, pad=4, flip=True, val_fraction=0.0
    )
    data = open_data(spec, folder=Path(), recipe=Recipe(batch_size=32), seed=0)
    steps = len(data.train_dataloader())
    pairs = [pair(data, spec, ours_first=bool(n % 2)) for n in range(asked.rounds)]
    ratios = sorted(ours / plain for ours, plain in pairs)
    overhead = [1000 * (ours - plain) / steps for ours, plain in pairs]
    print(
        f"resnet20, batch 32, {asked.image_size} px, {steps} steps an epoch, "
        f"{asked.threads} threads"
    )
    print(f"ours / plain: {statistics.median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f})")
    print(f"host overhead: {statistics.median(overhead):.2f} ms a step")


def pair(data: LightningDataModule, spec: DataSpec, *, ours_first: bool) -> tuple[float, float]:
    """Seconds of one epoch of ours and of the plain loop, one right after the other."""
    if ours_first:
        ours = our_epoch(data, spec)
        return ours, plain_epoch(data, spec)
    plain = plain_epoch(data, spec)
    return our_epoch(data, spec), plain


def network(spec: DataSpec) -> nn.Module:
    torch.manual_seed(0)
    backbone = Choice("resnet20", {"shortcut": "projection"})
    return build(backbone, Choice("none"), classes=spec.num_classes, image_size=spec.image_size)


def our_epoch(data: Any, spec: DataSpec) -> float:
    starts: list[float] = []
    phase = Phase("fit", vars(Recipe(epochs=2, lr=0.01)), 2, 0)

    class Timed(Classifier):
        def on_train_epoch_start(self) -> None:
            starts.append(time.perf_counter())
            super().on_train_epoch_start()

    with tempfile.TemporaryDirectory() as folder:
        files = Files(Path(folder) / "fit.ckpt", Path(folder) / "fit.pt")
        fit(Timed(network(spec), spec.num_classes, phase), data, files, trainer=TRAINER)
    data.trainer = None
    return starts[1] - starts[0]


def plain_epoch(data: Any, spec: DataSpec) -> float:
    model = network(spec).train()
    optimizer = torch.optim.SGD(model.parameters(), 0.01, 0.9, weight_decay=1e-4)
    start = time.perf_counter()
    for images, labels in data.train_dataloader():
        optimizer.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
