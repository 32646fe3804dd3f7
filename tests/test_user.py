"""One user's own file: overrides before those of the command line, and its mistakes named."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT, TINY, Run

from sweeps.asked import asked
from sweeps.cli import WORDS
from sweeps.errors import UserError
from sweeps.overrides import CONF, parse
from sweeps.request import Request
from sweeps.settings import Settings
from sweeps.user import VARIABLE, user_lines

Write = Callable[[Any], Path]
MINE = {
    "cluster": "slurm",
    "tracking": "none",
    "wandb": {"entity": "my-team"},
    "trainer": {"threads": 2},
    "clusters": {
        "slurm": {"account": "lab", "setup": ["module load cuda", "export A='b c'"]},
        "local": {"workers": 3},
    },
}


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a user's file and have it used."""

    def write(content: Any) -> Path:
        path = tmp_path / "mine.yaml"
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        monkeypatch.setenv(VARIABLE, str(path))
        return path

    return write


def settings(*arguments: str) -> Settings:
    """What a command line comes to."""
    overrides = parse(arguments)
    return Request(overrides, WORDS, user_lines(asked(overrides, "cluster"))).settings


def test_every_entry_counts_where_the_command_line_says_nothing(mine: Write) -> None:
    mine(MINE)
    found = settings()
    assert (found.tracking, found.trainer["threads"], found.wandb["entity"]) == (
        "none",
        2,
        "my-team",
    )
    assert found.wandb["project"] == "triptych"
    assert (found.cluster["kind"], found.cluster["account"]) == ("slurm", "lab")
    assert found.cluster["setup"] == MINE["clusters"]["slurm"]["setup"]


def test_the_command_line_wins(mine: Write) -> None:
    mine(MINE)
    found = settings("tracking=wandb", "wandb.entity=null", "cluster.account=other")
    assert (found.tracking, found.wandb["entity"]) == ("wandb", None)
    assert (found.cluster["account"], found.trainer["threads"]) == ("other", 2)


@pytest.mark.parametrize("word", ["local", "'local'"])
def test_another_cluster_gets_its_own_options_and_none_of_the_first(mine: Write, word: str) -> None:
    mine(MINE)
    found = settings(f"cluster={word}").cluster
    assert (found["kind"], found["workers"], "account" in found) == ("local", 3, False)


def test_without_a_cluster_the_usual_one_gets_its_options(mine: Write) -> None:
    mine({"clusters": MINE["clusters"]})
    assert (settings().cluster["kind"], settings().cluster["workers"]) == ("local", 3)


def test_any_flag_of_sbatch_can_be_added(mine: Write) -> None:
    flags = {"exclude": "node[1-3]", "reservation": "mine", "exclusive": True, "nice": 5}
    mine({"cluster": "slurm", "clusters": {"slurm": {"sbatch": flags}}})
    assert settings().cluster["sbatch"] == flags
    assert settings("++cluster.sbatch.nice=7").cluster["sbatch"] == flags | {"nice": 7}


