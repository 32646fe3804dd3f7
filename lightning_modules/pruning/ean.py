"""Efficient attention network (Huang et al., 2020, arXiv:2011.14058).

    max over a in {0,1}^L of  accuracy(a) + w * share of zeros in a       by policy gradient
    accuracy(a): of a supernet with a's blocks plugged, on data held out of training

The supernet is trained once, each batch with a scheme drawn at random; the search only evaluates
it. The scheme that the final policy finds likeliest is trained from scratch. See ``_policy`` for
the search itself: reward, novelty bonus and replay as in the authors' code.

Differs from the authors' code: they hold 100 images of each ImageNet class out, here it is the
validation split; how they choose the final scheme is not in their code.
"""

from __future__ import annotations

from typing import ClassVar

from lightning_modules.options import Search
from lightning_modules.pruning._policy import policy_search
from lightning_modules.pruning._sites import Oracle, Scheme

__all__ = ["EfficientAttentionNetwork"]


class EfficientAttentionNetwork:
    """Plug the blocks that a policy, trained on the supernet's accuracy, finds worth it."""

    grain = "site"
    needs = ("supernet", "validation")
    short: ClassVar[dict[str, int]] = {"steps": 2, "samples": 1}
    start = "fresh"

    def search(self, oracle: Oracle, options: Search, seed: int) -> Scheme:
        """The likeliest scheme of the final policy."""
        found = policy_search(oracle, options, seed).likeliest
        oracle(found)
        return found
