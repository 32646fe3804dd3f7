"""Reports: honest numbers, from a small ledger made by hand to every format.

``python tests/test_reports.py`` writes the golden files anew; look at what changed.
"""

from __future__ import annotations

import csv
import io
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest
from html_reader import Reader, read_page
from ledgers import (
    DATA,
    DIA,
    ECA,
    HOSTILE,
    MAGNITUDE,
    NONE,
    RECIPE,
    RESNET,
    SE,
    VIT,
    cell,
    document,
    document_of,
    done,
    failed,
    hostile,
    ledger_of,
    names,
    row,
    small,
    texts,
)

from reports import latex as latex_format
from reports import markdown as markdown_format
from reports.gather import WITHOUT, gather
from reports.latex import latex
from reports.latex.write import HEAD, TAIL
from reports.markdown import markdown
from reports.report import build, report
from reports.sheets import runs_csv, table_csv
from reports.terminal import WIDTH, terminal_table
from reports.units import mega, milliseconds, percent, points, quantity, time_ratio
from sweeps.cell import DENSE, Cell, Choice
from sweeps.errors import UserError
from sweeps.ledger import Plan

GOLDEN = Path(__file__).parent / "golden" / "reports"
FIGURES = ("pareto_macs", "pareto_params", "pareto_latency", "grid")


FORMATS = {
    "table.md": markdown,
    "table.tex": latex,
    "table.csv": table_csv,
    "runs.csv": runs_csv,
}


@pytest.mark.parametrize("name", FORMATS)
def test_the_small_ledger_reads_as_its_golden_file(name: str, tmp_path: Path) -> None:
    assert FORMATS[name](document_of(small(tmp_path), {"dia"})) == (GOLDEN / name).read_text()


def test_mean_and_deviation_are_those_of_the_hand(tmp_path: Path) -> None:
    found = row(document_of(small(tmp_path)), "none")
    # (0.90 + 0.91 + 0.92) / 3 = 0.91;  sqrt((0.01^2 + 0 + 0.01^2) / (3 - 1)) = 0.01
    assert found["accuracy_mean"] == pytest.approx(0.91, abs=1e-12)
    assert found["accuracy_std"] == pytest.approx(0.01, abs=1e-12)
    assert found["n"] == found["planned"] == 3
    assert texts(document_of(small(tmp_path)), "none")["accuracy"] == "91.00 ± 1.00"


def test_a_difference_is_paired_by_seed(tmp_path: Path) -> None:
    found = row(document_of(small(tmp_path)), "none", "magnitude")
    # seeds 0, 1, 2: 0.88 - 0.90, 0.90 - 0.91, 0.89 - 0.92 = -0.02, -0.01, -0.03
    # mean -0.06 / 3 = -0.02;  sqrt((0 + 0.01^2 + 0.01^2) / 2) = 0.01, where the deviation of an
    # unpaired difference would be sqrt(0.01^2 + 0.01^2) = 0.0141
    assert found["delta_parent_mean"] == pytest.approx(-0.02, abs=1e-12)
    assert found["delta_parent_std"] == pytest.approx(0.01, abs=1e-12)
    # attention against the plain backbone, the two seeds that both have:
    # 0.95 - 0.90 = 0.96 - 0.91 = 0.05, no deviation
    against = row(document_of(small(tmp_path)), "se")
    assert against["delta_reference_mean"] == pytest.approx(0.05, abs=1e-12)
    assert against["delta_reference_std"] == pytest.approx(0, abs=1e-12)
    assert against["delta_reference_n"] == 2
    assert texts(document_of(small(tmp_path)), "none")["delta_reference"] == ""


def test_a_single_seed_has_no_deviation(tmp_path: Path) -> None:
    found = texts(document_of(small(tmp_path)), "se", "magnitude")
    assert found["seeds"] == "n=1/3 1 failed, 1 missing"
    assert found["accuracy"] == "94.00 n=1"
    assert found["delta_parent"] == "−2.00 n=1"  # seed 1 alone: 0.94 - 0.96


def test_seeds_without_a_number_are_counted(tmp_path: Path) -> None:
    made = document_of(small(tmp_path))
    assert texts(made, "se")["seeds"] == "n=2/3 1 missing"
    assert texts(made, "eca")["seeds"] == "n=0/3"
    assert texts(made, "eca")["accuracy"] == "missing"
    counts = {name: int(made.rows[name].sum()) for name in WITHOUT}
    assert counts == {"failed": 4, "damaged": 0, "blocked": 3, "missing": 5}


