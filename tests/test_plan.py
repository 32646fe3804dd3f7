"""From a sweep to cells: counts, coupling, reasons, keys that stay, and no torch on the way."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import ROOT, cell, cells
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from sweeps.cell import AXES, Cell, Choice
from sweeps.compose import choice, register
from sweeps.errors import UserError
from sweeps.frozen import Plan
from sweeps.grid import Sweep
from sweeps.ledger import Ledger
from sweeps.overrides import CONF, names
from sweeps.plan import ordered, plan
from sweeps.settings import defaults

SWEEPS = names("sweep")


def planned(content: dict, name: str = "test") -> Plan:
    return plan(Sweep.parse(name, content), defaults())


@pytest.mark.parametrize("name", SWEEPS)
def test_every_shipped_sweep_plans(name: str) -> None:
    content = OmegaConf.to_container(OmegaConf.load(CONF / "sweep" / f"{name}.yaml"))
    made = planned(content, name)
    assert made.cells
    assert made.about


def test_the_demo_is_two_backbones_by_four_attentions_by_four_prunings_by_two_seeds() -> None:
    made = planned(OmegaConf.to_container(OmegaConf.load(CONF / "sweep/demo.yaml")), "demo")
    assert len(made.cells) == 2 * 4 * 4 * 2
    assert sum(c.is_dense for c in made.cells) == 2 * 4 * 2
    assert not made.inapplicable


def test_keys_stay_the_same_from_version_to_version() -> None:
    golden = json.loads((Path(__file__).parent / "golden/keys.json").read_text())
    assert {" ".join(c): cell(*c).key for c in map(str.split, golden)} == golden


def test_a_key_does_not_depend_on_how_a_value_is_written() -> None:
    assert cell("recipe.lr=0.1").key == cell("recipe.lr=1e-1").key
    assert cell("attention=se").key == cell("attention=se", "attention.reduction=16").key


def test_a_dense_cell_has_the_same_key_whatever_its_refit_would_be() -> None:
    assert cell("recipe.refit.epochs=7").key == cell("recipe.refit.epochs=9").key
    pruned = ("pruning=l1", "pruning.macs=0.5")
    assert cell(*pruned, "recipe.refit.epochs=7").key != cell(*pruned, "recipe.refit.epochs=9").key


def test_children_of_one_dense_network_name_the_same_parent() -> None:
    pruned = cells("pruning=l1,l2", "pruning.macs=0.5,0.7", "recipe.refit.epochs=2,3")
    assert {c.parent.key for c in pruned} == {cell().key}


def test_a_cell_survives_its_json() -> None:
    before = cell("attention=dia", "pruning=lamp", "pruning.sparsity=0.9")
    after = Cell.from_json(json.loads(json.dumps(before.json())))
    assert (after.key, after.json()) == (before.key, before.json())


def test_a_random_cell_equals_a_full_composition() -> None:
    made = planned(OmegaConf.to_container(OmegaConf.load(CONF / "sweep/demo.yaml")), "demo")
    register()
    for picked in random.Random(0).sample(made.cells, 5):
        lines = [f"seed={picked.seed}"]
        for axis in AXES:
            value = getattr(picked, axis)
            lines.append(f"{axis}={value.name}")
        if picked.pruning.name == "magnitude":
            lines.append("pruning.sparsity=0.9")
        if picked.pruning.name == "l1":
            lines.append("pruning.macs=0.5")
        with initialize_config_dir(str(CONF), version_base="1.3"):
            config = OmegaConf.to_container(compose("config", lines), resolve=True)
        axes = {a: choice(a, getattr(picked, a).name, config[a] or {}) for a in AXES}
        assert Cell(**axes, seed=config["seed"]).key == picked.key


def test_coupled_values_apply_where_their_condition_holds() -> None:
    made = planned(
        {
            "common": ["backbone=resnet8,wrn16_1", "pruning=none,l1"],
            "when": {
                "backbone=wrn16_1": ["recipe=wrn", "data=cifar10"],
                "pruning=l1": ["pruning.macs=0.5,0.7"],
            },
        }
    )
    found = {(c.backbone.name, c.recipe.name, c.data.name, c.pruning.name) for c in made.cells}
    assert found == {
        ("resnet8", "digits", "digits", "none"),
        ("resnet8", "digits", "digits", "l1"),
        ("wrn16_1", "wrn", "cifar10", "none"),
        ("wrn16_1", "wrn", "cifar10", "l1"),
    }
    assert len(made.cells) == 2 + 2 * 2


def test_what_a_block_sets_itself_wins_over_what_is_coupled() -> None:
    content = {
        "blocks": [["backbone=wrn16_1", "recipe=smoke"]],
        "when": {"backbone=wrn16_1": ["recipe=wrn"]},
    }
    assert {c.recipe.name for c in planned(content).cells} == {"smoke"}


def test_blocks_that_overlap_give_each_cell_once() -> None:
    content = {"blocks": [["attention=se,eca"], ["attention=eca,none"]]}
    assert len(planned(content).cells) == 3


def test_globs_and_ranges_expand() -> None:
    found = cells("backbone=glob(resnet?)", "seed=range(0,6,2)")
    assert {c.backbone.name for c in found} == {"resnet8"}
    assert sorted({c.seed for c in found}) == [0, 2, 4]


def test_an_exclusion_leaves_its_cells_out_with_the_reason() -> None:
    content = {
        "common": ["attention=none,se", "seed=0,1"],
        "exclude": [{"match": {"attention": "s*", "seed": "1"}, "reason": "too slow here"}],
    }
    made = planned(content)
    assert len(made.cells) == 3
    assert [(str(c.attention), c.seed, why) for c, why in made.inapplicable] == [
        ("se", 1, "too slow here")
    ]


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        (("backbone=vit_micro", "attention=se"), "se reads maps"),
        (("backbone=vit_micro", "pruning=bn_scale", "pruning.macs=0.5"), "reads batch norm scales"),
        (("attention=se", "attention.connect=101"), "one bit for each of the 9 blocks"),
        (("backbone=resnet50", "data.image_size=2"), "needs images of"),
    ],
)
def test_a_pair_that_cannot_work_is_inapplicable_with_a_reason(
    overrides: tuple[str, ...], reason: str
) -> None:
    made = planned({"blocks": [["attention=none"], list(overrides)]})
    assert len(made.inapplicable) == 1
    assert reason in made.inapplicable[0][1]


def test_a_dense_parent_that_the_grid_does_not_name_is_added_in_front() -> None:
    made = planned({"common": ["pruning=l1", "pruning.macs=0.5", "seed=0,1"]})
    assert [c.is_dense for c in made.cells] == [True, False, True, False]


def test_one_seed_comes_after_the_other_with_parents_before_children() -> None:
    grid = cells("attention=none,se", "pruning=l1", "pruning.macs=0.5", "seed=1,0")
    line = [(c.seed, c.is_dense, str(c.attention)) for c in ordered(grid)]
    each = [(True, "none"), (True, "se"), (False, "none"), (False, "se")]
    assert line == [(seed, *cell) for seed in (0, 1) for cell in each]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["attention=ses"], "attention 'ses' does not exist; did you mean 'se'? Available: "),
        (["atention=se"], "axis 'atention' does not exist; did you mean 'attention'?"),
        (["attention=se", "attention.reductoin=8"], "did you mean 'reduction'?"),
        (["attention=se", "attention.reduction=often"], "must be int, came str"),
        (["attention=se", "attention.share=all"], "allowed are block, stage"),
        (["pruning=l1"], "give exactly one of sparsity, macs, params"),
        (["pruning=l1", "pruning.macs=0.5", "pruning.sparsity=0.5"], "exactly one"),
        (["pruning=l1", "pruning.macs=1.5"], "share between 0 and 1"),
        (["recipe.epochs=0"], "epochs=0: at least 1"),
        (["recipe.schedule=triangle"], "allowed are cosine, step, constant"),
        (["recipe.milestones=3"], "recipe.milestones"),
        (["seed=-1"], "seed=-1: must be a whole number"),
        (["seed=range(5,0)"], "is empty: it matches nothing"),
        (["seed=range(1,5,0)"], "impossible range"),
        (["backbone=glob(nothing*)"], "is empty: it matches nothing"),
        (["seed=[1,2"], "is no override"),
    ],
)
def test_a_wrong_value_is_refused_with_what_is_allowed(overrides: list[str], message: str) -> None:
    with pytest.raises(UserError) as caught:
        planned({"common": overrides})
    assert message in str(caught.value)


def test_all_problems_are_reported_at_once() -> None:
    with pytest.raises(UserError) as caught:
        cells("attention=ses", "backbone=resnet21", "recipe=digts")
    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"comon": []}, "entry 'comon' does not exist; did you mean 'common'?"),
        ({"blocks": ["attention=se"]}, "a block is a list of overrides"),
        ({"exclude": [{"match": {"attention": "se"}}]}, "has a match and a reason"),
        ({"exclude": [{"match": {"attentoin": "se"}, "reason": "x"}]}, "did you mean 'attention'"),
    ],
)
def test_a_wrong_sweep_file_is_refused(content: dict, message: str) -> None:
    with pytest.raises(UserError, match="sweep 'test'") as caught:
        planned(content)
    assert message in str(caught.value)


def test_a_grid_of_inapplicable_cells_only_is_refused_with_their_reasons() -> None:
    with pytest.raises(UserError, match="no cell that can run: se reads maps"):
        planned({"common": ["backbone=vit_micro", "attention=se"]})


def test_a_frozen_plan_comes_back_the_same(tmp_path: Path) -> None:
    made = planned({"common": ["attention=none,se", "backbone=vit_micro,resnet8"]})
    ledger = Ledger(tmp_path)
    ledger.freeze(made)
    back = ledger.plan("test")
    assert [c.key for c in back.cells] == [c.key for c in made.cells]
    assert [why for _, why in back.inapplicable] == [why for _, why in made.inapplicable]


def test_an_axis_value_is_part_of_the_key() -> None:
    base = cell()
    for axis in AXES:
        value = getattr(base, axis)
        other = replace(base, **{axis: Choice(value.name, {**value.options, "new": 1})})
        if axis != "pruning":
            assert other.key != base.key


@pytest.mark.parametrize("verb", ["do=list", "do=plan sweep=demo", "do=status sweep=demo"])
def test_looking_never_imports_torch(verb: str, tmp_path: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, '.'); from sweeps.cli import command\n"
        "from sweeps.errors import UserError\n"
        "try: command(sys.argv[1:])\n"
        "except UserError: pass\n"
        "print(sorted({m.partition('.')[0] for m in sys.modules} & "
        "{'torch', 'pytorch_lightning', 'timm', 'wandb', 'pandas', 'submitit'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *verb.split(), f"ledger={tmp_path}"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"
