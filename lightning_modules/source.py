"""Read variants from their source, without importing it.

A variant's file name is its name (a backbone family's ``VARIANTS`` are its names), its keyword
arguments are its options, the first line of its header is its description and source.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning_modules.options import Insertion, of_grain
from lightning_modules.structure import SCHEMED
from lightning_modules.variant import (
    Option,
    Variant,
    VariantError,
    make_option,
    options_of_dataclass,
)

FAMILY = ("VARIANTS", "LAYOUT", "SLOTS", "NORM", "build", "sites")


def read(axis: str, path: Path) -> list[Variant]:
    """The variants that a file declares.

    Raises:
        VariantError: no Python, no header, no public class, or options that are not plain.
    """
    try:
        tree = ast.parse(path.read_bytes(), filename=str(path))
    except SyntaxError as error:
        raise VariantError(f"{path}, line {error.lineno}: {error.msg}") from None
    about, source, reconstruction = _header(tree, path)
    if axis == "backbone":
        return _family(tree, path, about, source, reconstruction)
    if axis == "analysis":
        facts = _literals(tree.body)
        return [Variant(axis, path.stem, about, source, reconstruction, (), facts, path, "analyse")]
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
    if axis == "pruning":
        kind: type | None = of_grain(facts.get("grain", ""))
        return options_of_dataclass(kind) if kind else ()
    if facts.get("slot", "gate") not in SCHEMED:
        return ()
    options = options_of_dataclass(Insertion)
    if facts.get("stage_only"):
        stage = Option("share", "str", "stage", ("stage",))
        return tuple(stage if option.name == "share" else option for option in options)
    return options


def _family(
    tree: ast.Module, path: Path, about: str, source: str, reconstruction: bool
) -> list[Variant]:
    facts = _literals(tree.body)
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    missing = [name for name in FAMILY if name not in {**facts, **functions}]
    if missing:
        raise VariantError(
            f"{path}: a backbone file declares {', '.join(FAMILY)}; {', '.join(missing)} is missing"
        )
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
        raise VariantError(
            f"{path}: begins with a docstring 'Name (Authors, VENUE YEAR, arXiv:ID).'"
        )
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
    raise VariantError(f"{path}: has no public class; name it in __all__")


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
        raise VariantError(f"{path}: option '{arg.arg}': {error}") from None