def test_a_path_may_name_the_environment_and_the_home(
    mine: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCRATCH", "/scratch/it's me")
    mine({"ledger": "${oc.env:SCRATCH}/runs", "datasets": "~/data"})
    assert settings().ledger.root == Path("/scratch/it's me/runs")
    assert settings().datasets == Path.home() / "data"


def test_an_empty_name_means_no_file_and_an_empty_file_or_section_changes_nothing(
    mine: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "")
    bare = settings()
    for content in ("", "# nothing\n", "wandb:\ntrainer:\nclusters: {slurm: , local: }\n"):
        mine(content)
        assert settings() == bare
    assert user_lines(None) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"ledgr": "x"}, "setting 'ledgr' does not exist; did you mean 'ledger'?"),
        ({"attention": "se"}, "setting 'attention' does not exist"),
        ({"do": "plan"}, "setting 'do' does not exist"),
        ({"defaults": ["x"]}, "setting 'defaults' does not exist"),
        ({"ledger": ["x"]}, "ledger=['x']: must be the path of a folder"),
        ({"ledger": {"a": 1}}, "must be a value"),
        ({"ledger": "~nouser/x"}, "ledger=~nouser/x: this machine knows no such home folder"),
        ({"tables": {"rows": ["backbone"]}}, "must be a list of tables"),
        ({"wandb": {"artifacts": {"model": True}}}, "must be a list of artifacts"),
        ({"key": "7f3fa4"}, "setting 'key' does not exist"),
        ("tracking: off", "tracking 'False' does not exist"),
        ({"tracking": ["none"]}, "Available: none, offline, wandb"),
        ({"wandb": "me"}, "wandb=me: must be a section of keys and values"),
        ({"wandb": {"project": None}}, "wandb.project=None: must be text"),
        ({"wandb": {"team": "me"}}, "setting 'wandb.team' does not exist"),
        ({"trainer": {"threads": "x"}}, "trainer.threads=x: must be a number from 0"),
        ({"cluster": "slrm"}, "cluster 'slrm' does not exist; did you mean 'slurm'?"),
        ({"cluster": ["slurm"]}, "cluster '['slurm']' does not exist"),
        ({"clusters": ["slurm"]}, "must be a section of keys and values"),
        ({"clusters": {"slrm": {}}}, "did you mean 'clusters.slurm'?"),
        ({"clusters": {"slurm": {"gpu": 1}}}, "did you mean 'clusters.slurm.gpus'?"),
        ({"clusters": {"slurm": {"gpus": "1"}}}, "clusters.slurm.gpus=1: must be a whole number"),
        ({"clusters": {"slurm": {"sbatch": {"time": 5}}}}, "set clusters.slurm.minutes instead"),
        ({"clusters": {"local": {"workers": "x"}}}, "clusters.local.workers=x: must be a number"),
        ("a: [", "cannot be read"),
        ("- ledger\n", "cannot be read"),
        ("\x00", "cannot be read"),
    ],
    ids=str,
)
def test_a_mistake_is_one_line_that_names_the_file(mine: Write, content: Any, message: str) -> None:
    path = mine(content)
    with pytest.raises(UserError) as caught:
        user_lines(None)
    (line,) = str(caught.value).splitlines()
    assert line.startswith(str(path))
    assert message in line


def test_a_file_that_is_not_there_is_refused(mine: Write) -> None:
    path = mine("")
    path.unlink()
    with pytest.raises(UserError, match=f"{path} cannot be read: No such file .*{VARIABLE}"):
        user_lines(None)


def test_all_mistakes_come_at_once_before_anything_starts(mine: Write, run: Run) -> None:
    path = mine({"ledgr": "x", "clusters": {"slurm": {"gpu": 1}}})
    for arguments in (["do=list"], [*TINY]):
        done = run(*arguments)
        assert done.returncode == 2
        lines = done.stderr.splitlines()
        assert len(lines) == 2
        assert all(line.startswith(f"error: {path}: ") for line in lines)


def test_one_cell_and_a_multirun_of_hydra_take_the_file_too(mine: Write, tmp_path: Path) -> None:
    ledger, flags = tmp_path / "it's mine", {"sbatch": {"exclude": "n1,n2"}}
    mine({**MINE, "ledger": str(ledger), "clusters": {"slurm": flags}})
    words = [*TINY, "trainer.threads=1", "trainer.latency_seconds=0.05"]
    for arguments in (words, ["-m", *words, "seed=0,1", "cluster=slurm"]):
        done = subprocess.run(
            [sys.executable, str(ROOT / "run.py"), *arguments],
            capture_output=True,
            text=True,
            cwd=tmp_path,
        )
        assert done.returncode == 0, done.stderr
    assert len(list(ledger.glob("*/record.json"))) == 2
    assert not list(ledger.glob("*/wandb"))


def test_the_example_is_all_comments_and_valid_when_they_are_taken_away(mine: Write) -> None:
    text = (CONF / "user.example.yaml").read_text()
    assert yaml.safe_load(text) is None
    head, *rest = text.split("\n\n")
    assert head.startswith("#")
    lines = "\n\n".join(rest).splitlines()
    path = mine("\n".join(line.removeprefix("# ") for line in lines))
    content = yaml.safe_load(path.read_text())
    assert {"cluster", "ledger", "tracking", "wandb", "clusters"} <= set(content)
    assert settings().cluster["account"] == "lab"


def test_git_ignores_the_file_and_the_tests_never_read_it() -> None:
    assert os.environ[VARIABLE] == ""
    assert "conf/user.yaml" in (ROOT / ".gitignore").read_text().splitlines()


def test_the_file_lies_beside_the_configuration(tmp_path: Path) -> None:
    for name in ("conf", "lightning_modules", "datamodules", "sweeps", "reports"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    (tmp_path / "conf/user.yaml").write_text("format: json\n")
    environment = {key: value for key, value in os.environ.items() if key != VARIABLE}
    done = subprocess.run(
        [sys.executable, str(shutil.copy(ROOT / "run.py", tmp_path)), "do=plan", "sweep=demo"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
    )
    assert json.loads(done.stdout)["sweep"] == "demo", done.stderr
