"""Frames for notebooks: the numbers of the CSV files, with types."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pandas as pd
from ledgers import NONE, SE, cell, document, document_of, done, small

from reports.parquet import frame_parquet, rows_parquet
from reports.sheets import runs_csv, table_csv
from sweeps.cell import Choice


def read_parquet(content: bytes) -> pd.DataFrame:
    return pd.read_parquet(io.BytesIO(content))


def test_the_frame_of_a_notebook_is_that_of_runs_csv(tmp_path: Path) -> None:
    made = document_of(small(tmp_path))
    found = read_parquet(frame_parquet(made))
    runs = pd.read_csv(io.StringIO(runs_csv(made)), dtype=dict.fromkeys(found, str))
    for name in runs:
        texts = pd.read_csv(io.StringIO(found[[name]].to_csv(index=False)), dtype=str)[name]
        assert texts.fillna("").tolist() == runs[name].fillna("").tolist(), name
    assert found.attrs == {"sweep": "small", "about": "made by hand", "schema": 1}
    assert frame_parquet(made) == frame_parquet(made)


def test_the_frame_of_a_notebook_is_typed(tmp_path: Path) -> None:
    types = read_parquet(frame_parquet(document_of(small(tmp_path)))).dtypes.astype(str)
    assert {types[name] for name in ("accuracy", "latency_p50_ms", "recipe.lr")} == {"float64"}
    assert {types[n] for n in ("params", "macs", "data.image_size", "refit.epochs")} == {"Int64"}
    assert {types[name] for name in ("key", "reason", "data.folder")} == {"str"}
    assert {types[name] for name in ("state", "backbone", "protocol")} == {"category"}
    assert types["pruning.sparsity"] == "float64"


def test_latencies_of_two_settings_have_columns_of_their_own(tmp_path: Path) -> None:
    """Each row was measured once on each: the first one comes first in all rows."""
    cells = [cell(attention=a, seed=s) for a in (NONE, SE) for s in (0, 1)]
    times = [("A", 1.0), ("B", 0.1), ("B", 0.2), ("A", 2.0)]
    records = [done(c, 0.9, device=d, p50_ms=ms) for c, (d, ms) in zip(cells, times, strict=True)]
    made = document(tmp_path, zip(cells, records, strict=True))
    csv_rows = pd.read_csv(io.StringIO(table_csv(made)))
    for rows in (csv_rows, read_parquet(rows_parquet(made))):
        assert [text[0] for text in rows["latency_setting"]] == ["A", "A"]
        assert [text[0] for text in rows["latency_2_setting"]] == ["B", "B"]
        assert rows["latency_ms"].tolist() == [1.0, 2.0]
        assert rows["latency_2_ms"].tolist() == [0.1, 0.2]


def test_whole_numbers_of_any_size_fit_into_a_notebook(tmp_path: Path) -> None:
    cells = [cell(attention=Choice("x", {"mask": n})) for n in (10**20, 1)]
    found = read_parquet(frame_parquet(document(tmp_path, [(c, None) for c in cells])))
    assert sorted(found["attention.mask"]) == ["1", str(10**20)]


def test_an_option_has_one_type_whatever_it_looks_like(tmp_path: Path) -> None:
    options = {"connect": "1011", "bias": True, "rate": 1, "width": 0.5, "sizes": [1, 2]}
    other = {"connect": "all", "bias": False, "rate": 2, "width": 1}
    cells = [cell(attention=Choice("x", one)) for one in (options, other)]
    found = read_parquet(frame_parquet(document(tmp_path, [(c, None) for c in cells])))
    lines = found.sort_values("attention.rate")
    assert lines["attention.connect"].tolist() == ["1011", "all"]
    assert lines["attention.bias"].tolist() == [True, False]
    assert lines["attention.rate"].tolist() == [1, 2]
    assert lines["attention.width"].tolist() == [0.5, 1.0]
    assert lines["attention.sizes"].fillna("").tolist() == ["[1,2]", ""]


def test_the_rows_of_a_notebook_are_those_of_table_csv(tmp_path: Path) -> None:
    made = document_of(small(tmp_path))
    found, rows = read_parquet(rows_parquet(made)), pd.read_csv(io.StringIO(table_csv(made)))
    assert found["row"].tolist() == rows["row"].tolist()
    for name in ("accuracy_mean", "delta_reference_p_holm", "latency_ms", "params_ratio"):
        pd.testing.assert_series_equal(found[name], rows[name])
    printed = [json.loads(text) if text else [] for text in found["published"]]
    assert [len(one) for one in printed] == [2, 0, 1, *[0] * 6]
