"""Tickets: connection schemes by name or file, and every scheme that cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Run, cell, cells

from sweeps.errors import UserError
from sweeps.overrides import names
from sweeps.tickets import scheme, ticket

NAMES = names("ticket")


@pytest.mark.parametrize("name", NAMES)
def test_every_shipped_ticket_fits_its_backbone(name: str) -> None:
    found = cell(f"backbone={ticket(name).backbone}", "attention=se", f"attention.connect={name}")
    bits = found.attention.options["connect"]
    assert bits == ticket(name).connect.replace("|", "")
    assert (len(bits), bits.count("1")) == (16, 9)


def test_a_ticket_its_bits_and_its_bits_by_stage_are_one_cell() -> None:
    texts = ("ean_dia_resnet50", "1100011110010011", "'110|0011|110010|011'")
    keys = {cell("backbone=resnet50", "attention=dia", f"attention.connect={t}").key for t in texts}
    assert len(keys) == 1


@pytest.mark.parametrize("word", ["all", "none", "random"])
def test_a_word_stays_a_word(word: str) -> None:
    assert scheme(word) == word


def test_a_ticket_of_another_backbone_is_refused_with_both_names() -> None:
    with pytest.raises(UserError, match="is for the blocks of resnet50, not of resnet34"):
        cells("backbone=resnet50,resnet34", "attention=se", "attention.connect=ean_dia_resnet50")


def test_an_unknown_ticket_is_told_what_there_is() -> None:
    with pytest.raises(UserError, match=rf"a ticket \({', '.join(NAMES)}\).*no such file"):
        scheme("ean_dia_resnet51")


@pytest.mark.parametrize(
    "content", ["backbone: resnet20", "connect: '110'", "backbone: resnet20\nconnect: 110", "[1]"]
)
def test_a_file_that_is_no_ticket_says_what_one_has(content: str, tmp_path: Path) -> None:
    file = tmp_path / "ticket.yaml"
    file.write_text(content)
    with pytest.raises(UserError, match=r"no ticket: it needs a backbone's name|cannot be read"):
        scheme(str(file))


@pytest.mark.parametrize(
    ("overrides", "text"),
    [
        ("attention=se attention.connect=1010", "connect=1010 is not one bit for each of the 9"),
        ("attention=se attention.connect=ean_sge_resnet50", "not of resnet20"),
        ("attention=iebn pruning=ean", "ean searches the blocks to plug, iebn goes into no block"),
        ("attention=se pruning=ean pruning.steps=0", "steps is at least 1; came 0"),
    ],
)
def test_a_scheme_or_search_that_cannot_be_is_one_error_before_anything_starts(
    run: Run, tmp_path: Path, overrides: str, text: str
) -> None:
    done = run("backbone=resnet20", *overrides.split(), "tracking=none")
    assert done.returncode == 2
    assert text in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("runs/*/record.json"))
