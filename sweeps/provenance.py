"""Where a number comes from: the commit, the uncommitted diff, the packages and the hardware."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from lightning_modules.catalog import variant
from sweeps.cell import Cell
from sweeps.origin import Origin, origin
from sweeps.record import write_atomically

ROOT = Path(__file__).parents[1]
SHOWN = ("torch", "torchvision", "pytorch-lightning", "timm", "torchmetrics", "hydra-core", "numpy")


def provenance(cell: Cell, ledger: Path) -> dict[str, Any]:
    """What must be known to make a cell again; long texts lie in ``<ledger>/provenance``."""
    import platform

    packages = _packages()
    return {
        **code(ledger),
        "packages": {name: version for name, version in packages.items() if name in SHOWN},
        "environment": _kept(ledger, _lines(packages), "txt"),
        "python": platform.python_version(),
        "hardware": _hardware(),
        "sources": sources(cell),
    }


def code(ledger: Path) -> dict[str, Any]:
    """The version of the code that this process runs."""
    found = _origin(ROOT)
    diff = _kept(ledger, found.diff, "patch") if found.dirty else None
    return {"commit": found.commit, "dirty": found.dirty, "diff": diff}


def sources(cell: Cell) -> dict[str, str]:
    """Digest of each variant's source, by axis; a finished cell is stale when one has changed."""
    axes = ("backbone", "attention", "pruning")
    return {axis: _digest(axis, getattr(cell, axis).name) for axis in axes}


@cache
def _digest(axis: str, name: str) -> str:
    return variant(axis, name).digest()


@cache
def _origin(root: Path) -> Origin:
    return origin(root)


@cache
def _packages() -> Mapping[str, str]:
    from importlib import metadata

    found = {d.metadata["Name"]: d.version for d in metadata.distributions()}
    return dict(sorted(found.items()))


def _lines(packages: Mapping[str, str]) -> str:
    return "".join(f"{name}=={version}\n" for name, version in packages.items())


def _kept(ledger: Path, text: str, kind: str) -> str:
    name = f"{hashlib.sha256(text.encode()).hexdigest()[:12]}.{kind}"
    path = ledger / "provenance" / name
    if not path.exists():
        write_atomically(path, text.encode())
    return name


def _hardware() -> dict[str, Any]:
    import platform

    import torch

    gpus = range(torch.cuda.device_count())
    return {
        "host": platform.node(),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpus": [torch.cuda.get_device_name(n) for n in gpus],
        "cuda": torch.version.cuda if gpus else None,
        "driver": _driver() if gpus else None,
    }


@cache
def _cpu() -> str:
    import platform

    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


@cache
def _driver() -> str | None:
    import subprocess

    try:
        query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
        return subprocess.run(query, capture_output=True, text=True, timeout=10).stdout.split()[0]
    except (OSError, IndexError, subprocess.TimeoutExpired):
        return None
