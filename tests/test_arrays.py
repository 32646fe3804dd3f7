"""Cells become arrays: children behind their own parents, one seed after the other."""

from __future__ import annotations

from dataclasses import replace

import pytest
from conftest import TINY, cells

from sweeps.cell import Cell
from sweeps.cluster.arrays import Array, Layout, count
from sweeps.cluster.resources import Resources
from sweeps.plan import ordered

SMALL = Resources(None, None, None, None, 1, 1, 4, 16, 60, 1)
BIG = replace(SMALL, gpus=4, devices=4, minutes=600)
GRID = ("attention=none,se,eca", "pruning=l1,l2", "pruning.macs=0.7", "seed=0,1")


def grid(*more: str) -> list[Cell]:
    return ordered(cells(*TINY, *GRID, *more))


def layout(**changes: object) -> Layout:
    made = Layout(lambda cell: SMALL, lambda cell: None, 3600.0, 1000, {})
    return replace(made, **changes)  # type: ignore[arg-type]


def answered(arrays: list[Array]) -> list[str]:
    return [key for array in arrays for task in array.tasks for key in task]


def test_every_cell_is_in_one_task() -> None:
    asked = grid()
    arrays = layout().arrays(asked, 1000)
    assert sorted(answered(arrays)) == sorted(cell.key for cell in asked)
    assert count(arrays) == len(asked)


def test_a_child_waits_for_the_task_of_its_own_parent() -> None:
    asked = {cell.key: cell for cell in grid()}
    arrays = layout(seconds=lambda cell: 1.0, pack_seconds=2.0).arrays(list(asked.values()), 1000)
    behind = [array for array in arrays if array.after is not None]
    assert behind
    for array in behind:
        assert array.after is not None
        before = arrays[array.after]
        assert len(before.tasks) == len(array.tasks)
        for task, former in zip(array.tasks, before.tasks, strict=True):
            parents = [asked[key].parent for key in task]
            assert {parent.key for parent in parents if parent} <= set(former)


def test_one_seed_of_every_cell_comes_before_the_next() -> None:
    asked = {cell.key: cell for cell in grid()}
    arrays = layout().arrays(list(asked.values()), 1000)
    seeds = [asked[key].seed for key in answered(arrays)]
    assert seeds == sorted(seeds)
    assert [array.rank for array in arrays] == sorted(array.rank for array in arrays)


def test_children_of_parents_that_are_done_wait_for_nothing() -> None:
    asked = [cell for cell in grid() if not cell.is_dense]
    assert all(array.after is None for array in layout().arrays(asked, 1000))


def test_children_of_a_parent_in_another_submission_wait_for_its_task() -> None:
    asked = [cell for cell in grid() if not cell.is_dense and cell.seed == 0]
    parent = asked[0].parent
    assert parent is not None
    arrays = layout(queued={parent.key: "77_3"}).arrays(asked, 1000)
    waiting = [key for a in arrays if a.behind == ("77_3",) for task in a.tasks for key in task]
    assert sorted(waiting) == sorted(c.key for c in asked if c.parent == parent)


@pytest.mark.parametrize("longest", [1, 2, 5])
def test_no_array_is_longer_than_the_cluster_takes(longest: int) -> None:
    asked = grid()
    arrays = layout(longest=longest).arrays(asked, 1000)
    assert max(len(array.tasks) for array in arrays) == min(longest, 3)
    assert sorted(answered(arrays)) == sorted(cell.key for cell in asked)


@pytest.mark.parametrize("most", [4, 7, 12])
def test_packs_grow_until_the_quota_holds_them(most: int) -> None:
    asked = grid()
    arrays = layout().arrays(asked, most)
    assert count(arrays) <= most
    assert sorted(answered(arrays)) == sorted(cell.key for cell in asked)


def test_short_cells_share_a_task_and_long_ones_do_not() -> None:
    asked = [cell for cell in grid() if cell.is_dense and cell.seed == 0]
    short = layout(seconds=lambda cell: 60.0, pack_seconds=180.0).arrays(asked, 1000)
    assert [len(task) for array in short for task in array.tasks] == [3]
    long = layout(seconds=lambda cell: 600.0, pack_seconds=180.0).arrays(asked, 1000)
    assert [len(task) for array in long for task in array.tasks] == [1, 1, 1]


def test_a_resource_class_is_an_array_of_its_own() -> None:
    def resources(cell: Cell) -> Resources:
        return BIG if cell.attention.name == "se" else SMALL

    asked = {cell.key: cell for cell in grid()}
    arrays = layout(resources=resources).arrays(list(asked.values()), 1000)
    for array in arrays:
        classes = {resources(asked[key]) for task in array.tasks for key in task}
        assert classes == {array.resources}


def test_a_cell_of_several_processes_never_shares_its_task() -> None:
    made = layout(resources=lambda cell: BIG, seconds=lambda cell: 1.0)
    assert {len(task) for array in made.arrays(grid(), 4) for task in array.tasks} == {1}


def test_many_seeds_are_few_arrays() -> None:
    asked = ordered(cells(*TINY, "seed=range(0,3000)"))
    arrays = layout().arrays(asked, 10**6)
    assert count(arrays) == 3000
    assert len(arrays) <= 15
    seeds = {cell.key: cell.seed for cell in asked}
    assert [seeds[key] for key in answered(arrays)] == list(range(3000))
