"""The analyses that finished cells can be asked for: one file in ``analysis/`` each.

Read from their source, as variants are (imports no torch). A file has a header, ``NEEDS`` (words of
``WORDS``) and one public function ``analyse(subject) -> plain JSON``; its file name is its name.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import cache
from typing import Any

from lightning_modules.source import read
from lightning_modules.variant import ROOT, Variant, VariantError

__all__ = ["WORDS", "analyses", "constants", "load"]

WORDS = {
    "gate": "no attention at the end of a residual branch",
    "step": "no attention that reads its block's input",
    "residual": "a backbone without residual blocks",
    "norm": "a backbone without batch norms",
    "widths": "a backbone without widths that can shrink",
    "validation": "no validation split",
}
"""What an analysis may need of a cell, and what is said of a cell that has not got it."""


@cache
def analyses() -> Mapping[str, Variant]:
    """Every analysis by its name.

    Raises:
        VariantError: a file without a header, or whose NEEDS are missing or unknown.
    """
    found = {}
    for path in sorted((ROOT / "analysis").glob("[!_]*.py")):
        (entry,) = read("analysis", path)
        unknown = [word for word in entry.facts.get("NEEDS", ("nothing",)) if word not in WORDS]
        if unknown:
            raise VariantError(
                f"{path}: NEEDS is a tuple of words of {', '.join(WORDS)}, or empty; "
                f"came {', '.join(map(str, unknown))}"
            )
        found[entry.name] = entry
    return found


def constants(entry: Variant) -> dict[str, Any]:
    """The numbers that an analysis works with: its literal constants, NEEDS left out."""
    return {name: v for name, v in entry.facts.items() if name.isupper() and name != "NEEDS"}


def load(entry: Variant) -> Any:
    """The function of an analysis: a ``Subject`` goes in, plain JSON comes out."""
    return importlib.import_module(f"lightning_modules.analysis.{entry.name}").analyse
