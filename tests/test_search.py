"""Searching where to plug: the policy, the tickets, the supernet, and what training finds of it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import TRAINER, cell
from small import At
from torch import nn

from lightning_modules.build import build, criterion
from lightning_modules.options import Search
from lightning_modules.plugs import switch, switches
from lightning_modules.pruning._policy import Agent, policy_search
from lightning_modules.pruning._sites import Oracle, Scheme, Searching, Ticket, Worth, scheme_text
from lightning_modules.pruning.ean import EfficientAttentionNetwork
from lightning_modules.pruning.leave_one_out import LeaveOneOut
from lightning_modules.pruning.lth4sa import LotteryTicket
from lightning_modules.pruning.random_sites import RandomSites
from lightning_modules.stopping import Stopped
from sweeps.cell import Cell
from sweeps.context import Context
from sweeps.execute import execute
from sweeps.record import RunPaths
from sweeps.schemes import Schemes

STAGES = (3, 3, 3)
GOOD = {0, 3, 4, 8}


def worth(scheme: Scheme) -> Worth:
    """Half a point for each good block that is plugged, and as much off for each other one."""
    gain = sum(0.005 if block in GOOD else -0.005 for block, bit in enumerate(scheme) if bit)
    return Worth(0.9 + gain, 1 - gain)


def oracle() -> Oracle:
    return Oracle(STAGES, worth)


# ------------------------------------------------------------------------------------- search


@pytest.mark.parametrize("seed", range(2))
def test_the_policy_finds_the_blocks_that_help(seed: int) -> None:
    asked = oracle()
    found = EfficientAttentionNetwork().search(asked, Search(), seed)
    assert {block for block, bit in enumerate(found) if bit} == GOOD
    assert asked.cost["asked"] == 901
    assert asked.cost["evaluations"] < 2**9


def test_the_same_seed_gives_the_same_search_and_leaves_the_random_state() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one, other = (policy_search(oracle(), Search(steps=20), 1) for _ in range(2))
    assert one == other
    assert one != policy_search(oracle(), Search(steps=20), 2)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_step_of_the_policy_is_reinforce_with_a_moving_baseline() -> None:
    """Against Adam and the gradient of a softmax, written out for the last layer's biases."""
    torch.manual_seed(0)
    options = Search(novelty=False, replay=False, sparsity_weight=2.0)
    agent = Agent(4, options)
    bias = agent.policy[2].bias
    logits = agent.policy(torch.zeros(20)).detach().numpy().reshape(4, 2) / 5
    chances = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    choices, rewards = torch.tensor([[1, 0, 1, 1], [0, 0, 1, 0], [1, 1, 1, 1]]), np.array([3, 1, 5])
    before = bias.detach().numpy().copy()
    agent.learn(choices, torch.tensor([3.0, 1.0, 5.0]), 0)
    advantage = rewards - 3.0  # the first baseline is the first mean
    one_hot = np.eye(2)[choices.numpy()]
    gradient = (-(one_hot - chances) / 5 * advantage[:, None, None]).mean(0).ravel()
    expected = before - 0.05 * gradient / (np.abs(gradient) + 1e-8)  # Adam's first step
    np.testing.assert_allclose(bias.detach().numpy(), expected, rtol=1e-4, atol=1e-6)
    agent.learn(choices, torch.tensor([3.0, 1.0, 8.0]), 1)
    assert agent.baseline == pytest.approx(0.95 * 3 + 0.05 * 4)


def test_the_reward_is_accuracy_in_points_and_a_share_for_empty_blocks() -> None:
    agent = Agent(9, Search(sparsity_weight=2.0))
    scheme = (True, *[False] * 8)
    assert agent._reward(scheme, oracle()) == pytest.approx(90.5 + 2 * 8 / 9)


def test_the_bonus_falls_for_what_has_been_seen_and_replay_changes_the_policy() -> None:
    torch.manual_seed(0)
    agent = Agent(9, Search())
    assert agent.novelty is not None
    known, new = torch.ones(3, 9), torch.zeros(3, 9)
    first = agent.novelty.learn(known)
    for _ in range(50):
        last = agent.novelty.learn(known)
    assert last < 0.1 * first
    assert agent.novelty.learn(new) > last
    schemes = {
        name: policy_search(oracle(), replace(Search(steps=15), **{name: False}), 0).plugged
        for name in ("novelty", "replay")
    }
    plain = policy_search(oracle(), Search(steps=15), 0).plugged
    assert plain not in schemes.values()


