"""What a cell gets of a cluster: the options' check, the classes, and what a block may ask."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Run, cells

from sweeps.cluster.resources import OWN, RULES, TAKEN, Resources, check_cluster
from sweeps.errors import UserError
from sweeps.frozen import Plan
from sweeps.grid import Sweep
from sweeps.ledger import Ledger
from sweeps.overrides import CONF, parse, read_yaml, settings, text_of, value_of
from sweeps.plan import plan
from sweeps.request import Request
from sweeps.settings import defaults

SLURM = read_yaml(CONF / "cluster/slurm.yaml")
TRAINER = {"devices": 1}
PRUNED = ["pruning=l1", "pruning.macs=0.5"]


def planned(content: dict[str, Any], *extra: str) -> Plan:
    return plan(Sweep.parse("test", content, settings(parse(extra))), defaults())


def asked(made: Plan) -> dict[str, dict[str, Any]]:
    """Resources by what a cell is."""
    names = {c.key: f"{c.attention} {c.pruning} {c.seed}" for c in made.cells}
    return {names[key]: dict(own) for key, own in made.resources.items()}


def test_the_shipped_cluster_has_every_option_and_each_one_is_possible() -> None:
    assert set(SLURM) == {"kind", *RULES}
    assert check_cluster(SLURM) == []


def test_each_option_of_the_shipped_cluster_says_what_it_is() -> None:
    lines = (CONF / "cluster/slurm.yaml").read_text().splitlines()
    silent = [line for line in lines if line.split(":")[0] in RULES and " # " not in line]
    assert [line.split(":")[0] for line in silent] == ["account", "qos"]  # as the line above them


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"gpu": 1}, "cluster option 'gpu' does not exist; did you mean 'gpus'?"),
        ({"minutes": 0}, "cluster.minutes=0: must be a whole number from 1"),
        ({"minutes": "4h"}, "cluster.minutes=4h: must be a whole number from 1"),
        ({"gpus": -1}, "cluster.gpus=-1: must be a whole number from 0"),
        ({"gpus": True}, "cluster.gpus=True: must be a whole number"),
        ({"cpus": 1.5}, "cluster.cpus=1.5: must be a whole number"),
        ({"partition": ["a"]}, "must be text or null"),
        ({"python": ""}, "cluster.python=: must be text or null"),
        ({"canary": "yes"}, "cluster.canary=yes: must be true or false"),
        ({"shared": 1}, "must be true, false or null"),
        ({"at_once": 0}, "must be a whole number from 1, or auto"),
        ({"setup": "module load cuda"}, "must be a list of shell lines"),
        ({"sbatch": None}, "must be flags with one value each"),
        ({"sbatch": {"exclude": ["n1"]}}, "must be flags with one value each"),
        ({"sbatch": {"time": "1:00"}}, "cluster.sbatch.time=1:00: set cluster.minutes instead"),
        ({"sbatch": {"mem_per_cpu": "4G"}}, "set cluster.memory_gb instead"),
        ({"sbatch": {"--array": "0-3"}}, "set cluster.max_running instead"),
        ({"sbatch": {"gres": "gpu:a100:1"}}, "set cluster.gpus (and constraint for the model)"),
        ({"sbatch": {"dependency": "1"}}, "the sweep sets this flag itself"),
        ({"minutes": 2}, "cluster.notice_seconds=120: must be below the time limit (2 minutes)"),
    ],
)
def test_an_impossible_option_is_one_problem_that_says_what_is_allowed(
    own: dict[str, Any], message: str
) -> None:
    (problem,) = check_cluster(SLURM | own)
    assert message in problem


@pytest.mark.parametrize(
    "own",
    [
        {"at_once": "auto"},
        {"partition": 2024},
        {"gpus": 0, "sbatch": {"gres": "gpu:1"}},
        {"sbatch": {"gres": "lustre:1", "exclude": "node7", "exclusive": True}},
        {"setup": ["module load cuda"], "shared": True},
    ],
)
def test_what_a_cluster_may_need_is_taken(own: dict[str, Any]) -> None:
    assert check_cluster(SLURM | own) == []


def test_all_problems_come_at_once_and_a_missing_option_is_one() -> None:
    left = {key: value for key, value in SLURM.items() if key != "retries"}
    problems = check_cluster(left | {"gpus": -1, "cpus": 0})
    assert len(problems) == 3
    assert problems[-1] == "cluster.retries is missing; conf/cluster/slurm.yaml has it"


def test_every_flag_that_is_taken_names_an_option() -> None:
    assert set(TAKEN.values()) <= set(RULES)


def test_a_class_is_the_clusters_options_with_those_of_the_block_on_top() -> None:
    found = Resources.of(SLURM, TRAINER, {"gpus": 4, "partition": 7})
    assert (found.gpus, found.devices, found.processes, found.partition) == (4, 4, 4, "7")
    assert found.minutes == SLURM["minutes"]
    assert Resources.of(SLURM | {"gpus": 4}, TRAINER, {"partition": "7"}) == found
    assert Resources.of(SLURM, TRAINER, {"gpus": 1}) == Resources.of(SLURM, TRAINER)


@pytest.mark.parametrize(
    ("devices", "count"), [(3, 3), ("2", 2), ([0, 1], 2), ("auto", 1), (-1, 1)]
)
def test_without_gpus_the_trainer_says_how_many_processes(devices: Any, count: int) -> None:
    assert Resources.of(SLURM | {"gpus": 0}, {"devices": devices}).devices == count
    assert Resources.of(SLURM | {"gpus": 2}, {"devices": devices}).devices == 2


def test_a_block_sets_resources_of_its_cells_only_and_keeps_their_keys() -> None:
    blocks = [["attention=none,se"], ["attention=dia", "cluster.gpus=4", "cluster.minutes=600"]]
    made = planned({"common": ["seed=0,1"], "blocks": blocks})
    own = {"gpus": 4, "minutes": 600}
    assert asked(made) == {"dia none 0": own, "dia none 1": own}
    assert {c.key for c in made.cells} == {
        c.key for c in cells("attention=none,se,dia", "seed=0,1")
    }


def test_a_common_or_coupled_resource_gives_way_to_the_blocks() -> None:
    content = {
        "common": ["cluster.minutes=60"],
        "blocks": [["attention=none,se"], ["attention=dia", "cluster.minutes=90"]],
        "when": {
            "attention=se": ["cluster.partition=big gpu"],
            "attention=dia": ["cluster.cpus=2"],
        },
    }
    assert asked(planned(content)) == {
        "none none 0": {"minutes": 60},
        "se none 0": {"minutes": 60, "partition": "big gpu"},
        "dia none 0": {"minutes": 90, "cpus": 2},
    }


def test_where_blocks_overlap_the_later_one_decides_and_silence_changes_nothing() -> None:
    made = planned({"blocks": [["cluster.gpus=2"], ["cluster.gpus=4"], ["attention=none"]]})
    assert asked(made) == {"none none 0": {"gpus": 4}}


def test_a_derived_parent_gets_what_its_first_child_asks_and_a_named_one_its_own() -> None:
    blocks = [["pruning.macs=0.5", "cluster.gpus=2"], ["pruning.macs=0.7", "cluster.gpus=8"]]
    derived = planned({"common": ["pruning=l1"], "blocks": blocks})
    assert asked(derived)["none none 0"] == {"gpus": 2}
    named = planned({"blocks": [[*PRUNED, "cluster.gpus=2"], ["pruning=none"]]})
    assert asked(named) == {"none l1 0": {"gpus": 2}}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("cluster.gpu=4", "cluster option of a block 'gpu' does not exist; did you mean 'gpus'?"),
        ("cluster.retries=4", "Available: account, constraint, cpus"),
        ("cluster.gpus=1,2", "a block has one value of cluster.gpus"),
        ("cluster.gpus=many", "cluster.gpus=many: must be a whole number from 0"),
        ("cluster=slurm", "cluster option of a block '' does not exist"),
        ("+cluster.gpus=1", "only key=value can stand here"),
    ],
)
def test_a_wrong_resource_of_a_block_is_refused(line: str, message: str) -> None:
    with pytest.raises(UserError, match="sweep 'test'") as caught:
        planned({"blocks": [[line]]})
    assert message in str(caught.value)


def test_resources_are_frozen_with_the_plan_and_an_older_plan_has_none(tmp_path: Path) -> None:
    made = planned({"common": ["cluster.gpus=2", "cluster.qos=null"]})
    ledger = Ledger(tmp_path)
    ledger.freeze(made)
    assert ledger.plan("test").resources == made.resources
    assert asked(made) == {"none none 0": {"gpus": 2, "qos": None}}
    path = ledger.plans / "test.json"
    older = json.loads(path.read_text())
    del older["resources"]
    path.write_text(json.dumps(older))
    assert ledger.plan("test").resources == {}


def test_a_resource_on_the_command_line_wins_over_the_blocks() -> None:
    made = planned({"blocks": [["cluster.gpus=2", "cluster.minutes=9"]]})
    given = Request(parse(["sweep=demo", "cluster.gpus=1"]), ("run",))
    assert asked(given.yielding(made)) == {"none none 0": {"minutes": 9}}
    everything = Request(parse([f"cluster.{name}=1" for name in OWN]), ("run",))
    assert everything.yielding(made).resources == {}


def test_the_command_line_checks_a_slurm_cluster(run: Run) -> None:
    assert run("do=plan", "sweep=demo", "cluster=slurm").returncode == 0
    done = run("do=plan", "sweep=demo", "cluster=slurm", "cluster.minutes=0", "cluster.at_once=2x")
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "error: cluster.minutes=0: must be a whole number from 1",
        "error: cluster.at_once=2x: must be a whole number from 1, or auto",
    ]


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        3,
        0.5,
        "",
        "a b",
        "it's",
        'say "x"',
        "c:\\",
        "a,b",
        "1",
        "null",
        ["x y", 2],
        "#{[",
    ],
)
def test_a_value_survives_its_text(value: Any) -> None:
    assert value_of(text_of(value)) == value
