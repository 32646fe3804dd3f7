"""The files of a report: all of them or none, and a clear word where there can be none."""

from __future__ import annotations

from pathlib import Path

import pytest
from ledgers import cell, done, ledger_of, small

from reports.report import report
from sweeps.errors import UserError

FIGURES = ("pareto_macs", "pareto_params", "pareto_latency", "grid")


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