def test_whatever_has_no_number_looks_different(tmp_path: Path) -> None:
    lost, dense, child = cell(), cell(attention=DIA), cell(attention=DIA, pruning=MAGNITUDE)
    open_, never = cell(attention=ECA), cell(VIT)
    found = [(lost, done(lost, 2.0)), (dense, failed(dense, "x")), (child, None), (open_, None)]
    made = document_of(ledger_of(tmp_path, found, inapplicable=((never, "no"),)))
    (table,) = made.tables
    shown = [line.values[1].text for line in table.lines]
    assert shown == ["damaged", "failed", "blocked", "missing", "n/a"]
    counted = "5 cells: 1 failed, 1 damaged, 1 blocked, 1 missing, 1 inapplicable"
    assert made.progress == counted
    assert table.remarks == (f"{counted}.",)


def test_every_cell_has_its_state(tmp_path: Path) -> None:
    frame = document_of(small(tmp_path)).frame
    states = frame.groupby(["backbone", "attention", "pruning"])["state"].agg(list).to_dict()
    assert states == {
        ("resnet8", "none", "none"): ["done"] * 3,
        ("resnet8", "none", "magnitude"): ["done"] * 3,
        ("resnet8", "se", "none"): ["done", "done", "missing"],
        ("resnet8", "se", "magnitude"): ["failed", "done", "missing"],
        ("resnet8", "eca", "none"): ["missing"] * 3,
        ("resnet8", "dia", "none"): ["failed"] * 3,
        ("resnet8", "dia", "magnitude"): ["blocked"] * 3,
        ("vit_tiny", "none", "none"): ["done"],
        ("vit_tiny", "dia", "none"): ["inapplicable"],
    }


def test_failures_and_reasons_stand_in_footnotes(tmp_path: Path) -> None:
    (table,) = document_of(small(tmp_path)).tables
    notes = " ".join(text for _, text in table.notes)
    assert "RuntimeError: out of memory at 100 % of 2_048 MiB" in notes
    assert "second line" not in notes
    assert "Not applicable: dia needs a map" in notes
    assert "its dense parent failed" in notes
    marks = {mark for line in table.lines for value in line.values for mark in value.marks}
    assert marks == {mark for mark, _ in table.notes}


def test_a_damaged_record_does_not_hide_the_others(tmp_path: Path) -> None:
    ledger = small(tmp_path)
    keys = [cell(seed=seed).key for seed in range(3)]
    ledger.paths(keys[0]).record.write_text('{"half')
    ledger.paths(keys[1]).record.write_text(ledger.paths(keys[2]).record.read_text())
    made = document_of(ledger)
    damaged = made.frame[made.frame["state"] == "damaged"].set_index("key")["reason"]
    assert list(damaged.index) == keys[:2]
    assert "is damaged" in damaged[keys[0]]
    assert f"belongs to {keys[2]}" in damaged[keys[1]]
    assert texts(made, "none")["seeds"] == "n=1/3 2 damaged"


