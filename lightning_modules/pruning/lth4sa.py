"""Lottery ticket hypothesis for self-attention (Huang et al., ICME 2024, arXiv:2207.07858).

    ticket: a scheme a with zeros whose network is at least as accurate as the fully plugged one
    x' = x + f(x) * (a_t m_t + (1 - a_t) 1)

The search is EAN's, to whose repository the paper points; of the schemes that it drew, the ticket
is the one of highest reward (accuracy, and a little for each empty block) among those that have
both plugged and empty blocks and, on the held-out data, the accuracy of the full scheme. It is
trained from the initial weights of the full network, as a lottery ticket is.

Reconstruction: the paper's text and its own code could not be read. The definition of a ticket and
the search are confirmed; how the ticket is picked from what the search saw, and that it keeps the
full network's initial weights, are ours.
"""

from __future__ import annotations

from typing import ClassVar

from lightning_modules.options import Search
from lightning_modules.pruning._policy import policy_search
from lightning_modules.pruning._sites import Oracle, Scheme

__all__ = ["LotteryTicket"]


class LotteryTicket:
    """Plug a part of the blocks that is as good as all of them on the supernet."""

    grain = "site"
    needs = ("supernet", "validation")
    short: ClassVar[dict[str, int]] = {"steps": 2, "samples": 1}
    start = "init"

    def search(self, oracle: Oracle, options: Search, seed: int) -> Scheme:
        """The best ticket among the schemes that the search drew; without one, the best of all."""
        full = oracle([True] * oracle.blocks).accuracy
        sampled = policy_search(oracle, options, seed).sampled
        parts = [drawn for drawn in sampled if 0 < sum(drawn[0]) < oracle.blocks]
        tickets = [drawn for drawn in parts if oracle.known[drawn[0]].accuracy >= full]
        return max(tickets or sampled, key=lambda drawn: drawn[1])[0]
