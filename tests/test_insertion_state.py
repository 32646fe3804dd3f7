"""State that runs along the plugged blocks of a stage, and nowhere else."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from blocks import PER_STAGE, gates, images, net, reloaded, size
from torch import Tensor, nn

from lightning_modules.attention.dia import DenseImplicitAttention
from lightning_modules.insertion import insert
from lightning_modules.options import Insertion
from lightning_modules.structure import Site


class Tally(nn.Module):
    """Adds to its input how many plugged blocks of the stage came before."""

    carries_state = True

    def __init__(self, channels: int) -> None:
        super().__init__()

    def forward(self, x: Tensor, state: int | None) -> tuple[Tensor, int]:
        before = 0 if state is None else state
        return x + before, before + 1


def tally(connect: str, stages: tuple[int, ...]) -> float:
    model = nn.Sequential(*(nn.Identity() for _ in stages))
    sites = [Site(str(i), 4, stage) for i, stage in enumerate(stages)]
    insert(model, sites, Tally, Insertion(connect=connect))
    first = model(torch.zeros(1)).item()
    assert model(torch.zeros(1)).item() == first, "the state went on into the next forward pass"
    return first


@pytest.mark.parametrize(
    ("connect", "stages", "total"),
    [
        ("all", (0, 0, 0), 0 + 1 + 2),
        ("all", (0, 0, 0, 1, 1), 0 + 1 + 2 + 0 + 1),
        ("0110001", (0,) * 7, 0 + 1 + 2),  # carried unchanged over unplugged blocks
        ("100|001", (0, 0, 0, 1, 1, 1), 0),
    ],
)
def test_the_state_runs_along_the_plugged_blocks_of_a_stage(
    connect: str, stages: tuple[int, ...], total: float
) -> None:
    assert tally(connect, stages) == total


def test_dia_in_a_network_is_its_unit_called_block_by_block() -> None:
    model = net(DenseImplicitAttention, Insertion(connect="101|010")).eval()
    unit, other = gates(model)[0].module, gates(model)[4].module
    x = model.stem(images())
    state = None
    for index, block in enumerate(model.blocks):
        x = model.wider(x) if index == 3 else x
        y = block.conv(x).relu()
        if index in (0, 2):
            y, state = unit(y, state)
        if index == 4:
            y, _ = other(y, None)
        x = x + y
    torch.testing.assert_close(model(images()), x.mean((2, 3)))


def test_dia_is_one_unit_per_stage_whatever_was_asked() -> None:
    assert size(net(DenseImplicitAttention)) == size(net(DenseImplicitAttention, PER_STAGE))
    first, second, *_ = gates(net(DenseImplicitAttention))
    assert [id(p) for p in first.parameters()] == [id(p) for p in second.parameters()]


def test_the_gradient_runs_through_the_whole_chain() -> None:
    model = net(DenseImplicitAttention)
    kept: list[Tensor] = []
    gates(model)[0].register_forward_hook(lambda m, a, y: kept.append(m.memory.value[0]))
    y = model(images())
    (grad,) = torch.autograd.grad(y.sum(), kept[0])
    assert grad.count_nonzero() == grad.numel()


def test_copies_of_an_interrupted_network_start_without_state() -> None:
    model = net(DenseImplicitAttention)

    def stop(*_: object) -> None:
        raise RuntimeError("stop")

    hook = model.blocks[1].register_forward_hook(stop)
    with pytest.raises(RuntimeError, match="stop"):
        model(images())
    hook.remove()
    assert gates(model)[0].memory.value is not None
    for other in (copy.deepcopy(model), reloaded(model)):
        first, second, third, fourth, *_ = (gate.memory for gate in gates(other))
        assert first.value is None
        assert first is second is third is not fourth
        assert torch.equal(other(images()), model(images()))


def test_two_copies_do_not_share_a_memory() -> None:
    model = net(DenseImplicitAttention)
    other = copy.deepcopy(model)
    assert gates(model)[0].memory is not gates(other)[0].memory


def test_the_memory_is_empty_after_a_forward_pass_with_gradients() -> None:
    model = net(DenseImplicitAttention)
    loss = model(images()).sum()
    assert all(gate.memory.value is None for gate in gates(model))
    loss.backward()
    assert math.isfinite(loss.item())
