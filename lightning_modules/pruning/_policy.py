"""The policy-gradient search of EAN (Huang et al., 2020, arXiv:2011.14058).

    p(a) = prod_t softmax(pi_t / 5)[a_t],   pi = Linear(relu(Linear(0)))
    reward(a) = accuracy(a) in % + w * share of zeros in a + bonus
    loss = sum_t mean_a(-log p_t(a_t) * (reward(a) - baseline))

The input of the policy is a constant zero, so it is a vector of one probability for each block. The
bonus (random network distillation) is one number a step: how badly a learner predicts what a fixed
random network makes of the step's schemes. From the tenth step on each update is followed by one on
a step remembered from the last thirty: its rewards without bonus against the present baseline,
weighted by the ratio of probabilities, clipped to [0.9, 1.1], times 0.1.

Differs from the authors' code: the constant that they subtract from the reward is left out, as it
cancels against the baseline; their squashing of the logits by tanh, which is never active, too.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lightning_modules.options import Search
from lightning_modules.pruning._sites import Oracle, Scheme
from lightning_modules.seeds import derive_seed

__all__ = ["Found", "policy_search"]

DECAY = 0.95
MEMORY, REPLAY_FROM, REPLAY_WEIGHT, CLIP = 30, 10, 0.1, 0.1
INPUTS, HIDDEN, NOVELTY_HIDDEN = 20, 50, 32


@dataclass(frozen=True)
class Found:
    """What a policy search ends in.

    Args:
        likeliest: the scheme that the final policy gives the highest probability.
        plugged: (L,) that policy's probability of plugging each block.
        sampled: every scheme that was drawn, in order, with its reward without bonus.
    """

    likeliest: Scheme
    plugged: tuple[float, ...]
    sampled: tuple[tuple[Scheme, float], ...]


@dataclass(frozen=True)
class Step:
    """A step as it is remembered: (B, L) choices, (B,) rewards, (B, L) probabilities of them."""

    choices: Tensor
    rewards: Tensor
    probabilities: Tensor


def policy_search(oracle: Oracle, options: Search, seed: int) -> Found:
    """Search by policy gradient; the same seed and oracle give the same result."""
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(derive_seed("policy", seed))
        agent = Agent(oracle.blocks, options)
        for step in range(options.steps):
            agent.learn(*agent.sample(oracle), step)
        return agent.found()


class Agent:
    """The policy, what it is curious about, and what it remembers."""

    def __init__(self, blocks: int, options: Search) -> None:
        self.options = options
        self.blocks = blocks
        self.policy = nn.Sequential(
            nn.Linear(INPUTS, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 2 * blocks)
        )
        self.optimizer = torch.optim.Adam(self.policy.parameters(), options.lr)
        self.novelty = Novelty(blocks, options.lr) if options.novelty else None
        self.memory: deque[Step] = deque(maxlen=MEMORY)
        self.baseline: float | None = None
        self.sampled: list[tuple[Scheme, float]] = []

    def sample(self, oracle: Oracle) -> tuple[Tensor, Tensor]:
        """(B, L) schemes drawn from the policy, and (B,) their rewards."""
        with torch.no_grad():
            plugged = self._log_probabilities()[:, 1].exp()
            choices = torch.rand(self.options.samples, self.blocks).lt(plugged).long()
        schemes = [tuple(bool(bit) for bit in row) for row in choices.tolist()]
        rewards = [self._reward(scheme, oracle) for scheme in schemes]
        self.sampled += zip(schemes, rewards, strict=True)
        return choices, torch.tensor(rewards)

    def learn(self, choices: Tensor, rewards: Tensor, step: int) -> None:
        """Update the policy by a step's schemes, and then by a remembered one's."""
        bonus = self.novelty.learn(choices.float()) if self.novelty else 0.0
        total = rewards + bonus
        mean, before = float(total.mean()), self.baseline
        baseline = mean if before is None else DECAY * before + (1 - DECAY) * mean
        self.baseline = baseline
        chosen = self._chosen(choices)
        self._update(-(chosen * (total - baseline)[:, None]).mean(0).sum())
        self.memory.append(Step(choices, rewards, chosen.detach().exp()))
        if self.options.replay and step >= REPLAY_FROM:
            self._replay(self.memory[int(torch.randint(len(self.memory), ()))], baseline)

    def found(self) -> Found:
        with torch.no_grad():
            plugged = self._log_probabilities()[:, 1].exp().tolist()
        likeliest = tuple(share > 0.5 for share in plugged)
        return Found(likeliest, tuple(plugged), tuple(self.sampled))

    def _reward(self, scheme: Scheme, oracle: Oracle) -> float:
        empty = scheme.count(False) / len(scheme)
        return 100 * oracle(scheme).accuracy + self.options.sparsity_weight * empty

    def _log_probabilities(self) -> Tensor:
        """(L, 2): of leaving each block empty, and of plugging it."""
        logits: Tensor = self.policy(torch.zeros(INPUTS)).view(self.blocks, 2)
        return (logits / self.options.temperature).log_softmax(1)

    def _chosen(self, choices: Tensor) -> Tensor:
        """(B, L) log-probabilities of what was chosen."""
        return self._log_probabilities().T.gather(0, choices)

    def _replay(self, old: Step, baseline: float) -> None:
        chosen = self._chosen(old.choices)
        ratio = chosen.detach().exp() / old.probabilities
        weighted = chosen * (old.rewards - baseline)[:, None] / len(old.choices)
        plain, clipped = ((r * weighted).sum() for r in (ratio, ratio.clamp(1 - CLIP, 1 + CLIP)))
        self._update(-REPLAY_WEIGHT * torch.minimum(plain, clipped))

    def _update(self, loss: Tensor) -> None:
        self.optimizer.zero_grad()
        torch.autograd.backward(loss)
        self.optimizer.step()


class Novelty:
    """How badly a learner predicts a fixed random network: large for schemes not seen before."""

    def __init__(self, blocks: int, lr: float) -> None:
        width, outputs = NOVELTY_HIDDEN, 4 * blocks
        first = (nn.Linear(blocks, width), nn.ReLU())
        self.fixed = nn.Sequential(
            *first, nn.Linear(width, width), nn.ReLU(), nn.Linear(width, outputs)
        ).requires_grad_(False)
        self.learner = nn.Sequential(nn.Linear(blocks, width), nn.ReLU(), nn.Linear(width, outputs))
        self.optimizer = torch.optim.Adam(self.learner.parameters(), lr)

    def learn(self, schemes: Tensor) -> float:
        """The error on (B, L) schemes, summed, before the learner's step on it."""
        error = (self.fixed(schemes) - self.learner(schemes)).square().sum()
        self.optimizer.zero_grad()
        torch.autograd.backward(error)
        self.optimizer.step()
        return float(error.detach())
