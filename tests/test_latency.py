"""The latency protocol: what it promises about the process, the order and the figures."""

from __future__ import annotations

import copy
import json
import math
import os
from collections.abc import Iterator

import pytest
import torch
from torch import nn

from lightning_modules.latency import Latency, Timer, _alternate, _plan, _summary, measure, pinned

needs_affinity = pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="the system has no core affinity"
)
CORES = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
FIELDS = {
    "ratio",
    "ratio_p10",
    "ratio_p90",
    "p10_ms",
    "p50_ms",
    "p90_ms",
    "reference_p50_ms",
    "batch",
    "device",
    "dtype",
    "threads",
    "protocol",
    "peak_mib",
}


def small() -> nn.Sequential:
    conv, norm = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)
    return nn.Sequential(conv, norm, nn.ReLU(), nn.Flatten(1), nn.Dropout(), nn.LazyLinear(2))


def ready() -> nn.Module:
    model = small()
    model(torch.zeros(2, 3, 8, 8))
    return model


def quick(model: nn.Module, reference: nn.Module, batch: int = 1) -> Latency:
    return measure(model, reference, image_size=8, batch=batch, seconds=0.02)


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def twins() -> Latency:
    model = ready()
    return quick(model, copy.deepcopy(model))


def test_a_model_against_its_copy_gives_an_ordered_positive_spread(twins: Latency) -> None:
    assert 0 < twins.ratio_p10 <= twins.ratio <= twins.ratio_p90 < math.inf
    assert 0 < twins.p10_ms <= twins.p50_ms <= twins.p90_ms < math.inf
    assert 0 < twins.reference_p50_ms < math.inf


def test_the_row_carries_its_circumstances(twins: Latency) -> None:
    assert (twins.batch, twins.device, twins.dtype, twins.threads) == (1, "cpu", "float32", 1)
    assert twins.protocol in ("alternating/1 pinned", "alternating/1 unpinned")
    assert twins.peak_mib is None


def test_a_latency_is_plain_json(twins: Latency) -> None:
    row = json.loads(json.dumps(twins.json(), allow_nan=False))
    assert set(row) == FIELDS
    assert row["ratio"] == twins.ratio


def test_a_model_may_be_its_own_reference() -> None:
    model = ready()
    assert math.isfinite(quick(model, model, batch=3).ratio)
    assert all(module.training for module in model.modules())


class Notes(list[tuple[object, ...]]):
    """A list that stays one object when a network that holds it is copied."""

    def __deepcopy__(self, memo: object) -> Notes:
        return self