@pytest.mark.parametrize(
    "spoil",
    [
        {"status": "nearly"},
        {"cell": None},
        {"result": None},
        {"result": {}},
        {"seconds": 3},
        {"seconds": {"fit": "1 s"}},
        {"latency": 3},
        {"latency": {"ratio": 1}},
        {"provenance": {}},
        {"provenance": []},
        {"status": "failed", "error": None},
    ],
)
def test_a_record_that_breaks_its_contract_is_damaged(
    spoil: dict[str, Any], tmp_path: Path
) -> None:
    one = cell()
    frame = document(tmp_path, [(one, done(one, 0.5) | spoil)]).frame
    assert list(frame["state"]) == ["damaged"]
    assert re.search("not as agreed|is damaged", frame["reason"][0])


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        ({"accuracy": "NaN"}, "accuracy is 'NaN', must be a finite number from 0 to 1"),
        ({"accuracy": "Infinity"}, "accuracy is 'Infinity'"),
        ({"accuracy": float("nan")}, "accuracy is nan"),
        ({"accuracy": float("inf")}, "accuracy is inf"),
        ({"accuracy": 1.01}, "accuracy is 1.01"),
        ({"accuracy": 93.5}, "accuracy is 93.5"),
        ({"accuracy": -0.01}, "accuracy is -0.01"),
        ({"accuracy": None}, "accuracy is None"),
        ({"accuracy": True}, "accuracy is True"),
        ({"accuracy_selected": "NaN"}, "accuracy_selected is 'NaN'"),
        ({"accuracy_before_refit": 1.5}, "accuracy_before_refit is 1.5"),
        ({"val_loss": "Infinity"}, "val_loss is 'Infinity'"),
        ({"params": -1}, "params is -1, must be a finite number from 0 to inf"),
        ({"macs": "NaN"}, "macs is 'NaN'"),
        ({"macs_nonzero": None}, "macs_nonzero is None"),
        ({"bytes": 10**400}, "OverflowError"),
        ({"ratio": float("nan")}, "latency.ratio is nan"),
        ({"ratio": None}, "latency.ratio is None"),
        ({"p50_ms": -0.5}, "latency.p50_ms is -0.5"),
        ({"fit": "NaN"}, "seconds.fit is 'NaN'"),
        ({"schema": 0}, "its schema is 0, this version reads 1"),
    ],
)
def test_a_number_that_cannot_be_one_is_damage(spoil: dict[str, Any], reason: str) -> None:
    one, other = cell(), cell(SE)
    records = {c.key: {"schema": 1, "key": c.key, **done(c, 0.9)} for c in (one, other)}
    record = records[one.key]
    for part in (record, record["result"], record["result"]["cost"], record["latency"]):
        part.update({name: value for name, value in spoil.items() if name in part})
    record["seconds"].update({name: value for name, value in spoil.items() if name == "fit"})
    frame = gather(Plan("x", "", (one, other)), records.get)
    assert list(frame["state"]) == ["damaged", "done"]
    assert f"record of {one.key} is not as agreed" in frame["reason"][0]
    assert reason in frame["reason"][0]
    assert frame["accuracy"].isna().tolist() == [True, False]


def test_a_record_without_an_accuracy_is_damaged(tmp_path: Path) -> None:
    one = cell()
    record = done(one, 0.9)
    del record["result"]["accuracy"]
    frame = document(tmp_path, [(one, record)]).frame
    assert list(frame["state"]) == ["damaged"]
    assert "result.accuracy is missing" in frame["reason"][0]


def test_a_record_of_another_schema_is_damaged(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path, [(cell(), done(cell(), 0.9))])
    path = ledger.paths(cell().key).record
    path.write_text(path.read_text().replace('"schema": 1', '"schema": 99'))
    frame = document_of(ledger).frame
    assert list(frame["state"]) == ["damaged"]
    assert "has schema 99, this version reads 1" in frame["reason"][0]


def test_whole_numbers_are_as_good_as_others() -> None:
    one = cell()
    record = {"schema": 1, "key": one.key, **done(one, 1, accuracy_selected=1, p50_ms=2)}
    frame = gather(Plan("x", "", (one,)), {one.key: record}.get)
    assert list(frame["state"]) == ["done"]
    assert frame["accuracy"][0] == frame["accuracy_selected"][0] == 1.0
    assert frame["latency_p50_ms"][0] == 2.0


def test_a_failure_counts_even_if_nothing_is_known_about_it(tmp_path: Path) -> None:
    one = cell()
    record = failed(one, "no") | {"provenance": {}, "seconds": {}}
    assert list(document(tmp_path, [(one, record)]).frame["state"]) == ["failed"]


def test_times_within_two_percent_are_equal() -> None:
    read = [time_ratio(ratio) for ratio in (0.98, 1.0, 1.02, 1.03, 0.9)]
    assert read == ["≈1", "≈1", "≈1", "1.03×", "0.90×"]


def test_times_of_two_devices_are_not_averaged(tmp_path: Path) -> None:
    cells = [cell(attention=a, seed=s) for a in (NONE, SE) for s in range(2)]
    records = [done(c, 0.9, device=d) for c, d in zip(cells, "AAAB", strict=True)]
    made = document(tmp_path, zip(cells, records, strict=True))
    assert row(made, "se")["latency_n"] == 1  # the seed on A: more of the table was measured there
    assert row(made, "se")["latency_setting"].startswith("A,")
    assert texts(made, "se")["latency"] == "1.00 1.25× n=1"
    assert texts(made, "se")["latency@2"] == "1.00 1.25× n=1"


