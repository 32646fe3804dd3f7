"""Attention modules: the contract, for every file of the catalogue."""

from __future__ import annotations

import ast
import copy
import io
import re
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lightning_modules.catalog import Variant, catalog, load
from lightning_modules.structure import SLOTS

NAMES = [name for name, variant in catalog("attention").items() if variant.path]
CHANNELS = (12, 16, 64)
FACTS: dict[str, Sequence[object]] = {
    "layout": ("map", "tokens"),
    "slot": tuple(SLOTS),
    "sized": (False, True),
    "carries_state": (True, False),
    "shareable": (True, False),
    "stage_only": (True, False),
    "least_batch": (1, 2),
}


@pytest.fixture(params=NAMES)
def variant(request: pytest.FixtureRequest) -> Variant:
    return catalog("attention")[request.param]


def fresh(variant: Variant, channels: int, side: int = 8) -> nn.Module:
    """The module as it starts, with what its slot gives it."""
    given: dict[str, Any] = {"size": side} if variant.facts.get("sized") else {}
    if variant.facts.get("slot") == "conv":
        given["conv"] = nn.Conv2d(channels, channels, 3, padding=1)
    module: nn.Module = load(variant)(channels, **given)
    return module


def build(variant: Variant, channels: int, side: int = 8) -> nn.Module:
    """The module with weights away from their start, which may be zero."""
    torch.manual_seed(channels)
    module = fresh(variant, channels, side)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return module


def images(variant: Variant, channels: int, size: tuple[int, int] = (8, 8)) -> Tensor:
    x = torch.randn(4, channels, *size, generator=torch.Generator().manual_seed(1))
    return x if variant.facts.get("layout", "map") == "map" else x.flatten(2).transpose(1, 2)


def run(variant: Variant, module: nn.Module, x: Tensor) -> Tensor:
    """The output; where a state is carried, that of the second block of a stage."""
    if variant.facts.get("slot") == "step":
        return module(x, x.roll(1, 1))
    if not variant.facts.get("carries_state", False):
        return module(x)
    y, state = module(x, None)
    assert y.shape == x.shape
    return module(y, state)[0]


def header(variant: Variant) -> str:
    assert variant.path is not None
    return ast.get_docstring(ast.parse(variant.path.read_text())) or ""


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("size", [(8, 8), (1, 1), (5, 7), (1, 6)])
def test_shape_and_dtype_are_kept_and_all_is_finite(
    variant: Variant, channels: int, size: tuple[int, int]
) -> None:
    if variant.facts.get("sized"):
        size = (max(size), max(size))
    module = build(variant, channels, size[0])
    x = images(variant, channels, size).requires_grad_()
    y = run(variant, module, x)
    y.square().sum().backward()
    assert y.shape == x.shape
    assert y.dtype == x.dtype
    assert y.isfinite().all()
    assert x.grad is not None
    assert x.grad.isfinite().all()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, f"{name} has no gradient"
        assert parameter.grad.isfinite().all(), name


def test_what_cannot_train_on_one_image_declares_it(variant: Variant) -> None:
    module, one = build(variant, 64), images(variant, 64)[:1]
    if variant.facts.get("least_batch", 1) > 1:
        with pytest.raises(ValueError, match="more than 1 value"):
            run(variant, module, one)
    else:
        assert run(variant, module, one).isfinite().all()


def test_every_parameter_moves_the_output(variant: Variant) -> None:
    module = build(variant, 64).eval()
    y = run(variant, module, images(variant, 64).requires_grad_())
    (y * torch.randn_like(y)).sum().backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, f"{name} has no gradient"
        assert parameter.grad.count_nonzero() > 0, f"{name} has a gradient of zeros"


def test_a_constant_map_has_finite_gradients(variant: Variant) -> None:
    module = build(variant, 16)
    x = torch.zeros_like(images(variant, 16)).requires_grad_()
    run(variant, module, x).sum().backward()
    assert x.grad is not None
    for tensor in (x, *module.parameters()):
        assert tensor.grad is None or tensor.grad.isfinite().all()


def test_float64_stays_float64(variant: Variant) -> None:
    module = build(variant, 16).double()
    x = images(variant, 16).double()
    assert run(variant, module, x).dtype == torch.float64


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_dtype_is_kept_under_bfloat16_autocast(variant: Variant, dtype: torch.dtype) -> None:
    module = build(variant, 16)
    x = images(variant, 16).to(dtype)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = run(variant, module, x)
    # What stands for a convolution gives, as a convolution, the dtype that autocast computes in.
    assert y.dtype == (torch.bfloat16 if variant.facts.get("slot") == "conv" else dtype)
    assert y.isfinite().all()


def test_channels_last_changes_the_layout_and_not_a_value(variant: Variant) -> None:
    module = build(variant, 16).eval()
    x = images(variant, 16)
    laid = x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x
    torch.testing.assert_close(run(variant, module, laid), run(variant, module, x))


def test_eval_is_deterministic_and_changes_nothing(variant: Variant) -> None:
    module = build(variant, 16).eval()
    before = copy.deepcopy(module.state_dict())
    x = images(variant, 16)
    kept = x.clone()
    first, second = run(variant, module, x), run(variant, module, x)
    assert torch.equal(first, second)
    assert torch.equal(x, kept), "the input was changed in place"
    after = module.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_eval_treats_each_image_alone(variant: Variant) -> None:
    module = build(variant, 16).eval()
    x = images(variant, 16)
    alone = torch.cat([run(variant, module, x[i : i + 1]) for i in range(len(x))])
    torch.testing.assert_close(run(variant, module, x), alone)


def test_the_state_dict_makes_a_round_trip(variant: Variant) -> None:
    module, other = build(variant, 16).eval(), fresh(variant, 16).eval()
    other.load_state_dict(module.state_dict())
    x = images(variant, 16)
    assert torch.equal(run(variant, other, x), run(variant, module, x))


def test_copies_and_pickles_compute_the_same_after_a_backward_pass(variant: Variant) -> None:
    module = build(variant, 16)
    run(variant, module, images(variant, 16).requires_grad_()).sum().backward()
    buffer = io.BytesIO()
    torch.save(module, buffer)
    buffer.seek(0)
    x = images(variant, 16)
    expected = run(variant, module.eval(), x)
    for other in (copy.deepcopy(module), torch.load(buffer, weights_only=False)):
        assert torch.equal(run(variant, other.eval(), x), expected)


def test_the_header_names_paper_and_differences(variant: Variant) -> None:
    text = header(variant)
    first = " ".join(text.split("\n\n")[0].split())
    source = re.fullmatch(r".+ \((.+)\)\.", first)
    assert source, (
        f"first line is not 'Name of the method (Authors, VENUE YEAR, arXiv:ID).': {first}"
    )
    assert re.search(r"\b(19|20)\d\d\b", source[1]), f"no year in: {source[1]}"
    assert "Differs from the authors' code:" in text


def test_declared_facts_are_known_words(variant: Variant) -> None:
    for name, allowed in FACTS.items():
        assert variant.facts.get(name, allowed[0]) in allowed, name
        declared = getattr(load(variant), name, None)
        assert declared is None or declared == variant.facts.get(name)
