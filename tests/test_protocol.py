"""What never stands side by side: other data, other recipes, other images, other devices."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ledgers import (
    DATA,
    MAGNITUDE,
    NONE,
    RECIPE,
    RESNET,
    SE,
    cell,
    document,
    document_of,
    done,
    failed,
    ledger_of,
    small,
    texts,
)
from searches import EAN, searched, supernet
from searches import cell as search_cell

from reports.document import Document
from reports.protocol import check_one_device, check_one_protocol, difference
from reports.sheets import runs_csv, table_csv
from sweeps.cell import DENSE, Cell, Choice
from sweeps.errors import UserError
from sweeps.record import Record

LONGER = replace(RECIPE, options={**RECIPE.options, "epochs": 16})
LARGER = replace(DATA, options={**DATA.options, "image_size": 32})


def of_cells(folder: Path, *cells: Cell, **changes: Any) -> Document:
    return document(folder, [(one, done(one, 0.9, **changes)) for one in cells])


def on(data: Choice, seed: int = 0) -> Cell:
    return Cell(data, RESNET, NONE, DENSE, RECIPE, seed)


def fingerprints(document: Document) -> list[str]:
    return list(document.rows["fingerprint"])


def test_a_fingerprint_is_the_same_for_all_rows_of_a_table(tmp_path: Path) -> None:
    made = document_of(small(tmp_path))
    (found,) = set(made.rows["fingerprint"])
    assert re.fullmatch("p[0-9a-f]{8}", found)
    assert set(made.frame["fingerprint"]) == {found}
    assert made.tables[0].setting.endswith(f"; protocol {found}")


def test_a_fingerprint_stands_in_both_csv_files(tmp_path: Path) -> None:
    made = document_of(small(tmp_path))
    for text in (table_csv(made), runs_csv(made)):
        lines = list(csv.DictReader(io.StringIO(text)))
        assert {line["fingerprint"] for line in lines} == set(made.rows["fingerprint"])


def test_whatever_changes_the_numbers_changes_the_fingerprint(tmp_path: Path) -> None:
    made = [
        of_cells(tmp_path / "0", cell()),
        of_cells(tmp_path / "1", cell(recipe=LONGER)),
        of_cells(tmp_path / "2", on(LARGER)),
        of_cells(tmp_path / "3", cell(), data_checksum="beef"),
    ]
    assert len({fingerprints(one)[0] for one in made}) == 4


def test_what_names_rows_does_not_change_the_fingerprint(tmp_path: Path) -> None:
    refit = replace(RECIPE, options={**RECIPE.options, "refit": {"epochs": 9}})
    plain = of_cells(tmp_path / "a", cell())
    others = of_cells(tmp_path / "b", cell(SE, seed=3), cell(pruning=MAGNITUDE, recipe=refit))
    assert {*fingerprints(plain), *fingerprints(others)} == set(fingerprints(plain))


def test_a_run_that_is_missing_does_not_change_the_fingerprint(tmp_path: Path) -> None:
    plain = of_cells(tmp_path / "a", cell())
    one = cell(SE)
    more = document(tmp_path / "b", [(one, None), (cell(), done(cell(), 0.9))])
    assert {*fingerprints(plain), *fingerprints(more)} == set(fingerprints(plain))


def test_finished_runs_on_different_images_share_no_table(tmp_path: Path) -> None:
    cells = [cell(seed=seed) for seed in range(5)]
    found = [done(c, 0.9, data_checksum="beef" if c.seed == 1 else "f00d") for c in cells]
    with pytest.raises(UserError) as error:
        document(tmp_path, zip(cells, found, strict=True))
    first = ", ".join(cells[seed].key for seed in (0, 2, 3))
    said = (
        "finished runs of table 'Data digits, recipe short' saw different images: data checksum "
        f"f00d (4 runs: {first}, ...) | beef (1 run: {cells[1].key})."
    )
    assert str(error.value).startswith(said)
    assert "sweep again" in str(error.value)


def test_a_run_that_failed_or_knows_no_checksum_is_no_mixture(tmp_path: Path) -> None:
    cells = [cell(seed=seed) for seed in range(3)]
    records: list[Record] = [done(cells[0], 0.9), done(cells[1], 0.9, data_checksum=None)]
    records.append(failed(cells[2], "no"))
    records[2]["provenance"]["data_checksum"] = "beef"
    made = document(tmp_path, zip(cells, records, strict=True))
    assert fingerprints(made) == fingerprints(of_cells(tmp_path / "plain", cell()))


def test_tables_may_differ_in_their_images(tmp_path: Path) -> None:
    made = [(on(DATA), done(on(DATA), 0.9)), (on(LARGER), done(on(LARGER), 0.9))]
    made[1][1]["provenance"]["data_checksum"] = "beef"
    assert len(document(tmp_path, made).tables) == 2


def test_a_supernet_on_other_images_is_a_mixture_too(tmp_path: Path) -> None:
    net, ean = supernet(), search_cell(EAN)
    record = done(net, 0.5, data_checksum="beef")
    ledger = ledger_of(tmp_path, [(net, record), (ean, searched(ean, "1|00", 0.9))])
    with pytest.raises(UserError, match=rf"beef \(1 run: {net.key}\)"):
        document_of(ledger)


def test_a_difference_is_named_option_by_option() -> None:
    first = {"recipe": "a", "recipe.lr": "0.1", "recipe.epochs": "8", "data checksum": ""}
    second = {"recipe": "a", "recipe.lr": "0.05", "recipe.alter": "1", "data checksum": "f00d"}
    # a checksum that is not known does not differ; an option that only one has does
    assert difference(first, second) == (
        "recipe.lr: 0.1 | 0.05; recipe.epochs: 8 | not set; recipe.alter: not set | 1"
    )
    assert difference(first, first) == ""
    assert difference(first, second, {**first, "recipe.lr": "0.1"}).startswith("recipe.lr: 0.1 | 0")


def test_a_document_says_how_its_protocols_differ(tmp_path: Path) -> None:
    made = of_cells(tmp_path, cell(), cell(recipe=LONGER))
    assert made.protocols == "2 protocols, which share no table: recipe.epochs: 8 | 16"
    assert of_cells(tmp_path / "one", cell()).protocols == ""


def test_two_recipes_cannot_be_mixed(tmp_path: Path) -> None:
    rows = of_cells(tmp_path, cell(), cell(attention=SE), cell(recipe=LONGER)).rows
    check_one_protocol(rows[:2], "table 'accuracy'")
    with pytest.raises(UserError) as error:
        check_one_protocol(rows, "table 'accuracy'")
    assert str(error.value) == (
        "table 'accuracy' would mix 2 protocols, whose numbers cannot be compared: Data digits, "
        "recipe short epochs=8 | Data digits, recipe short epochs=16. They differ in "
        "recipe.epochs: 8 | 16. Choose one of them"
    )


def test_two_data_sets_cannot_be_mixed(tmp_path: Path) -> None:
    other = replace(LARGER, name="cifar10", options={**LARGER.options, "folder": "x"})
    made = [(on(DATA), done(on(DATA), 0.9))]
    made.append((on(other), done(on(other), 0.9, data_checksum="beef")))
    differ = "data: digits | cifar10; data.image_size: 8 | 32; data.folder: '' | x; "
    with pytest.raises(UserError, match=re.escape(f"{differ}data checksum: f00d | beef")):
        check_one_protocol(document(tmp_path, made).rows, "x")


def test_lines_of_the_frame_can_be_checked_as_well(tmp_path: Path) -> None:
    frame = of_cells(tmp_path, cell(), cell(recipe=LONGER)).frame
    check_one_protocol(frame[:1], "x")
    with pytest.raises(UserError, match=r"recipe\.epochs"):
        check_one_protocol(frame, "x")


def timed(folder: Path, **devices: str) -> Document:
    """A row for each name, with a seed for each sign of its text: the device it was timed on."""
    found = []
    for name, where in devices.items():
        for seed, device in enumerate(where):
            one = cell(attention=Choice(name), seed=seed)
            more = {"latency": None} if device == "-" else {"device": device}
            found.append((one, done(one, 0.9, **more)))
    return document(folder, found)


def test_times_of_two_devices_cannot_be_mixed(tmp_path: Path) -> None:
    made = timed(tmp_path, none="A", se="A", eca="B", dia="-")
    for some in (made.rows[made.rows["attention"] != "eca"], made.frame[:1]):
        check_one_device(some, "x")
    for whole in (made.rows, made.frame):
        with pytest.raises(UserError, match=r"x would mix latencies of 2 settings.*A, .*\| B, "):
            check_one_device(whole, "x")


def test_every_device_has_a_column(tmp_path: Path) -> None:
    (table,) = timed(tmp_path, none="BA", se="A-", eca="AA", dia="B-").tables
    shown = [(c.key, c.kind, c.title) for c in table.columns if c.kind == "latency"]
    assert shown == [
        ("latency", "latency", "Latency on A, ms"),
        ("latency@2", "latency", "Latency on B, ms"),
    ]
    settings = "float32, 1 thread, batch 64, alternating blocks."
    assert [f"Latency on {device}, {settings}" for device in "AB"] == [*table.remarks]
    places = [place for place, c in enumerate(table.columns) if c.kind == "latency"]
    found = [[line.values[place] for place in places] for line in table.lines]
    assert [[f"{v.text} {v.aside}".strip() for v in values] for values in found] == [
        ["0.812 ≈1 n=1", "0.812 ≈1 n=1"],
        ["1.00 1.25× n=1", "—"],
        ["1.00 1.25×", "—"],
        ["—", "1.00 1.25× n=1"],
    ]


def test_devices_whose_names_begin_alike_are_told_apart(tmp_path: Path) -> None:
    found = []
    for number in range(2):
        one = cell(attention=Choice(f"a{number}"))
        found.append((one, done(one, 0.9, device=f"{'x' * 40}{number}")))
    (table,) = document(tmp_path, found).tables
    headings = [c.heading for c in table.columns if c.kind == "latency"]
    assert headings == [f"Latency on {'x' * 24}… ({place})" for place in (1, 2)]
    assert [remark[:70] for remark in table.remarks] == [
        f"Latency on {'x' * 24}… ({n + 1}): {'x' * 28}" for n in range(2)
    ]


def test_one_device_has_one_column_of_its_plain_name(tmp_path: Path) -> None:
    made = timed(tmp_path, none="A", se="A", dia="-")
    (column,) = [c for c in made.tables[0].columns if c.kind == "latency"]
    assert (column.key, column.heading) == ("latency", "Latency")
    assert made.tables[0].remarks == (
        "Latency on A, float32, 1 thread, batch 64, alternating blocks.",
    )
    assert texts(made, "dia")["latency"] == "—"
