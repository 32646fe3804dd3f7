"""AlterSGD: against its formula, where it ends, and that nothing makes it lose its step."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import cells
from small import EPOCHS, STEPS, Training, masks, same
from torch import Tensor, nn

from lightning_modules.altersgd import AlterSGD
from lightning_modules.optimizer import make_optimizer
from lightning_modules.recipe import Alternation, Recipe
from sweeps.errors import UserError

START = {"optimizer": "altersgd", "alter": {"start": 0.3, "ascent": 0.7}}
"""Of the 18 steps of a small training, the first 5 are SGD's."""


def problem(count: int = 12) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
    """Weights and mini-batches of a least-squares problem."""
    draws = torch.Generator().manual_seed(0)
    batches = [
        (torch.randn(8, 5, generator=draws), torch.randn(8, generator=draws)) for _ in range(count)
    ]
    return torch.randn(5, generator=draws), batches


def gradient(w: Tensor, x: Tensor, y: Tensor) -> Tensor:
    return 2 * x.T @ (x @ w - y) / len(y)


def walk(optimizer: torch.optim.Optimizer, loss: Callable[[], Tensor], steps: int = 1) -> None:
    for _ in range(steps):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()


@pytest.mark.parametrize("nesterov", [False, True])
def test_it_is_the_formula(nesterov: bool) -> None:
    w, batches = problem()
    model = nn.Parameter(w.clone())
    groups = [{"params": [model], "weight_decay": 0.1}]
    rule = AlterSGD(groups, 0.05, 0.9, nesterov=nesterov, start=4, ascent=0.5)
    falling = torch.optim.lr_scheduler.LambdaLR(rule, lambda step: 1 / (1 + step))
    buffer = torch.zeros(5)
    for number, (x, y) in enumerate(batches):
        walk(rule, lambda x=x, y=y: ((x @ model - y) ** 2).mean())
        falling.step()
        lr, g = 0.05 / (1 + number), gradient(w, x, y)
        if number in (5, 7, 9, 11):
            w = w + 0.5 * lr * g
        else:
            g = g + 0.1 * w
            buffer = 0.9 * buffer + g
            w = w - lr * (g + 0.9 * buffer if nesterov else buffer)
        torch.testing.assert_close(model.data, w)


def test_a_descent_and_an_equal_ascent_descend_on_the_squared_gradient() -> None:
    """On a quadratic of Hessian H the pair moves by -lr^2 H g, and by nothing else."""
    hessian, w = torch.diag(torch.tensor([1.0, 4.0])), torch.tensor([2.0, -1.0])
    model = nn.Parameter(w.clone())
    walk(AlterSGD([model], 0.1, ascent=1.0), lambda: model @ hessian @ model / 2, steps=2)
    torch.testing.assert_close(model.data, w - 0.1**2 * hessian @ hessian @ w)


@pytest.mark.parametrize(
    ("rule", "end"),
    [(torch.optim.SGD, 0.0), (partial(AlterSGD, ascent=0.8), 4.0)],
    ids=["sgd", "altersgd"],
)
def test_it_leaves_a_sharp_minimum_for_a_flat_one(rule: Any, end: float) -> None:
    """Two minima, equally deep; lr times curvature is 1.6 at 0 and 0.1 at 4."""
    x = nn.Parameter(torch.tensor([0.05]))

    def wells() -> Tensor:
        return -0.05 * torch.stack([-8 * x**2, -0.5 * (x - 4) ** 2]).div(0.05).logsumexp(0).sum()

    walk(rule([x], lr=0.1), wells, steps=600)
    assert x.item() == pytest.approx(end, abs=1e-2)


def test_its_state_says_which_step_it_is() -> None:
    w, batches = problem()
    whole, parts = nn.Parameter(w.clone()), nn.Parameter(w.clone())
    one = AlterSGD([whole], 0.05, 0.9, start=3)
    for x, y in batches:
        walk(one, lambda x=x, y=y: ((x @ whole - y) ** 2).mean())
    state: dict[str, Any] = {}
    for x, y in batches:
        other = AlterSGD([parts], 0.05, 0.9, start=3)
        if state:
            other.load_state_dict(state)
        walk(other, lambda x=x, y=y: ((x @ parts - y) ** 2).mean())
        state = other.state_dict()
    assert torch.equal(whole, parts)