def test_masked_weights_have_their_own_column(tmp_path: Path) -> None:
    made = document_of(small(tmp_path))
    found = texts(made, "none", "magnitude")
    assert found["params"] == "80.00 k 1.000×"
    assert found["params_nonzero"] == "10.00 k 0.125×"
    assert found["macs"] == "1.600 M 1.000×"
    assert found["macs_nonzero"] == "0.2000 M 0.125×"
    assert texts(made, "none")["macs_nonzero"] == ""


def test_a_ratio_is_to_the_plain_backbone(tmp_path: Path) -> None:
    made = document_of(small(tmp_path))
    assert row(made, "se")["params_ratio"] == 81_000 / 80_000
    assert row(made, "se", "magnitude")["macs_nonzero_ratio"] == 200_250 / 1_600_000


def test_without_a_plain_backbone_there_is_no_ratio(tmp_path: Path) -> None:
    one = cell(attention=SE)
    found = texts(document(tmp_path, [(one, done(one, 0.9))]), "se")
    assert found["params"] == "81.00 k"
    assert found["latency"] == "1.00 1.25×"  # measured in alternation, whatever the sweep holds


def test_rows_of_different_protocols_never_share_a_table(tmp_path: Path) -> None:
    longer = replace(RECIPE, options={**RECIPE.options, "epochs": 16})
    cells = [cell(), cell(recipe=longer), cell(attention=SE)]
    tables = document(tmp_path, [(c, done(c, 0.9)) for c in cells]).tables
    assert [table.title for table in tables] == [
        "Data digits, recipe short epochs=8",
        "Data digits, recipe short epochs=16",
    ]
    assert ["16 epochs" in table.setting for table in tables] == [False, True]
    assert [len(table.lines) for table in tables] == [2, 1]


def test_a_refit_that_varies_names_the_row(tmp_path: Path) -> None:
    other = replace(RECIPE, options={**RECIPE.options, "refit": {"epochs": 6}})
    cells = [cell(), cell(pruning=MAGNITUDE), cell(pruning=MAGNITUDE, recipe=other)]
    (table,) = document(tmp_path, [(c, done(c, 0.9)) for c in cells]).tables
    labels = [str(line.pruning) for line in table.lines]
    assert labels == ["none", "magnitude refit.epochs=3", "magnitude refit.epochs=6"]
    assert {line.values[3].text for line in table.lines} == {"", "0.00"}


def test_only_options_that_vary_name_a_row(tmp_path: Path) -> None:
    wide = Choice("se", {"reduction": 4, "bias": True})
    narrow = Choice("se", {"reduction": 16, "bias": True})
    made = document(tmp_path, [(cell(attention=a), None) for a in (wide, narrow, ECA)])
    labels = [str(line.attention) for line in made.tables[0].lines]
    assert labels == ["se reduction=4", "se reduction=16", "eca"]


def test_none_comes_first_whatever_the_plan_says(tmp_path: Path) -> None:
    cells = [cell(attention=a, pruning=p) for a in (SE, NONE) for p in (MAGNITUDE, DENSE)]
    lines = document(tmp_path, [(c, None) for c in cells]).tables[0].lines
    assert list(map(names, lines)) == [
        ("none", "none"),
        ("none", "magnitude"),
        ("se", "none"),
        ("se", "magnitude"),
    ]


def test_a_reconstruction_has_a_dagger_and_a_footnote(tmp_path: Path) -> None:
    ledger = small(tmp_path)
    assert "dia†" in markdown(document_of(ledger, {"dia"}))
    assert "<sup>†</sup> A reconstruction" in markdown(document_of(ledger, {"dia"}))
    assert "†" not in markdown(document_of(ledger, {"pna"}))


def test_a_reconstructed_recipe_is_named_as_one(tmp_path: Path) -> None:
    made = ledger_of(
        tmp_path, [(cell := Cell(DATA, RESNET, NONE, DENSE, RECIPE, 0), done(cell, 0.9))]
    )
    plain, ours = (document_of(made, names).tables[0] for names in ((), {RECIPE.name}))
    assert ours.remarks[:-1] == plain.remarks
    assert "is a reconstruction" in ours.remarks[-1]