def test_a_ticket_is_a_part_that_reaches_the_accuracy_of_the_whole() -> None:
    asked = oracle()
    found = LotteryTicket().search(asked, Search(steps=30), 0)
    assert 0 < sum(found) < 9
    assert worth(found).accuracy >= worth((True,) * 9).accuracy


def test_the_baselines_plug_as_many_blocks_as_the_search() -> None:
    options = Search(steps=30)
    count = sum(EfficientAttentionNetwork().search(oracle(), options, 0))
    baselines: list[Searching] = [RandomSites(), RandomSites(draw=1), LeaveOneOut()]
    schemes = [baseline.search(oracle(), options, 0) for baseline in baselines]
    assert [sum(scheme) for scheme in schemes] == [count] * 3
    assert schemes[0] != schemes[1]


def test_leaving_one_out_keeps_the_blocks_that_are_missed_most() -> None:
    asked = oracle()
    found = LeaveOneOut(plugged=4).search(asked, Search(), 0)
    assert {block for block, bit in enumerate(found) if bit} == GOOD
    assert asked.cost == {"asked": 9, "evaluations": 9}


def test_more_plugged_blocks_than_there_are_is_refused() -> None:
    with pytest.raises(ValueError, match="plugged is 0 to 9, the number of blocks; came 10"):
        RandomSites(plugged=10).search(oracle(), Search(), 0)


def test_a_scheme_reads_as_its_stages() -> None:
    scheme = tuple(bit == "1" for bit in "1001011010011011")
    assert scheme_text(scheme, (3, 4, 6, 3)) == "100|1011|010011|011"
    assert Ticket("100|1011|010011|011").sparsity == 7 / 16


# ----------------------------------------------------------------------- what is remembered


def test_a_scheme_is_evaluated_once_whatever_happens_to_the_list(tmp_path: Path) -> None:
    evaluated: list[Scheme] = []

    def evaluate(scheme: Scheme) -> Worth:
        evaluated.append(scheme)
        return worth(scheme)

    path, one, other = tmp_path / "schemes.jsonl", (True,) * 9, (False,) * 9
    Schemes(path, evaluate)(one)
    with path.open("a") as file:
        file.write('{"scheme": "0000000')  # a process was killed here
    schemes = Schemes(path, evaluate)
    assert [schemes(one), schemes(other), schemes(other)] == [
        worth(one),
        worth(other),
        worth(other),
    ]
    assert Schemes(path, evaluate)(other) == worth(other)
    assert evaluated == [one, other]
    assert set(schemes.seconds) == {one, other}
    assert set(schemes.fresh) == {other}


def test_a_search_that_is_stopped_goes_on_from_its_answers(tmp_path: Path) -> None:
    asked: list[Scheme] = []

    def evaluate(scheme: Scheme) -> Worth:
        asked.append(scheme)
        return worth(scheme)

    whole = policy_search(oracle(), Search(steps=20), 0)
    for stop in (At(5), At(9), None):
        try:
            schemes = Schemes(tmp_path / "schemes.jsonl", evaluate, stop=stop)
            found = policy_search(Oracle(STAGES, schemes), Search(steps=20), 0)
        except Stopped:
            assert stop is not None
    assert found == whole
    assert len(asked) == len(set(asked))


# ---------------------------------------------------------------------------- the supernet


def network(asked: Cell) -> nn.Module:
    torch.manual_seed(asked.seed)
    return build(asked.backbone, asked.attention, classes=10, image_size=8)


def images() -> torch.Tensor:
    return torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(1))


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
    mine, theirs = free.state_dict(), fixed.state_dict()
    names = {re.sub(r"(\.module)+\.", ".", name): name for name in mine}
    theirs = {name: mine[names[re.sub(r"(\.module)+\.", ".", name)]] for name in theirs}
    fixed.load_state_dict(theirs)
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
    lines = RunPaths(context.ledger, supernets.pop()).schemes.read_text().split("\n")
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
    assert "set it above 0" in record["error"]["message"]


def test_every_search_is_taken_by_the_command_line_with_its_options() -> None:
    for name in ("ean", "lth4sa", "random_sites", "leave_one_out"):
        _, options = criterion(cell(f"pruning={name}", "pruning.steps=7", "attention=se").pruning)
        assert options == Search(steps=7)
