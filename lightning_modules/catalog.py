"""The catalogue: what stands in the variant folders. Planning, listing and reporting need no more,
and so never import torch.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from lightning_modules.source import read
from lightning_modules.variant import ROOT, Variant, VariantError

FOLDERS = {"backbone": "backbones", "attention": "attention", "pruning": "pruning"}
NEUTRAL = {"attention": "no attention", "pruning": "nothing is removed"}


@cache
def catalog(axis: str) -> Mapping[str, Variant]:
    """Every variant of an axis by name, the neutral one first."""
    found: dict[str, Variant] = {}
    if axis in NEUTRAL:
        found["none"] = variant(axis, "none")
    for path in _files(axis):
        for one in read(axis, path):
            if one.name in found:
                clash = found[one.name].path
                raise VariantError(f"{axis} '{one.name}' stands in both {clash} and {path}")
            found[one.name] = one
    return found


@cache
def names(axis: str) -> tuple[str, ...]:
    """The names alone: where a file is a variant, none has to be read."""
    if axis == "backbone":
        return tuple(catalog(axis))
    return ("none", *(path.stem for path in _files(axis)))


@cache
def variant(axis: str, name: str) -> Variant:
    """One variant; reads the files that could hold it only.

    Raises:
        KeyError: there is none of this name.
    """
    if name == "none" and axis in NEUTRAL:
        return Variant(axis, name, NEUTRAL[axis])
    for path in _files(axis):
        if path.stem == name or (axis == "backbone" and f'"{name}"'.encode() in path.read_bytes()):
            for found in read(axis, path):
                if found.name == name:
                    return found
    raise KeyError(name)


def _files(axis: str) -> list[Path]:
    return sorted((ROOT / FOLDERS[axis]).glob("[!_]*.py"))


def load(entry: Variant) -> Any:
    """The module of a backbone family, or the class of an attention or a criterion."""
    if entry.path is None:
        raise ValueError(f"{entry.axis} '{entry.name}' has no code")
    folder = FOLDERS[entry.axis]
    module = importlib.import_module(f"lightning_modules.{folder}.{entry.path.stem}")
    return module if entry.axis == "backbone" else getattr(module, entry.public)
