"""What is about no sweep and no cell takes neither, and nothing is passed over in silence."""

from __future__ import annotations

import pytest
from conftest import Run

from sweeps.asked import APART, KEYED, STARTED
from sweeps.cli import WORDS, command
from sweeps.errors import UserError

GRIDDED = ("run", "cost", "plan", "sweep")


def refusal(*arguments: str) -> list[str]:
    with pytest.raises(UserError) as caught:
        command(arguments)
    return str(caught.value).splitlines()


@pytest.mark.parametrize("verb", APART)
@pytest.mark.parametrize(
    "chosen",
    [
        ["attention=se"],
        ["attention=sse", "recipe.epochs=3", "seed=0,1"],
        ["~attention"],
        ["sweep=demo"],
        ["sweep=dmo", "seed=x"],
    ],
    ids=" ".join,
)
def test_a_choice_of_cells_is_refused_in_one_line(verb: str, chosen: list[str]) -> None:
    said = f"{' '.join(chosen)}: do={verb} is about no sweep and no cell; leave it out"
    assert refusal(f"do={verb}", *chosen) == [said]


@pytest.mark.parametrize("verb", APART)
def test_a_key_and_a_flag_are_refused_in_one_line(verb: str) -> None:
    assert len(refusal(f"do={verb}", "key=7f")) == len(refusal(f"do={verb}", "-m")) == 1


def test_every_verb_is_about_cells_or_a_started_sweep_or_neither() -> None:
    assert sorted([*APART, *STARTED, *GRIDDED]) == sorted(WORDS)
    assert {*KEYED} <= {*STARTED}


@pytest.mark.parametrize("verb", WORDS)
def test_no_verb_takes_a_setting_that_does_not_exist(verb: str) -> None:
    (line,) = refusal(f"do={verb}", "+colour=red")
    assert line.startswith("setting 'colour' does not exist")


def test_a_listing_of_what_was_not_asked_for_is_a_mistake(run: Run) -> None:
    done = run("do=list", "attention=se")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "error: attention=se: do=list is about no sweep and no cell; leave it out"
    ]
