"""Time of every attention on ResNet-164: against none, and against the papers' released style.

    python -m benchmarks.attention [--only se,dia] [--batch 16] [--rounds 10]

Three networks take turns in one process on one core, in another order every round: without
attention, with ours, and with the same modules written as the released code writes them
(``benchmarks._released``), with equal weights, after a check that both compute the same. Train is
forward, backward and an SGD step, infer a forward pass. Below, ours over the other, medians of 20
rounds, and milliseconds of ours (train/infer), on a core of a shared AMD EPYC, torch 2.15, 32 px,
batch 16. The row of none compares equal networks; its p10 and p90 were 0.95 and 1.01 in training,
0.99 and 1.01 in inference. Not measured on a GPU.

            train              infer
           x none x released  x none x released         ms
    none        1.00       1.00      1.00       1.00     327/78
    bam         1.04       1.00      1.04       1.00     345/82
    cbam        1.74       0.95      1.36       0.53    575/107
    coord       1.44       0.80      1.48       0.74    480/119
    dia         1.19       0.95      1.17       0.98     408/98
    eca         1.14       0.96      1.13       0.99     388/93
    ge          1.20       0.73      1.16       0.98     392/91
    ie          1.13       0.97      1.09       1.00     366/84
    iebn        1.21       0.94      1.10       0.89     401/86
    se          1.14       0.96      1.09       1.00     375/86
    sge         1.36       0.89      1.32       0.73    467/107
    simam       1.36       0.90      1.35       0.92    453/108
    sk          1.58       0.98      1.37       0.97    533/111
    spa         1.33       0.90      1.36       0.84    445/110
    srm         1.22       0.70      1.22       0.39     406/98
    stepnet     1.18       0.93      1.17       1.00     410/97

What made ours faster, with milliseconds of one map of 16 x 64 x 32 x 32 on that core:
    most   a sum for a mean or a pool to one pixel: the gradient is a view, 0.08 for 0.41
    cbam   in inference amax for max, which also finds where: over the channels 0.17 for 2.8
    coord  sums for adaptive pools to a row and a column: 0.2 for 1.3, gradients 0.2 for 2.2
    ge     product and sum for a convolution as long as the map: gradient 0.3 for 4.6
    iebn   product and sum for addcmul, slow where one number stands for a channel of an image:
           0.11 for 0.51; in inference one batch norm, with a scale for each image
    sge    a vector norm for the standard deviation over the positions: 0.02 for 1.2
    simam  group norm for mean, deviation and variance
    spa    the map is read once, the coarse levels come from the finest
    srm    the variance from group norm's kernel, 0.22 for 4.7, and a gradient of one pass
In inference the others read and write the map as often as the released style does: equal.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks._released import RELEASED
from lightning_modules.build import build, sides
from lightning_modules.catalog import catalog, load, variant
from lightning_modules.insertion import insert
from lightning_modules.latency import pinned
from lightning_modules.options import Insertion
from lightning_modules.structure import SLOTS
from sweeps.cell import Choice

BACKBONE, CLASSES, SIZE = "resnet164", 100, 32
KINDS = ("none", "released", "ours")
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")

Seconds = Mapping[str, Sequence[float]]
"""Seconds of each round, by the kind of network."""


def main() -> None:
    fitting = [name for name in catalog("attention") if fits(name)]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=",".join(fitting), help="names, with commas")
    parser.add_argument("--batch", type=int, default=16, help="images a call, at least 2")
    parser.add_argument("--rounds", type=int, default=10, help="at least 2")
    asked = parser.parse_args()
    chosen = asked.only.split(",")
    if unknown := sorted({*chosen} - {*fitting}):
        parser.error(f"not here: {', '.join(unknown)}; available: {', '.join(fitting)}")
    if asked.batch < 2 or asked.rounds < 2:
        parser.error(f"at least 2; came --batch {asked.batch} --rounds {asked.rounds}")
    print(f"{BACKBONE}, {SIZE} px, batch {asked.batch}, {protocol()}; ours / another network:")
    print(f"median (p10 to p90) of {asked.rounds} rounds; none is three equal networks: the noise")
    heads = [f"{what} x {kind}" for what in ("train", "infer") for kind in KINDS[:2]]
    print(f"{'':8}{''.join(f'{head:>21}' for head in heads)}{'ms':>10}", flush=True)
    with nullcontext() if DEVICE.type == "cuda" else pinned():
        for name in chosen:
            print(row(name, asked.batch, asked.rounds), flush=True)


def fits(attention: str) -> bool:
    facts, offered = variant("attention", attention).facts, variant("backbone", BACKBONE).facts
    return facts.get("layout", "map") == "map" and facts.get("slot", "gate") in offered["SLOTS"]


def protocol() -> str:
    if DEVICE.type == "cuda":
        return f"torch {torch.__version__}, {torch.cuda.get_device_name()}, wall clock"
    return f"torch {torch.__version__}, one CPU core, CPU time"


def row(attention: str, batch: int, rounds: int) -> str:
    """The line of the table, after a check that what is compared computes the same."""
    require_equal(attention)
    both = contest(attention, batch, rounds)
    cells = [spread(took, kind) for took in both for kind in KINDS[:2]]
    times = "/".join(f"{1e3 * statistics.median(took['ours']):.0f}" for took in both)
    return f"{attention:8}{''.join(f'{cell:>21}' for cell in cells)}{times:>10}"


def spread(took: Seconds, against: str) -> str:
    if against not in took:
        return "-"
    ratios = [a / b for a, b in zip(took["ours"], took[against], strict=True)]
    tenths = statistics.quantiles(ratios, n=10, method="inclusive")
    return f"{tenths[4]:.2f} ({tenths[0]:.2f} to {tenths[8]:.2f})"


def networks(attention: str, backbone: str, size: int) -> dict[str, nn.Module]:
    """The three of them, ours and released style with equal weights; for none, equal networks.

    They are copies, as ``lightning_modules.latency`` says why. A variant that is newer than the
    released style's file goes without.
    """
    torch.manual_seed(0)
    made = {"none": plain(backbone, "none", size), "ours": plain(backbone, attention, size)}
    if attention == "none":
        made["released"] = made["ours"]
    elif attention in RELEASED:
        made["released"] = in_released_style(attention, backbone, size)
        give_weights(made["ours"], made["released"])
    return {kind: copy.deepcopy(made[kind]).to(DEVICE) for kind in KINDS if kind in made}


def plain(backbone: str, attention: str, size: int) -> nn.Module:
    return build(Choice(backbone), Choice(attention), classes=CLASSES, image_size=size)


def in_released_style(attention: str, backbone: str, size: int) -> nn.Module:
    """The backbone with the released style's module at the places where ours goes."""
    facts, made = variant("attention", attention).facts, plain(backbone, "none", size)
    slot = facts.get("slot", "gate")
    sites = getattr(load(variant("backbone", backbone)), SLOTS[slot])(made)
    measured = sides(made, sites, size) if facts.get("sized") else None
    return insert(made, sites, RELEASED[attention], Insertion(), slot=slot, sides=measured)


