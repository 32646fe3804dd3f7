"""No module needs one that needs it, not even inside a function or for its types alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("lightning_modules", "datamodules", "sweeps", "reports")


def modules(root: Path) -> dict[str, Path]:
    files = (path for room in ROOMS for path in (root / room).rglob("*.py"))
    return {".".join(path.relative_to(root).with_suffix("").parts): path for path in files}


def imported(path: Path) -> Iterator[str]:
    """All that a file imports anywhere; of ``from a import b`` both a and a.b."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def check(root: Path) -> None:
    """Raises CycleError, which names the modules of a circle."""
    known = modules(root)
    TopologicalSorter({name: known.keys() & {*imported(known[name])} for name in known}).prepare()


def test_no_modules_import_each_other() -> None:
    check(ROOT)


@pytest.mark.parametrize(
    "back",
    ["from sweeps import a", "def f():\n    import sweeps.a", "if x:\n    from sweeps.a import f"],
)
def test_a_circle_is_found_wherever_it_hides(tmp_path: Path, back: str) -> None:
    (tmp_path / "sweeps").mkdir()
    (tmp_path / "sweeps/a.py").write_text("from sweeps.b import f")
    (tmp_path / "sweeps/b.py").write_text(back)
    with pytest.raises(CycleError, match=r"sweeps\.[ab]"):
        check(tmp_path)
