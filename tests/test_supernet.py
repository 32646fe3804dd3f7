"""The supernet that schemes are searched on, and what becomes of a search from end to end."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import TRAINER, cell
from small import At
from torch import nn

from datamodules.open import open_data
from datamodules.spec import DataSpec
from lightning_modules.build import build, criterion
from lightning_modules.options import Search
from lightning_modules.plugs import switch, switches
from lightning_modules.recipe import Recipe
from lightning_modules.stopping import Stopped
from sweeps.cell import Cell
from sweeps.context import Context
from sweeps.evaluator import Evaluator
from sweeps.execute import execute
from sweeps.record import RunPaths

# ---------------------------------------------------------------------------- the supernet


def network(asked: Cell) -> nn.Module:
    torch.manual_seed(asked.seed)
    return build(asked.backbone, asked.attention, classes=10, image_size=8)


def images() -> torch.Tensor:
    return torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def load(fixed: nn.Module, free: nn.Module) -> None:
    """The weights of a network with switches, whose names are longer, into one without."""
    mine = {re.sub(r"(\.module)+\.", ".", name): value for name, value in free.state_dict().items()}
    names = {name: re.sub(r"(\.module)+\.", ".", name) for name in fixed.state_dict()}
    fixed.load_state_dict({name: mine[plain] for name, plain in names.items()})


def stepped(model: nn.Module) -> tuple[list[float], list[float]]:
    """The output in training, and the sum of every gradient that is there, sorted."""
    model.zero_grad()
    out: torch.Tensor = model.train()(images())
    out.square().mean().backward()
    sums = [p.grad.sum().item() for p in model.parameters() if p.grad is not None]
    return out.flatten().tolist(), sorted(sums)


KINDS = ["se attention.share=stage", "se", "dia", "cbam attention.share=stage"]


@pytest.mark.parametrize("backbone", ["resnet20", "preresnet20", "resnet18"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bits", ["000000000", "111111111", "011000101"])
def test_a_switched_network_is_the_one_built_with_that_scheme(
    backbone: str, kind: str, bits: str
) -> None:
    if backbone == "resnet18":
        bits = bits[:8]
    axes = (f"backbone={backbone}", *f"attention={kind}".split())
    free = network(cell(*axes, "attention.connect=random"))
    fixed = network(cell(*axes, f"attention.connect={bits}"))
    load(fixed, free)
    switch(switches(free), [bit == "1" for bit in bits])
    assert stepped(free) == stepped(fixed)


@pytest.mark.parametrize("kind", KINDS)
def test_no_block_plugged_is_the_plain_backbone_and_all_the_full_network(kind: str) -> None:
    axes = ("backbone=resnet20", *f"attention={kind}".split())
    plain = network(cell("backbone=resnet20"))
    empty = network(cell(*axes, "attention.connect=000|000|000"))
    full, every = (network(cell(*axes, f"attention.connect={c}")) for c in ("all", "111111111"))
    for one, other in ((plain, empty), (full, every)):
        assert one.state_dict().keys() == other.state_dict().keys()
        assert all(
            torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True)
        )
        assert stepped(one) == stepped(other)


def test_recalibrated_batch_norms_are_those_of_the_scheme_itself() -> None:
    """Against the network built with the scheme, which sees the same images in training mode."""
    asked = ("backbone=resnet20", "attention=dia", "data=synthetic", "data.size=60")
    data = open_data(DataSpec(**cell(*asked).data.options), folder=Path(), recipe=Recipe(), seed=0)
    free, bits = network(cell(*asked, "attention.connect=random")), "011000101"
    fixed = network(cell(*asked, f"attention.connect={bits}"))
    load(fixed, free)
    batches = data.validation(torch.device("cpu"))
    for module in fixed.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    fixed.train()(images())
    evaluate = Evaluator(free, batches, [images()])
    (looked, labels), *_ = batches
    with torch.no_grad():
        expected = nn.functional.cross_entropy(fixed.eval()(looked), labels).item()
    scheme = tuple(bit == "1" for bit in bits)
    assert evaluate(scheme).loss == pytest.approx(expected, rel=1e-5)
    assert evaluate(scheme) == evaluate(scheme)
    assert evaluate(scheme) != Evaluator(
        network(cell(*asked, "attention.connect=random")), batches
    )(scheme)
    assert all(m.momentum == 0.1 for m in free.modules() if isinstance(m, nn.BatchNorm2d))


# ------------------------------------------------------------------------ from end to end

SMALL = (
    "data=synthetic",
    "data.size=96",
    "data.image_size=8",
    "data.val_fraction=0.2",
    "recipe=smoke",
    "recipe.epochs=2",
    "recipe.supernet.epochs=2",
    "recipe.supernet.lr=0.02",
    "backbone=resnet20",
    "attention=dia",
)


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Context:
    ledger = tmp_path_factory.mktemp("ledger")
    return Context(ledger, ledger, TRAINER, tracking="none", time_latency=False)


def run(context: Context, *overrides: str, stop: At | None = None) -> dict[str, Any]:
    asked = cell(*SMALL, *overrides)
    for part in filter(None, (asked.parent, asked)):
        record = execute(part, replace(context, stop=stop))
        assert record["status"] == "done", record["error"]
    return record | {"key": asked.key}


def search_of(
    context: Context, name: str, *overrides: str, stop: At | None = None
) -> dict[str, Any]:
    return run(context, f"pruning={name}", "pruning.steps=8", *overrides, stop=stop)


def test_searches_on_one_supernet_share_it(context: Context) -> None:
    found = {name: search_of(context, name) for name in ("ean", "lth4sa", "leave_one_out")}
    asked = [cell(*SMALL, f"pruning={name}", "pruning.steps=8") for name in found]
    supernets = {one.parent.key for one in asked if one.parent}
    assert len(supernets) == 1
    for name, record in found.items():
        result = record["result"]
        bits = result["scheme"].replace("|", "")
        assert len(bits) == 9
        assert result["sparsity"] == pytest.approx(bits.count("0") / 9)
        assert result["search"]["supernet"] in supernets
        assert record["search_seconds"] > 0, name
        assert result["accuracy_before_refit"] is None
        assert result["cost_dense"]["params"] >= result["cost"]["params"]
    lines = RunPaths(context.ledger, supernets.pop()).schemes(0).read_text().split("\n")
    schemes = [json.loads(line)["scheme"] for line in lines if line]
    assert len(schemes) == len(set(schemes)) > 8


@pytest.mark.parametrize(("plugged", "same"), [(9, "attention.connect=all"), (0, "attention=none")])
def test_a_ticket_trains_as_the_network_that_it_is(
    context: Context, plugged: int, same: str
) -> None:
    ticket = search_of(context, "random_sites", f"pruning.plugged={plugged}")
    plain = run(context, same)
    for name in ("weights", "accuracy", "train_loss"):
        assert ticket["result"][name] == plain["result"][name]
    assert ticket["result"]["cost"] == plain["result"]["cost"]


def test_a_lottery_ticket_starts_from_the_full_networks_weights(context: Context) -> None:
    record = search_of(context, "lth4sa", "attention=se")
    start = torch.load(RunPaths(context.ledger, record["key"]).weights("prune-0"))["state"]
    full = network(cell(*SMALL, "attention=se")).state_dict()
    assert all(torch.equal(start[name], full[name]) for name in start)
    assert start.keys() < full.keys()


def test_a_tickets_file_is_its_scheme(context: Context) -> None:
    record = search_of(context, "ean")
    file = RunPaths(context.ledger, record["key"]).ticket
    told = json.loads(file.read_text())
    bits = record["result"]["scheme"]
    assert (told["backbone"], told["attention"], told["connect"]) == ("resnet20", "dia", bits)
    asked = cell(*SMALL, f"attention.connect={file}")
    assert asked.key == cell(*SMALL, f"attention.connect='{bits}'").key
    assert asked.attention.options["connect"] == bits.replace("|", "")


def test_a_search_stopped_anywhere_ends_in_the_same_record(
    context: Context, tmp_path: Path
) -> None:
    whole = search_of(context, "ean")
    other, count = replace(context, ledger=tmp_path, datasets=tmp_path), 0
    for number in (2, 3, 5, 4, 9, 7, 12, 40, 10**9):
        try:
            record = search_of(other, "ean", stop=At(number))
            break
        except Stopped:
            count += 1
    assert count > 5
    assert record["result"] == whole["result"]


def test_a_search_needs_a_validation_split(context: Context) -> None:
    asked = cell(*SMALL, "data.val_fraction=0", "pruning=ean", "pruning.steps=2")
    assert asked.parent is not None
    execute(asked.parent, context)
    record = execute(asked, context)
    assert "set data.val_fraction above 0" in record["error"]["message"]


def test_every_search_is_taken_by_the_command_line_with_its_options() -> None:
    for name in ("ean", "lth4sa", "random_sites", "leave_one_out"):
        _, options = criterion(cell(f"pruning={name}", "pruning.steps=7", "attention=se").pruning)
        assert options == Search(steps=7)


@pytest.mark.slow
def test_a_supernet_trains_in_several_processes(context: Context, tmp_path: Path) -> None:
    """Where a stage has no plugged block, its shared module has no gradient."""
    two = replace(context, ledger=tmp_path, trainer={**TRAINER, "devices": 2})
    shared = ("attention=se", "attention.share=stage", "attention.connect=random")
    record = run(two, "backbone=resnet8", *shared, "recipe.batch_size=16")
    assert record["result"]["epochs"] == 2
