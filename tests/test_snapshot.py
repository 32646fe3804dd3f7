"""The code beside the ledger: taken once, untouched by later edits, and it knows its commit."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ROOT, cell

from sweeps import provenance as recorded
from sweeps.errors import UserError
from sweeps.origin import origin
from sweeps.snapshot import FOLDERS, PARTS, Snapshot, clean, take


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main")
    subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small checkout with every part that a snapshot holds, and a file that it does not."""
    root = tmp_path / "tree"
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True)
        (root / folder / "one.py").write_text(f"NAME = '{folder}'\n")
    for name in ("run.py", "pyproject.toml", "README.md"):
        (root / name).write_text("\n")
    (root / ".gitignore").write_text("*.secret\nruns/\n")
    git(root, "init")
    git(root, "add", ".")
    git(root, "commit", "-m", "one")
    return root


def files(snapshot: Snapshot) -> set[str]:
    found = (p.relative_to(snapshot.root) for p in snapshot.root.rglob("*") if p.is_file())
    return {p.as_posix() for p in found if "__pycache__" not in p.parts} - {"snapshot.json"}


COMMITTED = {"run.py", "pyproject.toml", *(f"{folder}/one.py" for folder in FOLDERS)}


def test_the_work_tree_as_it_is_is_copied_and_what_git_ignores_is_not(tree: Path) -> None:
    (tree / "sweeps/new").mkdir()
    (tree / "sweeps/new/two.py").write_text("X = 2\n")
    (tree / "sweeps/one.py").write_text("NAME = 'edited'\n")
    (tree / "conf/key.secret").write_text("no\n")
    (tree / "reports/one.py").unlink()
    made = take(tree / "runs", tree)
    assert made.root == tree / "runs/code" / made.digest
    assert files(made) == COMMITTED - {"reports/one.py"} | {"sweeps/new/two.py"}
    assert (made.root / "sweeps/one.py").read_text() == "NAME = 'edited'\n"


def test_without_git_all_files_are_copied_that_are_no_output_and_not_hidden(tree: Path) -> None:
    with_git = take(tree / "runs", tree)
    shutil.rmtree(tree / ".git")
    for name in ("sweeps/__pycache__/x.pyc", "conf/.hidden", "conf/user.yaml", "sweeps/runs/x"):
        (tree / name).parent.mkdir(exist_ok=True)
        (tree / name).write_text("no\n")
    assert take(tree / "runs", tree) == with_git
    assert files(with_git) == COMMITTED
    assert take(tree / "other", with_git.root).digest == with_git.digest  # a copy of the copy


def test_an_equal_tree_has_the_same_digest_and_one_byte_makes_another(tree: Path) -> None:
    first = take(tree / "runs", tree)
    other = shutil.copytree(tree, tree.with_name("other"), ignore=shutil.ignore_patterns("runs"))
    assert take(tree / "elsewhere", other).digest == first.digest
    (tree / "README.md").write_text("of no account\n")
    assert take(tree / "runs", tree) == first
    (tree / "conf/one.py").write_text("NAME = 'conF'\n")
    second = take(tree / "runs", tree)
    (tree / "conf/one.py").rename(tree / "conf/two.py")
    third = take(tree / "runs", tree)
    assert len({first.digest, second.digest, third.digest}) == 3
    assert len(list((tree / "runs/code").iterdir())) == 3


def test_a_snapshot_is_compiled_and_its_files_cannot_be_written_but_removed(tree: Path) -> None:
    made = take(tree / "runs", tree)
    assert list(made.root.glob("sweeps/__pycache__/one.*.pyc"))
    assert not any((made.root / name).stat().st_mode & 0o222 for name in files(made))
    assert clean(tree / "runs", (), older_s=0) == [made.digest]
    assert list((tree / "runs/code").iterdir()) == []


def test_a_snapshot_that_somebody_changed_is_refused(tree: Path) -> None:
    made = take(tree / "runs", tree)
    (made.root / "sweeps/one.py").unlink()
    with pytest.raises(UserError, match=rf"{made.root} was changed \(sweeps/one\.py\); delete"):
        take(tree / "runs", tree)


def test_a_ledger_that_cannot_be_written_is_refused(tree: Path) -> None:
    with pytest.raises(UserError, match="choose a folder you can write with ledger="):
        take(Path("/proc/nowhere"), tree)


