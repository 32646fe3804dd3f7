"""Figures of analyses: from plain JSON in the ledger to files and the page."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ledgers import ECA, MAGNITUDE, NONE, SE, cell, document_of, done, ledger_of
from matplotlib.figure import Figure

from reports.analysed import analysed
from reports.analyses import correlation, criteria, flatness, noise, stiffness
from reports.analyses._row import Row
from reports.report import build, report
from sweeps.cell import DENSE, Cell, Choice
from sweeps.ledger import Ledger

ATTENTIONS = (NONE, SE, ECA)


def blocks(gated: float) -> list[dict[str, Any]]:
    def block(stage: int, place: int) -> dict[str, Any]:
        ungated = {"mean": 2 * gated, "std": 0.1}
        steps = {"gated": {"mean": gated, "std": 0.1}, "ungated": ungated}
        return {"stage": stage, "block": place, "plugged": True, **steps}

    return [block(0, 0), block(0, 1), block(1, 1)]


MATRIX = [[1.0, 0.5, None], [0.5, 1.0, None], [None, None, None]]
FOUND: Mapping[str, dict[str, Any]] = {
    "correlation": {
        "images": 8,
        "stages": [{"stage": 0, "blocks": [0, 1, 3], "matrix": MATRIX, "mean": 0.5}],
        "mean": 0.5,
    },
    "stiffness": {"images": 8, "blocks": blocks(0.5)},
    "flatness": {
        **{"images": 8, "loss": 0.1, "offsets": [-1.0, 0.0, 1.0], "gradient_norm": 0.3},
        **{"curves": [[2.0, 0.1, 3.0], [1.0, 0.1, 0.0]], "eigenvalue": 12.5, "steps": 100},
        "converged": False,
    },
    "noise": {
        "constant": {
            **{"images": 8, "scales": [1.0, 0.5], "shifts": [0.0, 1.0]},
            "accuracy": [[0.9, 0.5], [0.8, 0.1]],
        },
        "mixed": {"images": 8, "batch": 4, "shares": [0.0, 0.5], "accuracy": [0.9, 0.6]},
    },
    "criteria": {
        "criteria": ["l1", "l2"],
        "mean": [[1.0, 0.9], [0.9, 1.0]],
        "layers": {"conv1": [[1.0, 0.8], [0.8, 1.0]], "conv2": [[1.0, 1.0], [1.0, 1.0]]},
    },
}
DRAW = {
    m.__name__.rpartition(".")[2]: m for m in (correlation, criteria, flatness, noise, stiffness)
}


def keep(ledger: Ledger, one: Cell, name: str, found: Mapping[str, Any] | None = None) -> Path:
    """Leave a result in the ledger as do=analyze does."""
    path = ledger.paths(one.key).analysis(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"analysis": name, "reconstruction": name in ("noise", "stiffness")}
    path.write_text(json.dumps({**content, "found": found or FOUND[name]}))
    return path


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """Three attentions, dense and pruned, two seeds each; nothing is analysed."""
    asked = [
        cell(attention=a, pruning=p, seed=s)
        for a in ATTENTIONS
        for p in (DENSE, MAGNITUDE)
        for s in (0, 1)
    ]
    return ledger_of(tmp_path, [(one, done(one, 0.9)) for one in asked])


def numbers(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def words(figure: Figure) -> str:
    """Everything that is written in a figure."""
    texts = [text.get_text() for text in figure.texts]
    for axes in figure.axes:
        texts += [axes.get_xlabel(), axes.get_ylabel(), axes.get_title()]
    return "\n".join(texts)


def test_without_an_analysis_there_is_no_figure(ledger: Ledger) -> None:
    assert analysed(document_of(ledger), ledger) == []
    files = build(document_of(ledger))
    assert not [name for name in files if name.startswith("analysis")]
    assert b"analysis_" not in files["index.html"]


def test_a_report_has_the_figure_the_numbers_and_the_caption_of_every_analysis(
    ledger: Ledger, tmp_path: Path
) -> None:
    plan = ledger.plan("small")
    for one in plan.cells:
        for name in FOUND:
            keep(ledger, one, name)
    folder, _ = report(ledger, "small", tmp_path / "results")
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    page = first["index.html"].decode()
    for name in FOUND:
        assert {f"analysis_{name}.{kind}" for kind in ("png", "pdf", "csv")} <= first.keys()
        assert f'href="analysis_{name}.csv"' in page
    assert page.count("n = 12 cells of 2 seeds.") == len(FOUND)
    assert page.count("<figure") == sum(name.endswith(".png") for name in first)
    figure = page[page.index("Stiffness along depth") :]
    assert "A reconstruction" in figure[: figure.index("</figcaption>")]
    report(ledger, "small", tmp_path / "results")
    assert first == {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_numbers_of_a_figure_are_those_of_the_cells(ledger: Ledger) -> None:
    one, other = cell(attention=SE, seed=0), cell(attention=SE, seed=1)
    keep(ledger, one, "stiffness")
    keep(ledger, other, "stiffness", {"images": 8, "blocks": blocks(0.7)})
    (made,) = analysed(document_of(ledger), ledger)
    lines = numbers(made.numbers)
    assert [line["key"] for line in lines] == [one.key] * 3 + [other.key] * 3
    assert [line["nsi_gated_mean"] for line in lines] == ["0.5"] * 3 + ["0.7"] * 3
    assert (lines[2]["stage"], lines[2]["block"]) == ("2", "2")
    axes = made.figure.axes[0]
    assert list(axes.lines[0].get_ydata()) == pytest.approx([0.6] * 3)  # gated, mean of the seeds
    assert list(axes.lines[1].get_ydata()) == pytest.approx([1.2] * 3)
    assert "n = 2 cells of 2 seeds" in made.caption


def test_a_result_that_cannot_be_read_is_as_if_it_were_not_there(ledger: Ledger) -> None:
    keep(ledger, cell(attention=SE), "noise")
    keep(ledger, cell(attention=ECA), "noise").write_text('{"half')
    (made,) = analysed(document_of(ledger), ledger)
    assert {line["attention"] for line in numbers(made.numbers)} == {"se"}
    assert "n = 1 cell of 1 seed" in made.caption


def test_results_of_another_form_do_not_keep_a_report_from_being_made(
    ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(ledger, cell(attention=SE), "noise", {"old": 1})
    keep(ledger, cell(attention=ECA), "noise")
    keep(ledger, cell(attention=SE), "stiffness", {"old": 1})
    keep(ledger, cell(attention=SE), "flatness")
    found = {made.name: made for made in analysed(document_of(ledger), ledger)}
    assert set(found) == {"flatness", "noise"}
    assert {line["attention"] for line in numbers(found["noise"].numbers)} == {"eca"}
    said = capsys.readouterr().err
    assert f"{cell(attention=SE).key}/analysis/noise.json of the ledger is not as agreed" in said
    assert "delete it, then: make analyze ANALYSIS=stiffness" in said


def rows(name: str, count: int, backbones: int = 1) -> list[Row]:
    return [
        Row(f"net{b}", "none" if not n else f"gate{n}", "none", [FOUND[name]])
        for b in range(backbones)
        for n in range(count)
    ]


@pytest.mark.parametrize("name", DRAW)
def test_a_figure_of_many_rows_stays_on_a_page_and_says_what_it_leaves_out(name: str) -> None:
    few, many = DRAW[name].draw(rows(name, 2)), DRAW[name].draw(rows(name, 60, backbones=2))
    assert few is not None
    assert many is not None
    assert few.get_size_inches()[1] < many.get_size_inches()[1] < 16
    assert "more rows, in the csv" in words(many)
    assert "more rows" not in words(few)
    assert "net1" in words(many)  # every backbone has some


def test_dense_rows_come_first() -> None:
    asked = rows("noise", 3)
    figure = noise.draw([replace(asked[1], pruning="l1"), *asked])
    assert figure is not None
    titles = [text.get_text() for text in figure.texts]
    assert [t for t in titles if "gate" in t or t == "none"] == [
        "none",
        "gate1",
        "gate2",
        "gate1 · l1",
    ]


def test_what_is_undefined_is_left_out_of_a_mean() -> None:
    figure = correlation.draw(rows("correlation", 1))
    assert figure is not None
    assert "stage 1: r 0.50" in words(figure)


def test_a_figure_says_where_the_iteration_did_not_converge() -> None:
    figure = flatness.draw(rows("flatness", 1))
    assert figure is not None
    assert "λ 12.5*" in words(figure)


@pytest.mark.parametrize(
    ("name", "none"), [("correlation", {"stages": []}), ("stiffness", {"blocks": []})]
)
def test_nothing_to_show_is_no_figure(name: str, none: dict[str, Any]) -> None:
    assert DRAW[name].draw([Row("net", "se", "none", [FOUND[name] | none])]) is None


# ------------------------------------------------------------------------------ connections


def plugged(connect: str, seed: int = 0, pruning: Choice = DENSE) -> Cell:
    return cell(
        attention=Choice("se", {"reduction": 16, "connect": connect}), pruning=pruning, seed=seed
    )


def test_connections_show_accuracy_against_the_share_of_plugged_blocks(tmp_path: Path) -> None:
    search = Choice("ean", {"supernet": "all", "steps": 3})
    searched = plugged("all", pruning=search)
    record = done(searched, 0.95)
    record["result"]["scheme"] = "1|0|0|0"
    asked = [(plugged(connect), 0.9) for connect in ("all", "none", "1100")]
    pruned = plugged("all", pruning=MAGNITUDE)
    made = [(one, done(one, value)) for one, value in [*asked, (pruned, 0.8), (cell(), 0.7)]]
    ledger = ledger_of(tmp_path, [*made, (searched, record)])
    (found,) = analysed(document_of(ledger), ledger)
    assert found.name == "connections"
    lines = {(line["pruning"], line["plugged_share"]): line for line in numbers(found.numbers)}
    assert lines.keys() == {("none", "1.0"), ("none", "0.0"), ("none", "0.5"), ("ean", "0.25")}
    assert {line["attention_options"] for line in lines.values()} == {""}
    assert "Plugged blocks (%)" in words(found.figure)


def test_one_scheme_alone_is_no_figure(tmp_path: Path) -> None:
    asked = [plugged("all", seed=seed) for seed in (0, 1)]
    ledger = ledger_of(tmp_path, [(one, done(one, 0.9)) for one in asked])
    assert analysed(document_of(ledger), ledger) == []
