"""What a finished network is worth and what it costs.

The only reader of the test split, but for recipes that say ``test_each_epoch``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor, nn

from lightning_modules.classifier import Classifier
from lightning_modules.cost import count
from lightning_modules.fit import evaluate
from lightning_modules.keeper import EpochRow
from lightning_modules.latency import measure
from lightning_modules.recipe import noise_of
from lightning_modules.storage import Damaged, previous, read
from sweeps.workbench import Workbench


def results(bench: Workbench) -> dict[str, Any]:
    """The record's ``result``: everything that another run of the cell must repeat."""
    last, network = bench.load(bench.last), bench.finished()
    final = _test(bench, network, last["state"])
    is_selected = last["selected_epoch"] == _epochs(last["history"]) - 1
    selected = final if is_selected else _test(bench, network, last["selected"])
    pruned = bench.load(f"prune-{bench.rounds - 1}") if bench.rounds else None
    untrained = bench.cell.is_search
    before = _test(bench, network, pruned["state"]) if pruned and not untrained else None
    network.load_state_dict(last["state"])
    return {
        "accuracy": final["top1"],
        "accuracy_top5": final.get("top5"),
        "accuracy_selected": selected["top1"],
        "accuracy_before_refit": before["top1"] if before else None,
        **_training(last),
        **_best(last["history"], final["top1"]),
        "cost": _cost(bench, network),
        "cost_dense": _cost(bench, bench.dense()),
        "sparsity": pruned["sparsity"] if pruned else 0.0,
        **(_searched(pruned) if pruned and "search" in pruned else {}),
        "weights": digest(last["state"]),
    }


def _searched(pruned: Mapping[str, Any]) -> dict[str, Any]:
    """What a search asked, and the scheme if it was one for connections."""
    scheme = pruned["pruned"].get("connect")
    return {"search": pruned["search"], **({"scheme": scheme} if scheme else {})}


def history(bench: Workbench) -> list[EpochRow]:
    """Every epoch of the cell's own training, its parent's left out."""
    return [row for name in _trainings(bench) for row in bench.load(name)["history"]]


def earlier(bench: Workbench) -> list[EpochRow]:
    """The same so far as an attempt before has come; what cannot be read is left out."""
    rows: list[EpochRow] = []
    for name in _trainings(bench):
        checkpoint = bench.paths.checkpoint(name)
        for path in (bench.paths.weights(name), checkpoint, previous(checkpoint)):
            with suppress(FileNotFoundError, Damaged, KeyError):
                rows += read(path)["history"]
                break
    return rows


def _trainings(bench: Workbench) -> list[str]:
    return [f"refit-{n}" for n in range(bench.rounds)] or ["fit"]


def latency(bench: Workbench, network: nn.Module) -> dict[str, Any]:
    """The record's ``latency``: a network in alternation with the plain dense backbone."""
    device = chosen_device(bench)
    found = measure(
        network.to(device),
        bench.plain().to(device),
        image_size=bench.spec.image_size,
        seconds=bench.trainer["latency_seconds"],
    )
    reference = f"{bench.cell.backbone} without attention and pruning"
    return {**found.json(), "reference": reference}


def chosen_device(bench: Workbench) -> torch.device:
    """A GPU if there is one and the trainer's options allow it."""
    on_gpu = str(bench.trainer["accelerator"]) in ("auto", "gpu", "cuda")
    return torch.device("cuda" if on_gpu and torch.cuda.is_available() else "cpu")


def cost(bench: Workbench) -> dict[str, Any]:
    """Cost of the dense network with fresh weights, as such and against the plain backbone."""
    own, plain = _cost(bench, bench.dense()), _cost(bench, bench.plain())
    ratio = {name: own[name] / plain[name] for name in ("params", "macs")}
    return {"cost": own, "ratio": ratio, "latency": latency(bench, bench.dense())}


def digest(state: Mapping[str, Tensor]) -> str:
    """sha256 over all parameters and buffers, names included."""
    total = hashlib.sha256()
    for name in sorted(state):
        total.update(name.encode())
        total.update(state[name].contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return total.hexdigest()


def _test(bench: Workbench, network: nn.Module, state: Mapping[str, Tensor]) -> dict[str, float]:
    network.load_state_dict(state)
    noise = noise_of(bench.cell.recipe.options)
    classifier = Classifier(network, bench.spec.num_classes, noise=noise)
    precision = bench.cell.recipe.options["precision"]
    found = evaluate(classifier, bench.data, bench.trainer, precision)
    network.cpu()
    return found


def _cost(bench: Workbench, network: nn.Module) -> dict[str, int]:
    return count(network, bench.spec.image_size).json()


def _training(last: Mapping[str, Any]) -> dict[str, Any]:
    row = last["history"][-1] if last["history"] else {}
    return {
        **{name: row.get(name) for name in ("train_loss", "val_loss", "val_accuracy")},
        "selected_epoch": last["selected_epoch"],
        "epochs": _epochs(last["history"]),
    }


def _best(history: list[EpochRow], final: float) -> dict[str, Any]:
    """The best test epoch, where the recipe had each one tested; of equal ones the first.

    The last one has the accuracy ``final``, though several devices may have seen another one.
    """
    if not history or "test_accuracy" not in history[-1]:
        return {}
    found = {int(row["epoch"]): row["test_accuracy"] for row in history}
    found[int(history[-1]["epoch"])] = final
    best = max(found, key=found.__getitem__)
    return {"accuracy_best_epoch": found[best], "best_epoch": best}


def _epochs(history: list[EpochRow]) -> int:
    return int(history[-1]["epoch"]) + 1 if history else 0
