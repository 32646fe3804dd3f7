"""What the catalogue knows of a variant: its name, typed options and facts (imports no torch)."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any


class VariantError(ValueError):
    """A variant's file is not as the catalogue needs it; the message says what to write."""


ROOT = Path(__file__).parent
SHARED = {
    "backbone": (),
    "attention": ("insertion.py", "plugs.py"),
    "pruning": (),
    "analysis": ("noise.py", "plugs.py"),
}
"""Files outside a variant's folder that it runs in."""


@dataclass(frozen=True)
class Option:
    """A keyword argument of a variant: ``kind`` is int, float, str or bool."""

    name: str
    kind: str
    default: Any
    choices: tuple[str, ...] = ()
    optional: bool = False

    def __str__(self) -> str:
        return f"{self.name}={self.default}"


@dataclass(frozen=True)
class Variant:
    """One name on an axis, with everything a plan must know about it."""

    axis: str
    name: str
    about: str
    source: str = ""
    reconstruction: bool = False
    options: tuple[Option, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    path: Path | None = None
    public: str = ""

    def digest(self) -> str:
        """Digest of the variant's file, of the mechanism it runs in and of what it is made of."""
        if self.path is None:
            return ""
        shared = [ROOT / name for name in SHARED[self.axis]]
        parts = [self.path.with_stem(name) for name in self.facts.get("candidates", ())]
        files = [self.path, *sorted(self.path.parent.glob("_*.py")), *parts, *shared]
        return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()[:12]


def make_option(name: str, annotation: str, default: Any) -> Option:
    """An option from its annotation's source text.

    Raises:
        ValueError: the type is none of int, float, str, bool, Literal, or one of these or None.
    """
    kinds = [part.strip() for part in annotation.split("|")]
    optional = "None" in kinds
    kind = next((k for k in kinds if k != "None"), "")
    if kind.startswith("Literal[") and kind.endswith("]"):
        choices = ast.literal_eval(f"({kind[8:-1]},)")
        return Option(name, "str", default, tuple(map(str, choices)), optional)
    if kind not in ("int", "float", "str", "bool"):
        raise ValueError(f"has type '{annotation}'; allowed are int, float, str, bool, Literal")
    return Option(name, kind, default, (), optional)


@cache
def options_of_dataclass(kind: type) -> tuple[Option, ...]:
    """The fields of a dataclass of ``options.py`` as options."""
    fields = kind.__dataclass_fields__  # type: ignore[attr-defined]
    return tuple(make_option(f.name, f.type, f.default) for f in fields.values())