class Witness(nn.Module):
    """Notes what a forward pass sees of the process."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1, dtype=torch.float64))
        self.seen = Notes()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        cores = len(os.sched_getaffinity(0))
        mode = (self.training, torch.is_inference_mode_enabled())
        self.seen.append((cores, torch.get_num_threads(), *mode, tuple(x.shape), x.dtype))
        return x * self.weight


@pytest.mark.usefixtures("two_threads")
@needs_affinity
def test_calls_run_on_one_core_with_one_thread_in_eval_and_inference_mode() -> None:
    witness = Witness()
    protocol = quick(witness, Witness(), batch=3).protocol
    ((cores, *rest),) = set(witness.seen)
    assert rest == [1, False, True, (3, 3, 8, 8), torch.float64]
    assert cores == 1 or protocol == "alternating/1 unpinned"


@pytest.mark.usefixtures("two_threads")
@needs_affinity
def test_cores_threads_modes_and_weights_are_as_before() -> None:
    threads = torch.get_num_threads()
    model, other = ready(), ready().eval()
    before = copy.deepcopy(model.state_dict())
    quick(model, other)
    assert os.sched_getaffinity(0) == CORES
    assert torch.get_num_threads() == threads == 2
    assert all(m.training for m in model.modules())
    assert not any(m.training for m in other.modules())
    assert all(torch.equal(t, before[name]) for name, t in model.state_dict().items())
    model(torch.zeros(2, 3, 8, 8)).sum().backward()


@pytest.mark.usefixtures("two_threads")
@needs_affinity
def test_cores_and_threads_are_as_before_when_the_model_fails() -> None:
    threads = torch.get_num_threads()
    model = ready()
    with pytest.raises(RuntimeError):
        measure(model, model, image_size=9, seconds=0.02)
    assert os.sched_getaffinity(0) == CORES
    assert torch.get_num_threads() == threads == 2
    assert all(module.training for module in model.modules())


@pytest.mark.usefixtures("two_threads")
@needs_affinity
@pytest.mark.parametrize("error", [PermissionError, AttributeError])
def test_a_system_that_forbids_pinning_is_measured_unpinned(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(os, "sched_setaffinity", refuse)
    threads = torch.get_num_threads()
    with pinned() as is_pinned:
        assert not is_pinned
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == threads == 2
    model = ready()
    assert quick(model, model).protocol == "alternating/1 unpinned"


def scripted(seconds: list[float], name: str, log: list[str]) -> Timer:
    """A timer whose calls take the given seconds over and over, and are logged."""

    def timed() -> float:
        log.append(name)
        return seconds[(log.count(name) - 1) % len(seconds)]

    return timed


def test_the_ratio_is_the_models_time_over_the_references() -> None:
    log: list[str] = []
    rounds = _alternate(scripted([3.0], "m", log), scripted([2.0], "r", log), seconds=0.001)
    found = _summary(rounds, torch.zeros(2, 3, 4, 4), "alternating/1", None)
    assert (found.ratio, found.ratio_p10, found.ratio_p90) == (1.5, 1.5, 1.5)
    assert (found.p50_ms, found.reference_p50_ms, found.batch) == (3000.0, 2000.0, 2)


def test_the_order_is_swapped_each_round() -> None:
    log: list[str] = []
    rounds = _alternate(scripted([1.0], "m", log), scripted([1.0], "r", log), seconds=0.001)
    assert len(rounds) == 6
    assert "".join(log[-12:]) == "mrrmmrrmmrrm"


def test_percentiles_are_taken_over_rounds_and_over_calls() -> None:
    rounds = [([float(k)] * 3, [1.0] * 3) for k in range(11)]
    found = _summary(rounds, torch.zeros(1), "alternating/1", None)
    assert (found.ratio_p10, found.ratio, found.ratio_p90) == (1.0, 5.0, 9.0)
    assert found.p50_ms == 5000.0


def test_one_slow_call_does_not_move_a_rounds_ratio() -> None:
    rounds = [([1.0, 1.0, 99.0], [1.0, 1.0, 1.0])] * 6
    assert _summary(rounds, torch.zeros(1), "alternating/1", None).ratio == 1.0


@pytest.mark.parametrize(
    ("pair", "seconds", "expected"),
    [
        (0.3, 1.0, (1, 6)),  # a slow network: the least that can be said
        (0.01, 1.0, (4, 24)),
        (0.0001, 1.0, (50, 200)),
        (0.0001, 2.0, (50, 400)),
    ],
)
def test_time_buys_rounds_and_calls(pair: float, seconds: float, expected: tuple[int, int]) -> None:
    assert _plan(pair, seconds) == expected


@pytest.mark.parametrize(("batch", "seconds"), [(0, 1.0), (1, 0.0), (1, -1.0)])
def test_what_is_not_positive_is_refused(batch: int, seconds: float) -> None:
    with pytest.raises(ValueError, match=f"came batch={batch}, seconds={seconds}"):
        measure(ready(), ready(), image_size=8, batch=batch, seconds=seconds)


def test_two_devices_are_refused() -> None:
    elsewhere = nn.Linear(2, 2, device="meta")
    with pytest.raises(ValueError, match="one device; came cpu and meta"):
        quick(ready(), elsewhere)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_row_has_no_threads_and_a_peak() -> None:
    model = ready().cuda()
    found = quick(model, copy.deepcopy(model))
    assert found.threads is None
    assert found.protocol == "alternating/1"
    assert found.peak_mib is not None
    assert found.peak_mib > 0