def test_runs_that_do_not_share_an_origin_are_named(tmp_path: Path) -> None:
    cells = [cell(seed=seed) for seed in range(3)]
    changes: list[dict[str, Any]] = [
        {"sources": {"backbone": "b0", "attention": "a1", "pruning": ""}},
        {"commit": "bad"},
        {"packages": {"torch": "2.11.0"}},
    ]
    records = [done(c, 0.9, **change) for c, change in zip(cells, changes, strict=True)]
    remarks = document(tmp_path, zip(cells, records, strict=True)).tables[0].remarks
    assert remarks[1:] == (
        "The runs do not share one commit: c0ffee1 (2); bad (1).",
        "The runs do not share one set of packages: torch 2.15.0 (2); torch 2.11.0 (1).",
        "The source of attention none changed between runs: a0 (2); a1 (1).",
    )


def test_nothing_is_unescaped_in_latex(tmp_path: Path) -> None:
    text = latex(document_of(hostile(tmp_path)))
    assert text.isascii()
    lines = [re.sub(r" % row \d+:[ 0-9a-f]+$", "", line) for line in text.splitlines()]
    body = "\n".join(lines).removeprefix(HEAD).removesuffix(TAIL.rstrip())
    bare = re.sub(r"\\[%&#_${}\\]", "", body)
    assert not set('%#_~^<>|"') & set(bare)
    assert bare.count("{") == bare.count("}")
    signs = re.findall(r"\$([^$]*)\$", bare)
    assert set(signs) <= {r"\pm", r"\times", r"\approx", r"\Delta", r"\uparrow", r"\downarrow", "-"}
    begun, ended = (re.findall(rf"\\{word}\{{(\S+?)\}}", body) for word in ("begin", "end"))
    assert sorted(begun) == sorted(ended)


def test_every_latex_row_has_as_many_cells_as_columns(tmp_path: Path) -> None:
    text = latex(document_of(hostile(tmp_path)))
    begin = r"\\begin\{tabular\}\{(@\{\}.*?@\{\})\}\n\\toprule"
    tabulars = re.findall(rf"{begin}(.*?)\\bottomrule", text, re.DOTALL)
    assert len(tabulars) > 1
    for spec, body in tabulars:
        shape = re.sub(r"@\{[^}]*\}", "", spec)
        rows = [line for line in body.splitlines() if " % row " in line]
        counts = {len(re.findall(r"(?<!\\)&", line.split(" % row ")[0])) + 1 for line in rows}
        assert len(rows) == 5
        assert counts == {len(shape)}


def test_a_long_latex_table_breaks_over_pages(tmp_path: Path) -> None:
    cells = [cell(attention=Choice(f"a{number}")) for number in range(50)]
    text = latex(document(tmp_path, [(c, None) for c in cells]))
    assert text.count(r"\begin{longtable}") == text.count(r"\end{longtable}") == 1
    assert "table*" not in text


def test_markdown_cells_stay_in_their_columns(tmp_path: Path) -> None:
    text = markdown(document_of(hostile(tmp_path)))
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in rows} == {len(rows[0].split(" | ")) + 1}
    assert "<script" not in text


SCRIPTS = 5
"""Of a page: an early one, the content as JSON, two libraries, our own."""


def test_nothing_is_unescaped_in_html(tmp_path: Path) -> None:
    reader = read_page(document_of(hostile(tmp_path)))
    assert reader.tags.count("script") == SCRIPTS
    assert "<script>alert(2)</script>" in reader.text
    assert HOSTILE in reader.text
    assert not [name for name, _ in reader.values if name.startswith("on")]


def test_the_page_needs_nothing_beside_itself(tmp_path: Path) -> None:
    made = build(document_of(small(tmp_path)))
    reader = Reader(made["index.html"].decode())
    assert not {"link", "img", "iframe"} & set(reader.tags)
    assert not reader.of("src")
    outside = [link for link in reader.of("href") if not link.startswith("#")]
    assert set(outside) <= made.keys()


def test_every_link_of_the_page_leads_somewhere(tmp_path: Path) -> None:
    reader = read_page(document_of(small(tmp_path), {"dia"}))
    ids = reader.of("id")
    assert len(ids) == len(set(ids))
    links = [*reader.of("href"), *reader.of("xlink:href")]
    assert {link[1:] for link in links if link.startswith("#")} <= set(ids)


