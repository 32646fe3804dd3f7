"""Searched schemes in reports: what they plug, what they cost, and where their supernets are."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from html_reader import read_page
from ledgers import MAGNITUDE, document, done, row, texts
from searches import BLENDED, EAN, broken, cell, outcomes, supernet

from reports.document import Document
from reports.latex import latex
from reports.markdown import markdown
from reports.sheets import runs_csv, table_csv
from reports.terminal import WIDTH, terminal_table


def made(folder: Path) -> Document:
    return document(folder, outcomes())


def test_a_search_is_compared_with_the_same_attention_in_every_block(tmp_path: Path) -> None:
    found = row(made(tmp_path), "se", "ean")
    # seeds 0 and 1: 0.96 - 0.95 and 0.97 - 0.95; the supernets have 0.5
    assert found["delta_parent_mean"] == pytest.approx(0.015, abs=1e-12)
    assert found["delta_parent_n"] == 2


def test_a_scheme_by_hand_is_compared_with_every_block_too(tmp_path: Path) -> None:
    document = made(tmp_path)
    by_hand = document.rows[document.rows["attention_options"] == "connect=110"].iloc[0]
    # seeds 0 and 1: 0.94 - 0.95
    assert by_hand["delta_parent_mean"] == pytest.approx(-0.01, abs=1e-12)
    assert "delta_parent" in texts(document, "se", "ean")
    assert texts(document, "se")["delta_parent"] == ""


def test_a_supernet_has_no_row_but_is_counted_and_listed(tmp_path: Path) -> None:
    document = made(tmp_path)
    assert len(document.tables) == 1
    assert [str(line.pruning) for line in document.tables[0].lines] == [
        *("none", "none", "ean", "random_sites", "none"),
    ]
    assert document.progress == "12 cells: 11 done, 1 missing"
    runs = {run["key"]: run for run in csv.DictReader(io.StringIO(runs_csv(document)))}
    keys = {supernet(seed).key for seed in range(2)}
    assert {key for key, run in runs.items() if run["row"] == "0"} == keys
    assert runs[supernet().key]["attention_options"] == "connect=random"
    assert runs[cell(EAN).key]["start"] == supernet().key
    assert not keys & set(table_csv(document).replace(",", " ").split())


def test_a_device_that_timed_a_supernet_only_has_no_column(tmp_path: Path) -> None:
    found = [
        (one, r and (done(one, 0.5, device="B") if one.is_supernet else r)) for one, r in outcomes()
    ]
    (table,) = document(tmp_path, found).tables
    assert [column.key for column in table.columns if column.kind == "latency"] == ["latency"]


def test_the_schedule_of_a_supernet_names_no_row_and_no_protocol(tmp_path: Path) -> None:
    (table,) = made(tmp_path).tables
    assert table.title == "Data digits, recipe short"
    assert "supernet of a search: 4 epochs, lr 0.05, constant schedule" in table.setting
    assert "refit" not in table.setting


def test_refits_and_searches_can_share_a_table(tmp_path: Path) -> None:
    pruned = cell(MAGNITUDE)
    (table,) = document(tmp_path, [*outcomes(), (pruned, done(pruned, 0.9))]).tables
    assert "refit after pruning: 3 epochs; supernet of a search: 4 epochs" in table.setting
    labels = {str(line.pruning) for line in table.lines}
    assert labels == {"none", "ean", "random_sites", "magnitude"}


def test_the_table_says_how_many_blocks_are_plugged(tmp_path: Path) -> None:
    document = made(tmp_path)
    assert texts(document, "se", "ean")["plugged"] == "1.5/3"  # 1|01 and 1|00
    assert texts(document, "se", "random_sites")["plugged"] == "2/3"
    by_hand = document.tables[0].lines[4]
    assert str(by_hand.attention) == "se connect=110"
    place = [column.key for column in document.tables[0].columns].index("plugged")
    assert [line.values[place].text for line in document.tables[0].lines] == [
        *("", "", "1.5/3", "2/3", "2/3"),
    ]
    assert "0|11" in runs_csv(document)


def test_a_search_states_its_networks_and_its_time_and_what_is_shared(tmp_path: Path) -> None:
    document = made(tmp_path)
    found = texts(document, "se", "ean")
    assert found["search"] == "12 4.0 min"
    assert texts(document, "se", "random_sites")["search"] == "0 4.0 min"
    assert texts(document, "se")["search"] == ""
    assert (
        "Searched on 2 supernets, one for each attention and seed, shared by all its searches; "
        "training one took 30 s in the mean, which Search leaves out."
    ) in document.tables[0].remarks


def test_a_search_has_nothing_before_a_refit(tmp_path: Path) -> None:
    found = texts(made(tmp_path), "se", "ean")
    assert not {"accuracy_before_refit", "sparsity"} & set(found)


def test_what_a_search_of_a_blend_asked_stands_there_too(tmp_path: Path) -> None:
    one = cell(BLENDED)
    record = done(one, 0.9)
    record["result"]["search"] = {"evaluations": 40}
    record["seconds"] = {"prune": 7.5, "refit": 1.0}
    document_ = document(tmp_path, [(cell(), done(cell(), 0.95)), (one, record)])
    found = texts(document_, "se", "blended")
    assert (found["search"], found["sparsity"]) == ("40 7.5 s", "0.00")
    assert not document_.tables[0].remarks[1:]


def test_a_supernet_that_failed_is_the_reason_of_its_searches(tmp_path: Path) -> None:
    document, ledger = broken(tmp_path)
    (line,) = [line for line in document.tables[0].lines if line.pruning.name == "ean"]
    notes = dict(document.tables[0].notes)
    assert line.state == "blocked"
    reason = f"its supernet {supernet().key} failed: RuntimeError: loss is nan"
    assert reason in notes[line.values[1].marks[0]]
    assert "Searched on 1 supernet (1 failed), one" in " ".join(document.tables[0].remarks)
    assert max(map(len, terminal_table(Document.of(ledger, "small")).splitlines())) <= WIDTH


def test_every_link_of_the_page_leads_somewhere_with_supernets_too(tmp_path: Path) -> None:
    for folder, found in (("a", made(tmp_path / "a")), ("b", broken(tmp_path / "b")[0])):
        reader = read_page(found)
        links = {link[1:] for link in reader.of("href") if link.startswith("#")}
        assert links <= set(reader.of("id")), folder
        assert f"run-{supernet().key}" in reader.of("id")
        assert "plugged 1|01" in reader.text or folder == "b"


def test_every_format_has_the_search(tmp_path: Path) -> None:
    document = made(tmp_path)
    assert "| 1.5/3 |" in markdown(document)
    assert r"& 1.5/3 \\" in latex(document)
    assert r"12 & {\scriptsize 4.0 min}" in latex(document)


def test_the_costs_of_a_wide_latex_table_stay_together(tmp_path: Path) -> None:
    parts = latex(made(tmp_path)).split(r"\begin{table*}")[1:]
    heads = [part.partition(r"\toprule")[2].partition(r"\midrule")[0] for part in parts]
    assert len(heads) > 1
    assert ["Seeds" in head for head in heads] == [True, *[False] * (len(heads) - 1)]
    (costs,) = [head for head in heads if "Params" in head]
    assert "MACs" in costs
    assert "Latency" in costs
