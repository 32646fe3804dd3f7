"""Knowledge flows one way: held over the import statements themselves."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("lightning_modules", "datamodules", "sweeps", "reports")
FILES = sorted(p for room in ROOMS for p in (ROOT / room).rglob("*.py"))
FEW_FILES = {"submitit": 2, "wandb": 3}
"""A cluster's or tracker's library, and how many files may import it. W&B's client is started in
one, written to in one, and read in one."""
HEAVY = ("torch", "pytorch_lightning", "timm", "torchvision", "torchmetrics")


def imports(path: Path, *, everywhere: bool = True) -> set[str]:
    tree = ast.parse(path.read_text())
    found = set()
    for node in ast.walk(tree) if everywhere else tree.body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def importers(package: str) -> list[str]:
    def named(path: Path) -> bool:
        return any(name.partition(".")[0] == package for name in imports(path))

    return [str(path.relative_to(ROOT)) for path in FILES if named(path)]


@pytest.mark.parametrize(
    ("room", "others"),
    [
        ("lightning_modules/attention", ("backbones", "pruning", "datamodules")),
        ("lightning_modules/backbones", ("attention", "pruning", "datamodules")),
        ("lightning_modules/pruning", ("attention", "backbones", "datamodules")),
        ("lightning_modules/analysis", ("backbones", "datamodules")),
        ("datamodules", ("attention", "backbones", "pruning")),
    ],
)
def test_the_axes_do_not_know_each_other(room: str, others: tuple[str, ...]) -> None:
    for path in (ROOT / room).glob("*.py"):
        for name in imports(path):
            assert not set(name.split(".")) & set(others), f"{path} imports {name}"
            assert name.partition(".")[0] not in ("hydra", "submitit", "wandb", "sweeps", "reports")


def test_plan_and_dispatch_do_not_know_each_other() -> None:
    assert "sweeps.dispatch" not in imports(ROOT / "sweeps/plan.py")
    assert not {"sweeps.plan", "sweeps.grid"} & imports(ROOT / "sweeps/dispatch.py")


def test_reports_know_no_model() -> None:
    for path in (ROOT / "reports").rglob("*.py"):
        known = {name.partition(".")[0] for name in imports(path)}
        assert not known & {"lightning_modules", "datamodules", *HEAVY}, path


@pytest.mark.parametrize("package", FEW_FILES)
def test_a_cluster_or_tracking_library_is_imported_in_few_files(package: str) -> None:
    assert len(importers(package)) <= FEW_FILES[package]


def test_hydra_is_imported_by_the_files_that_compose_only() -> None:
    assert importers("hydra") == [
        "sweeps/asked.py",
        "sweeps/cli.py",
        "sweeps/compose.py",
        "sweeps/overrides.py",
        "sweeps/request.py",
    ]


def test_timm_is_imported_by_its_backbones_only() -> None:
    assert all(Path(name).name.startswith(("timm_", "_timm")) for name in importers("timm"))


def test_a_cell_and_a_record_need_the_standard_library_only() -> None:
    names = ("cell", "record", "errors", "claim", "ledger", "origin", "snapshot")
    for name in (*names, "cluster/resources", "cluster/slurm"):
        for module in imports(ROOT / f"sweeps/{name}.py"):
            top = module.partition(".")[0]
            assert top in ("sweeps", *__import__("sys").stdlib_module_names), f"{name}: {module}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_file_stays_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 300


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_file_says_what_it_is(path: Path) -> None:
    text = path.read_text()
    assert not text or ast.get_docstring(ast.parse(text))