def test_a_step_that_the_gradient_scaler_skips_does_not_count() -> None:
    weight = nn.Parameter(torch.ones(2))
    rule, scaler = AlterSGD([weight], 0.1), torch.amp.GradScaler("cpu", init_scale=4.0)
    seen = []
    for factor in (1.0, float("inf"), 1.0, 1.0):
        seen.append(rule.ascends)
        rule.zero_grad()
        scaler.scale((weight * factor).sum()).backward()
        scaler.step(rule)
        scaler.update()
    assert seen == [False, True, True, False]
    torch.testing.assert_close(weight.data, torch.full((2,), 0.9))


def test_a_parameter_without_gradient_and_an_empty_ascent_stay_where_they_are() -> None:
    idle, moved = nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(1))
    rule = AlterSGD([{"params": [idle]}, {"params": [moved]}], 0.1, ascent=0.0)
    walk(rule, lambda: moved.sum(), steps=2)
    assert (idle.item(), moved.item()) == (1.0, pytest.approx(0.9))


def test_the_rounds_of_a_phase_count_its_epochs_together() -> None:
    layer = nn.Linear(2, 2)
    options = vars(Recipe(optimizer="altersgd", epochs=8, alter=Alternation(0.25, 1.0)))

    def ascends(epoch: int, step: int) -> bool:
        rule = make_optimizer(layer, options, per_epoch=5, first=epoch)
        walk(rule, lambda: layer(torch.ones(1, 2)).sum(), steps=step)
        return rule.ascends  # type: ignore[attr-defined]

    found = [ascends(epoch, step) for epoch, step in ((0, 9), (0, 11), (2, 0), (2, 1), (3, 0))]
    assert found == [False, True, False, True, True]


def test_training_that_is_stopped_after_every_batch_ends_the_same(tmp_path: Path) -> None:
    recipe = START | {"warmup_epochs": 1.0, "clip": 0.5, "decay_all": False}
    options: dict[str, Any] = {"trainer": {"accumulate": 2}, "masked": True}
    whole = Training(tmp_path / "whole", recipe, **options)()
    parts = Training(tmp_path / "parts", recipe, **options)
    found, count = parts.in_parts(repeat(1))
    assert count == EPOCHS * STEPS - 1
    assert same(found, whole)
    assert torch.equal(found["state"]["5.weight"] != 0, masks().keep["5"])


def test_it_is_sgd_until_it_starts(tmp_path: Path) -> None:
    def trained(name: str, start: float, **recipe: Any) -> dict[str, Any]:
        asked = {"optimizer": "altersgd", "alter": {"start": start, "ascent": 1.0}, **recipe}
        return Training(tmp_path / name, asked)()

    sgd = trained("sgd", 0.0, optimizer="sgd")
    assert same(trained("never", 1.0), sgd)
    late = trained("late", 2 / 3)["history"]
    assert late[:2] == sgd["history"][:2]
    assert late[2] != sgd["history"][2]


def test_mixed_precision_trains(tmp_path: Path) -> None:
    found = Training(tmp_path, START | {"precision": "bf16-mixed"})()
    assert found["history"][-1]["train_loss"] < found["history"][0]["train_loss"]


@pytest.mark.parametrize("asked", ["start=1.1", "start=-0.1", "ascent=-1", "ascent=nan"])
def test_an_impossible_alternation_is_refused_when_it_is_planned(asked: str) -> None:
    name = asked.partition("=")[0]
    with pytest.raises(UserError, match=rf"recipe 'smoke': alter\.{name}="):
        cells("recipe=smoke", "recipe.optimizer=altersgd", f"recipe.alter.{asked}")


def test_a_negative_ascent_is_refused() -> None:
    with pytest.raises(ValueError, match="ascent is at least 0; came -1"):
        AlterSGD([nn.Parameter(torch.ones(1))], 0.1, ascent=-1)