def test_every_number_can_be_traced_to_its_runs(tmp_path: Path) -> None:
    made = document_of(small(tmp_path))
    runs = list(csv.DictReader(io.StringIO(runs_csv(made))))
    accuracies = {run["key"]: run["accuracy"] for run in runs}
    rows = list(csv.DictReader(io.StringIO(table_csv(made))))
    assert sorted(key for row in rows for key in row["keys"].split()) == sorted(accuracies)
    for one in rows:
        found = [float(accuracies[k]) for k in one["keys"].split() if accuracies[k]]
        assert len(found) == int(one["n"])
        if found:
            assert float(one["accuracy_mean"]) == pytest.approx(sum(found) / len(found), abs=1e-15)
    reader = read_page(made)
    for key in accuracies:
        assert f"run-{key}" in reader.of("id")
        assert f"#run-{key}" in reader.of("href")
        assert key in latex(made)


def test_a_report_leaves_all_of_its_files(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    folder, _ = report(small(tmp_path), "small", tmp_path / "results")
    assert folder == tmp_path / "results" / "small"
    found = {path.name for path in folder.iterdir()}
    assert found == {
        *("table.md", "table.csv", "table.tex", "table.html", "runs.csv", "index.html"),
        *("frame.parquet", "rows.parquet"),
        *(f"{name}.{kind}" for name in FIGURES for kind in ("png", "pdf")),
    }
    said = capsys.readouterr().out
    assert "table.md/csv/tex/html, runs.csv, index.html, frame.parquet" in said
    assert all(path.stem in said for path in folder.iterdir())
    assert "23 cells: 10 done, 4 failed, 3 blocked, 5 missing, 1 inapplicable" in said


def test_what_a_report_did_not_make_anew_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    folder = tmp_path / "results" / "small"
    folder.mkdir(parents=True)
    for name in ("curves.pdf", "pareto_macs.pdf", "pivot_mine.md", "pivot_mine.tex", "notes.md"):
        (folder / name).write_text("95.5")
    report(small(tmp_path), "small", tmp_path / "results")
    assert capsys.readouterr().out.endswith(
        "\nof an earlier report, not made anew: curves.pdf, pivot_mine.md/tex\n"
    )
    assert (folder / "pivot_mine.tex").read_text() == "95.5"


def test_the_same_ledger_gives_the_same_bytes(tmp_path: Path) -> None:
    ledger = small(tmp_path)
    assert build(document_of(ledger)) == build(document_of(ledger))


def test_a_reader_s_own_settings_of_matplotlib_change_nothing(tmp_path: Path) -> None:
    ledger = small(tmp_path)
    expected = build(document_of(ledger))
    own = {"axes.grid": True, "savefig.bbox": "tight", "figure.facecolor": "black"}
    with mpl.rc_context(own | {"axes.xmargin": 0.3, "pdf.compression": 0, "text.usetex": True}):
        assert build(document_of(ledger)) == expected


def test_a_sweep_that_was_never_started_is_a_user_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"started sweep 'smal' does not exist.*'small'"):
        report(small(tmp_path), "smal", tmp_path)


def test_a_sweep_without_a_cell_is_a_user_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="'small' plans no cell"):
        report(ledger_of(tmp_path, []), "small", tmp_path / "results")


def test_a_sweep_without_any_result_is_a_user_error(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path, [(cell(seed=seed), None) for seed in range(3)])
    with pytest.raises(UserError, match=r"nothing to report.*3 cells: 3 missing.*make sweep"):
        report(ledger, "small", tmp_path / "results")
    assert not (tmp_path / "results").exists()


def test_a_folder_that_cannot_be_written_is_a_user_error(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("in the way")
    with pytest.raises(UserError, match=r"cannot be written to .*results=\.\.\."):
        report(small(tmp_path), "small", tmp_path / "results")


@pytest.mark.parametrize(
    ("rows", "curves"),
    [
        (
            '[{"phase": "fit", "epoch": 0, "train_loss": NaN}, '
            '{"phase": "fit", "epoch": 1, "train_loss": Infinity, "val_accuracy": 0.5}]',
            {"fit": {"epoch": [0, 1], "train_loss": [None, None], "val_accuracy": [None, 0.5]}},
        ),
        ('[{"phase": "fit", "epoch": [0]}]', {}),
        ('[{"phase": "fit", "epoch": 0, "train_loss": "NaN"}]', {}),
        ("[3]", {}),
        ('{"half', {}),
    ],
)
def test_a_history_of_no_numbers_keeps_no_report_from_being_made(
    rows: str, curves: dict[str, Any], tmp_path: Path
) -> None:
    ledger = small(tmp_path)
    ledger.paths(cell().key).history.write_text(rows)
    assert ledger.curves(cell().key) == curves
    folder, _ = report(ledger, "small", tmp_path / "results")
    assert (folder / "index.html").exists()


def test_a_disk_that_fills_up_leaves_the_report_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = report(small(tmp_path), "small", tmp_path / "results")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    syncs = iter(range(9))

    def full(_: int) -> None:
        if next(syncs) == 8:
            raise OSError(28, "No space left on device")

    one = cell(seed=7)
    ledger = ledger_of(tmp_path / "other", [(one, done(one, 0.5))])
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UserError, match="No space left on device"):
        report(ledger, "small", tmp_path / "results")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_sweep_that_only_failed_still_has_a_report(tmp_path: Path) -> None:
    one = cell()
    folder, _ = report(ledger_of(tmp_path, [(one, failed(one, "no"))]), "small", tmp_path)
    assert "| failed<sup>1</sup> |" in (folder / "table.md").read_text()


