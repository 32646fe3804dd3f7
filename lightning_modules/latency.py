"""How long a network takes, against a reference timed in alternation in the same process.

Protocol ``alternating/1``. One call is one forward pass of a batch in eval and inference mode.
Both networks are deep copies of those given, which stay as they are: in Python a copied network is
up to 2 % slower than the built one, so a network is never timed against one of another making.
After a warm-up, rounds of two blocks follow, one block of calls per network, and the order is
swapped each round. A round's ratio is the model's median call over the reference's; reported are
the median, p10 and p90 over the rounds. Drift of the machine meets both networks and leaves the
ratio alone.

On a CPU the process stays on one core with one thread ("pinned"; "unpinned" where the system
forbids it), and a call's time is the CPU time of that thread: the wall clock of an idle core,
without the time that other processes take on a busy one. On a GPU it is the wall clock from the
call until the device is idle again, and nothing is pinned.

**Below 2 % is equal**: two networks whose ratio is between 0.98 and 1.02 are not told apart.
"""

from __future__ import annotations

import copy
import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from lightning_modules.cost import bytes_of, example

__all__ = ["Latency", "measure", "pinned"]

MIN_ROUNDS, MAX_CALLS, WARM_UP = 6, 50, 0.2

Timer = Callable[[], float]
"""Makes one call and says how many seconds it took."""

Round = tuple[list[float], list[float]]


@dataclass(frozen=True)
class Latency:
    """Latency of a model, and its ratio to the reference (above 1 is slower).

    Args:
        ratio, ratio_p10, ratio_p90: median and spread over the rounds.
        p10_ms, p50_ms, p90_ms: the model's calls, milliseconds per batch.
        reference_p50_ms: the reference's median call.
        batch: images per call.
        device: cpu, or the GPU's name.
        dtype: of weights and images.
        threads: CPU threads of a call; None on a GPU.
        protocol: the protocol's name and version, and whether the process was pinned.
        peak_mib: on a GPU, weights and buffers plus the most that one call allocates; None on a
            CPU, where torch does not count it.
    """

    ratio: float
    ratio_p10: float
    ratio_p90: float
    p10_ms: float
    p50_ms: float
    p90_ms: float
    reference_p50_ms: float
    batch: int
    device: str
    dtype: str
    threads: int | None
    protocol: str
    peak_mib: float | None

    def json(self) -> dict[str, Any]:
        return asdict(self)


def measure(
    model: nn.Module,
    reference: nn.Module,
    *,
    image_size: int,
    channels: int = 3,
    batch: int = 1,
    seconds: float = 1.0,
) -> Latency:
    """Time ``model`` against ``reference``, which lies on the same device.

    Args:
        image_size, channels, batch: shape of the images of one call.
        seconds: time for both networks together, warm-up aside; it sets the number of rounds and
            calls, of which a slow network gets at least six rounds of one call.

    Raises:
        ValueError: the networks lie on different devices, or batch or seconds is not positive.
    """
    if batch < 1 or seconds <= 0:
        raise ValueError(f"batch and seconds are positive; came batch={batch}, seconds={seconds}")
    images = example(model, image_size, channels, batch)
    images_too = example(reference, image_size, channels, batch)
    if images.device != images_too.device:
        devices = f"{images.device} and {images_too.device}"
        raise ValueError(f"model and reference lie on one device; came {devices}")
    on_gpu = images.device.type == "cuda"
    ours, theirs = (copy.deepcopy(network).eval() for network in (model, reference))
    with torch.inference_mode():
        timer = _timer_gpu if on_gpu else _timer_cpu
        pair = timer(lambda: ours(images)), timer(lambda: theirs(images_too))
        with nullcontext(None) if on_gpu else pinned() as pin:
            rounds = _alternate(*pair, seconds)
        peak = _peak_mib(ours, images) if on_gpu else None
    words = {None: "", True: " pinned", False: " unpinned"}
    return _summary(rounds, images, f"alternating/1{words[pin]}", peak)