@torch.no_grad()
def give_weights(one: nn.Module, other: nn.Module) -> None:
    """Copy parameters in their order; the shapes may differ, but not the numbers in them."""
    for of, to in zip(one.parameters(), other.parameters(), strict=True):
        to.copy_(of.view_as(to))


def require_equal(attention: str) -> None:
    """Check on a small network that released style computes what ours does, and its gradient."""
    made = networks(attention, "resnet8", 16)
    if "released" not in made:
        return
    ours, released = (made[kind].double().train() for kind in ("ours", "released"))
    with torch.no_grad():
        for parameter in ours.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    give_weights(ours, released)
    images = torch.randn(4, 3, 16, 16, dtype=torch.double, device=DEVICE)
    found = []
    for one in (ours, released):
        logits = one(images)
        found.append((logits, *torch.autograd.grad(logits.square().sum(), next(one.parameters()))))
    torch.testing.assert_close(*found)
    torch.testing.assert_close(ours.eval()(images), released.eval()(images))


class Contestant:
    """A network with its optimizer and one batch, the same for all."""

    def __init__(self, network: nn.Module, batch: int) -> None:
        torch.manual_seed(1)
        self.network = network
        self.images = torch.randn(batch, 3, SIZE, SIZE).to(DEVICE)
        self.labels = torch.randint(CLASSES, (batch,)).to(DEVICE)
        self.optimizer = torch.optim.SGD(network.parameters(), 0.01, 0.9, weight_decay=1e-4)

    def train(self) -> float:
        """Seconds of a step: forward, backward, update."""
        self.network.train()
        return timed(self._step)

    def infer(self) -> float:
        """Seconds of the same batch in inference."""
        self.network.eval()
        with torch.inference_mode():
            return timed(lambda: self.network(self.images))

    def _step(self) -> None:
        self.optimizer.zero_grad()
        loss = F.cross_entropy(self.network(self.images), self.labels)
        torch.autograd.backward(loss)
        self.optimizer.step()


def contest(attention: str, batch: int, rounds: int) -> tuple[Seconds, Seconds]:
    """Seconds of training and of inference, round by round after one that does not count."""
    made = {n: Contestant(one, batch) for n, one in networks(attention, BACKBONE, SIZE).items()}
    train: dict[str, list[float]] = {kind: [] for kind in made}
    infer: dict[str, list[float]] = {kind: [] for kind in made}
    orders = itertools.cycle(itertools.permutations(made))
    for turn, order in zip(range(rounds + 1), orders, strict=False):
        print(f"\r{attention}: round {turn} of {rounds} \r", end="", file=sys.stderr, flush=True)
        for kind in order:
            train[kind].append(made[kind].train())
        for kind in order:
            infer[kind].append(made[kind].infer())
    for seconds in (*train.values(), *infer.values()):
        del seconds[0]
    return train, infer


def timed(call: Callable[[], object]) -> float:
    """Seconds of CPU time, or on a GPU of wall clock until it is idle again."""
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()
        start = time.perf_counter()
        call()
        torch.cuda.synchronize()
        return time.perf_counter() - start
    start = time.process_time()
    call()
    return time.process_time() - start


if __name__ == "__main__":
    main()