def taken(start: float, ledger: Path, root: Path) -> str:
    while time.time() < start:
        pass
    return take(ledger, root).digest


def test_processes_that_take_it_at_the_same_time_end_with_one_folder(tree: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    with spawn.Pool(4) as pool:
        start = time.time() + 2
        digests = pool.starmap(taken, [(start, tree / "runs", tree)] * 8)
    assert [p.name for p in (tree / "runs/code").iterdir()] == [digests[0]]
    assert set(digests) == {digests[0]}


def test_clean_keeps_what_is_needed_and_what_is_young(tree: Path) -> None:
    old = take(tree / "runs", tree)
    needed, young = (take(tree / "runs", edited(tree, name)) for name in ("a", "b"))
    left_over = tree / "runs/code/.1-abc"
    fresh = tree / "runs/code/.2-abc"
    for folder in (left_over, fresh):
        (folder / "sweeps").mkdir(parents=True)
    for folder in (old.root, needed.root, left_over):
        os.utime(folder, (0, 0))
    assert clean(tree / "runs", {needed.digest}) == [old.digest]
    left = {p.name for p in (tree / "runs/code").iterdir()}
    assert left == {needed.digest, young.digest, fresh.name}
    assert clean(tree / "nothing", ()) == []


def test_a_snapshot_that_is_taken_again_is_young_again(tree: Path) -> None:
    made = take(tree / "runs", tree)
    os.utime(made.root, (0, 0))
    take(tree / "runs", tree)
    assert clean(tree / "runs", ()) == []


def edited(tree: Path, text: str) -> Path:
    (tree / "sweeps/one.py").write_text(f"NAME = '{text}'\n")
    return tree


def test_a_snapshot_knows_the_commit_and_the_changes_of_its_checkout(tree: Path) -> None:
    clean_tree = take(tree / "runs", tree)
    assert origin(clean_tree.root) == origin(tree)
    assert origin(tree).commit
    assert not origin(tree).dirty
    made = take(tree / "runs", edited(tree, "edited"))
    assert origin(made.root) == origin(tree)
    assert "+NAME = 'edited'" in origin(made.root).diff
    note = json.loads((made.root / "snapshot.json").read_text())
    assert (note["dirty"], note["commit"]) == (True, origin(tree).commit)
    git(tree, "commit", "-am", "two")
    assert take(tree / "runs", tree) == made
    assert origin(made.root) == origin(tree)
    assert not origin(made.root).dirty


def test_a_record_made_from_a_snapshot_equals_one_of_its_checkout(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = take(tree / "runs", edited(tree, "edited"))
    found = []
    for root, ledger in ((tree, tmp_path / "a"), (made.root, tmp_path / "b")):
        monkeypatch.setattr(recorded, "ROOT", root)
        origins = recorded.provenance(cell(), ledger)
        patch = (ledger / "provenance" / origins["diff"]).read_text()
        found.append((origins["commit"], origins["dirty"], patch))
    assert found[0] == found[1]
    assert found[0][0] is not None
    assert found[0][1]
    assert "+NAME = 'edited'" in found[0][2]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project itself, to be edited."""
    copy = tmp_path / "project"
    copy.mkdir()
    for name in PARTS:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, copy)
    return copy


def run_in(snapshot: Snapshot, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=snapshot.root,
        env={**os.environ, "PYTHONPATH": str(snapshot.root)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_runs_from_a_snapshot_does_not_see_an_edit(project: Path, tmp_path: Path) -> None:
    made = take(tmp_path / "runs", project)
    listed = run_in(made, "run.py", "do=list")
    (project / "sweeps/cell.py").write_text("raise SystemExit('edited')\n")
    (project / "lightning_modules/attention/se.py").unlink()
    (project / "conf/sweep/demo.yaml").write_text("about: [")
    where = run_in(made, "-c", "import sweeps.cell as c, sweeps; print(c.__file__)").strip()
    assert where == str(made.root / "sweeps/cell.py")
    assert run_in(made, "run.py", "do=list") == listed
    ledger = f"ledger={tmp_path}/runs"
    planned = json.loads(run_in(made, "run.py", "do=plan", "sweep=demo", ledger, "format=json"))
    assert planned["counts"] == {"pending": 64}