def test_latency_that_was_not_measured_is_a_dash(tmp_path: Path) -> None:
    one = cell()
    made = document(tmp_path, [(one, done(one, 0.9, latency=None))])
    assert texts(made, "none")["latency"] == "—"
    assert "pareto_latency.png" not in build(made)


def test_the_terminal_table_fits_a_terminal(tmp_path: Path) -> None:
    text = terminal_table(document_of(small(tmp_path), {"dia"}))
    assert max(map(len, text.splitlines())) <= WIDTH
    assert re.search(r"none +magnitude +n=3 +89\.00 ± 1\.00 .*−2\.00", text)


def test_an_error_cannot_drive_the_terminal(tmp_path: Path) -> None:
    one = cell(Choice("b", {"o": "x" * 150}), attention=Choice("a" * 150))
    ledger = ledger_of(tmp_path, [(one, failed(one, "\x1b[2Jgone"))])
    text = terminal_table(document_of(ledger))
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= WIDTH


def test_numbers_read_as_people_write_them() -> None:
    nan = float("nan")
    assert [quantity(n) for n in (98, 1234, 272_474, 999_960, 25_557_032, nan)] == [
        *("98", "1.234 k", "272.5 k", "1.000 M", "25.56 M", "—"),
    ]
    assert [mega(n) for n in (812_000, 81_230, 40_813_184, 4_089_184_256, nan)] == [
        *("0.8120 M", "0.08123 M", "40.81 M", "4.089 G", "—"),
    ]
    assert [milliseconds(t) for t in (0.8123, 12.345, 123.4, 1234.5, nan)] == [
        *("0.812", "12.3", "123", "1230", "—"),
    ]
    assert percent(0.93125, 0.0015) == "93.12 ± 0.15"
    assert [points(d) for d in (0.0032, -0.0032, 0.00001, nan)] == ["+0.32", "−0.32", "0.00", "—"]


def test_text_is_escaped_sign_by_sign() -> None:
    assert latex_format.escape("50 %_x & é ☃\n<b> --o") == (
        r"50 \%\_x \& \'{e} U+2603 \textless{}b\textgreater{} -{}-o"
    )
    assert latex_format.escape("5×10⁻³ m² H₂O ½ µ Λ ≤ ’ Łukasz ---") == (
        r"5$\times$10\textsuperscript{$-$}\textsuperscript{3} m\textsuperscript{2} "
        r"H\textsubscript{2}O $\frac{1}{2}$ $\mu$ $\Lambda$ $\leq$ \textquoteright{} "
        r"\L{}ukasz -{}-{}-"
    )
    assert markdown_format.escape("a|b *c* <d> & `e`\nf") == r"a\|b \*c\* &lt;d&gt; &amp; \`e\` f"


def test_reports_import_no_model_code() -> None:
    code = "import sys, reports.report, reports.terminal; print(*sys.modules)"
    root = Path(__file__).parents[1]
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    ).stdout.split()
    banned = {"torch", "lightning", "pytorch_lightning", "hydra", "wandb", "submitit", "timm"}
    assert not banned & set(found)
    assert not any(name.startswith(("lightning_modules", "datamodules")) for name in found)


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        golden = document_of(small(Path(name)), {"dia"})
    for name, write in FORMATS.items():
        GOLDEN.mkdir(parents=True, exist_ok=True)
        (GOLDEN / name).write_text(write(golden))
