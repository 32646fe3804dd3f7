"""Searching where to plug: the policy, the tickets, and what is remembered of a search."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from small import At

from lightning_modules.options import Search
from lightning_modules.pruning._policy import Agent, policy_search
from lightning_modules.pruning._sites import Oracle, Scheme, Searching, Ticket, Worth, scheme_text
from lightning_modules.pruning.ean import EfficientAttentionNetwork
from lightning_modules.pruning.leave_one_out import LeaveOneOut
from lightning_modules.pruning.lth4sa import LotteryTicket
from lightning_modules.pruning.random_sites import RandomSites
from lightning_modules.stopping import Stopped
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