@contextmanager
def pinned() -> Iterator[bool]:
    """One core and one thread within the block; says whether the system allowed the core.

    The core follows from the process id, so that several processes do not all take the same one.
    """
    threads, cores = torch.get_num_threads(), None
    torch.set_num_threads(1)
    try:
        try:
            cores = os.sched_getaffinity(0)
            os.sched_setaffinity(0, {sorted(cores)[os.getpid() % len(cores)]})
        except (AttributeError, OSError):
            cores = None
        yield cores is not None
    finally:
        if cores is not None:
            os.sched_setaffinity(0, cores)
        torch.set_num_threads(threads)


def _alternate(model: Timer, reference: Timer, seconds: float) -> list[Round]:
    """Seconds of each call, per round: the model's block and the reference's."""
    calls, rounds = _plan(_warm_up(model, reference, seconds * WARM_UP), seconds)
    done: list[Round] = []
    for turn in range(rounds):
        if turn % 2:
            theirs = _block(reference, calls)
            done.append((_block(model, calls), theirs))
        else:
            done.append((_block(model, calls), _block(reference, calls)))
    return done


def _warm_up(model: Timer, reference: Timer, seconds: float) -> float:
    """Call both in turn, at least three times; returns the median seconds of a pair."""
    end = time.perf_counter() + seconds
    pairs: list[float] = []
    while len(pairs) < 3 or time.perf_counter() < end:
        pairs.append(model() + reference())
    return statistics.median(pairs)


def _plan(pair: float, seconds: float) -> tuple[int, int]:
    """Calls a block and rounds (even, so that either network is first equally often)."""
    pairs = seconds / pair
    calls = min(max(int(pairs / MIN_ROUNDS / 4), 1), MAX_CALLS)
    return calls, max(round(pairs / calls / 2) * 2, MIN_ROUNDS)


def _block(timer: Timer, calls: int) -> list[float]:
    return [timer() for _ in range(calls)]


def _timer_cpu(call: Callable[[], object]) -> Timer:
    def timed() -> float:
        start = time.thread_time()
        call()
        return time.thread_time() - start

    return timed


def _timer_gpu(call: Callable[[], object]) -> Timer:
    def timed() -> float:
        start = time.perf_counter()
        call()
        torch.cuda.synchronize()
        return time.perf_counter() - start

    return timed


def _summary(rounds: Sequence[Round], images: Tensor, protocol: str, peak: float | None) -> Latency:
    ratios = [statistics.median(ours) / statistics.median(theirs) for ours, theirs in rounds]
    low, middle, high = _percentiles(ratios)
    p10, p50, p90 = (1e3 * t for t in _percentiles([t for ours, _ in rounds for t in ours]))
    on_gpu = images.device.type == "cuda"
    return Latency(
        ratio=middle,
        ratio_p10=low,
        ratio_p90=high,
        p10_ms=p10,
        p50_ms=p50,
        p90_ms=p90,
        reference_p50_ms=1e3 * statistics.median(t for _, theirs in rounds for t in theirs),
        batch=len(images),
        device=torch.cuda.get_device_name(images.device) if on_gpu else "cpu",
        dtype=str(images.dtype).removeprefix("torch."),
        threads=None if on_gpu else 1,
        protocol=protocol,
        peak_mib=peak,
    )


def _percentiles(values: Sequence[float]) -> tuple[float, float, float]:
    """p10, p50 and p90, linear between the values."""
    tenths = statistics.quantiles(values, n=10, method="inclusive")
    return tenths[0], tenths[4], tenths[8]


def _peak_mib(model: nn.Module, images: Tensor) -> float:
    """MiB of the weights and of what one call allocates; what else lies there is left out."""
    torch.cuda.synchronize(images.device)
    before = torch.cuda.memory_allocated(images.device)
    torch.cuda.reset_peak_memory_stats(images.device)
    model(images)
    torch.cuda.synchronize(images.device)
    during = torch.cuda.max_memory_allocated(images.device) - before
    return (during + bytes_of(model)) / 2**20
