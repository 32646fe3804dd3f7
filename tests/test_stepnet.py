"""The step size that reads the branch of a residual block and its input."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from test_gates import maps, same, shuffled, sigmoid, values
from torch import Tensor, nn

from lightning_modules.attention.se import SqueezeExcitation
from lightning_modules.attention.stepnet import READS, StepSize
from lightning_modules.insertion import insert
from lightning_modules.options import Insertion
from lightning_modules.structure import Site


@pytest.mark.parametrize("reads", READS)
@pytest.mark.parametrize("inputs", [8, 3, 11])
def test_the_step_size_equals_its_formula(reads: Any, inputs: int) -> None:
    module = shuffled(StepSize(8, reduction=2, reads=reads))
    of, y, x = values(module), maps(8).numpy(), maps(inputs, 4, 4).numpy()
    after, before = y.mean((2, 3)), np.zeros((3, 8))
    before[:, : min(inputs, 8)] = x.mean((2, 3))[:, :8]
    read = {
        "both": np.concatenate([before, after], 1),
        "branch": after,
        "input": before,
        "change": after - before,
    }[reads]
    hidden = np.maximum(read @ of["squeeze.weight"].T + of["squeeze.bias"], 0)
    gate = sigmoid(hidden @ of["excite.weight"].T + of["excite.bias"])
    got = module(torch.from_numpy(y), torch.from_numpy(x))
    same(got, y * gate[:, :, None, None])


def test_a_step_size_that_reads_the_branch_is_squeeze_and_excitation() -> None:
    ours, theirs = StepSize(64, reads="branch"), SqueezeExcitation(64)
    ours.load_state_dict(theirs.state_dict())
    y = maps(64).float()
    assert torch.equal(ours(y, torch.rand_like(y)), theirs(y))


class Block(nn.Module):
    """Doubles its channels in the branch and repeats them in the shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 2 * channels, 1)
        self.gate = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.gate(self.conv(x))
        return x.repeat(1, 2, 1, 1) + y


def test_in_a_network_the_step_size_reads_the_input_of_its_own_block() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(Block(4), Block(8)).eval()
    sites = [Site(f"{i}.gate", 8 * (i + 1), i, block=str(i)) for i in range(2)]
    insert(model, sites, partial(StepSize, reduction=2), Insertion(), slot="step")
    first, second = model
    x = torch.randn(2, 4, 5, 5)
    middle = x.repeat(1, 2, 1, 1) + first.gate.module(first.conv(x), x)
    expected = middle.repeat(1, 2, 1, 1) + second.gate.module(second.conv(middle), middle)
    torch.testing.assert_close(model(x), expected)


@pytest.mark.parametrize(
    ("reads", "expected"), [("both", 3 * 64 * 4 + 4 + 64), ("change", 2 * 64 * 4 + 4 + 64)]
)
def test_parameters_are_as_counted_by_hand(reads: Any, expected: int) -> None:
    assert sum(p.numel() for p in StepSize(64, reads=reads).parameters()) == expected


@pytest.mark.parametrize(("option", "value"), [("reduction", 0), ("reads", "neither")])
def test_an_impossible_option_is_refused_by_name(option: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{option} is .*; came {value}"):
        StepSize(8, **{option: value})
