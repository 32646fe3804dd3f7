"""The catalogue: what stands in the variant folders, read from the source without importing it.

A variant's file name is its name (a backbone family's ``VARIANTS`` are its names), its keyword
arguments are its options, the first line of its header is its description and source. Planning,
listing and reporting therefore never import torch.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from lightning_modules.options import Insertion, Removal

ROOT = Path(__file__).parent
FOLDERS = {"backbone": "backbones", "attention": "attention", "pruning": "pruning"}
SHARED = {"backbone": (), "attention": ("insertion.py",), "pruning": ()}
OF_AXIS = {"attention": Insertion, "pruning": Removal}
NEUTRAL = {"attention": "no attention", "pruning": "nothing is removed"}


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
        """Digest of the variant's file and of the mechanism it runs in."""
        if self.path is None:
            return ""
        shared = [ROOT / name for name in SHARED[self.axis]]
        files = [self.path, *sorted(self.path.parent.glob("_*.py")), *shared]
        return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()[:12]


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
                raise ValueError(f"{axis} '{one.name}' stands in both {clash} and {path}")
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
        if path.stem == name or (axis == "backbone" and f'"{name}"' in path.read_text()):
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


def read(axis: str, path: Path) -> list[Variant]:
    """The variants that a file declares.

    Raises:
        ValueError: the file has no header, no public class, or options that are not plain.
    """
    tree = ast.parse(path.read_text(), filename=str(path))
    about, source, reconstruction = _header(tree, path)
    if axis == "backbone":
        return _family(tree, path, about, source, reconstruction)
    node = _public_class(tree, path)
    facts = _literals(node.body)
    own = _options(_method(node, "__init__"), path)
    shared = _axis_options(axis, facts)
    found = Variant(
        axis,
        path.stem,
        about,
        source,
        reconstruction,
        options=own + shared,
        facts=facts,
        path=path,
        public=node.name,
    )
    return [found]


def _axis_options(axis: str, facts: Mapping[str, Any]) -> tuple[Option, ...]:
    """Options of the axis, as far as they mean something for a variant."""
    if facts.get("grain") == "none":
        return ()
    options = options_of_dataclass(OF_AXIS[axis])
    if facts.get("stage_only"):
        stage = Option("share", "str", "stage", ("stage",))
        return tuple(stage if option.name == "share" else option for option in options)
    return options


def _family(
    tree: ast.Module, path: Path, about: str, source: str, reconstruction: bool
) -> list[Variant]:
    facts = _literals(tree.body)
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    if "VARIANTS" not in facts or "build" not in functions:
        raise ValueError(f"{path}: a backbone file declares VARIANTS and build(...)")
    facts["widths"] = "widths" in functions
    declared = _options(functions["build"], path)
    found = []
    for name, structure in facts["VARIANTS"].items():
        options = tuple(
            Option(o.name, o.kind, structure.get(o.name, o.default), o.choices, o.optional)
            for o in declared
        )
        own = {**facts, **structure}
        line = structure.get("about", about)
        found.append(
            Variant("backbone", name, line, source, reconstruction, options, own, path, name)
        )
    return found


def _header(tree: ast.Module, path: Path) -> tuple[str, str, bool]:
    doc = ast.get_docstring(tree)
    if not doc:
        raise ValueError(f"{path}: begins with a docstring 'Name (Authors, VENUE YEAR, arXiv:ID).'")
    first = " ".join(doc.split("\n\n")[0].split())
    about, _, rest = first.partition("(")
    source = rest.rsplit(")", 1)[0] if rest else ""
    return about.strip().rstrip("."), source, "Reconstruction:" in doc


def _public_class(tree: ast.Module, path: Path) -> ast.ClassDef:
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    names = list(_literals(tree.body).get("__all__", []))
    for node in classes:
        if node.name in names or not (names or node.name.startswith("_")):
            return node
    raise ValueError(f"{path}: has no public class; name it in __all__")


def _method(node: ast.ClassDef, name: str) -> ast.FunctionDef | None:
    for item in node.body:
        if isinstance(item, ast.FunctionDef) and item.name == name:
            return item
    return None


def _literals(body: list[ast.stmt]) -> dict[str, Any]:
    found = {}
    for node in body:
        target: ast.expr | None = None
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = node.targets[0]
        elif isinstance(node, ast.AnnAssign):
            target = node.target
        value = getattr(node, "value", None)
        if isinstance(target, ast.Name) and value is not None:
            try:
                found[target.id] = ast.literal_eval(value)
            except ValueError:
                continue
    return found


def _options(function: ast.FunctionDef | None, path: Path) -> tuple[Option, ...]:
    if function is None:
        return ()
    pairs = zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
    return tuple(_option(arg, default, path) for arg, default in pairs if default is not None)


def _option(arg: ast.arg, default: ast.expr, path: Path) -> Option:
    try:
        value = ast.literal_eval(default)
        text = ast.unparse(arg.annotation) if arg.annotation else ""
        return make_option(arg.arg, text, value)
    except ValueError as error:
        raise ValueError(f"{path}: option '{arg.arg}': {error}") from None


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
