"""HTML: tables that can be pasted, and a page that needs nothing beside itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from html_reader import Reader, read_page
from ledgers import HOSTILE, document_of, hostile, small
from pivots import compared

from reports.html import html, pivot_html
from reports.report import build


class Cells(Reader):
    """Counts the columns that every row of a page's tables takes."""

    def __init__(self, text: str) -> None:
        self.rows: list[list[list[int]]] = []
        self.spans: list[dict[str, str]] = []
        super().__init__(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        super().handle_starttag(tag, attrs)
        found = {name: value or "" for name, value in attrs}
        if tag == "table":
            self.rows.append([])
        if tag == "tr":
            self.rows[-1].append([])
        if tag in ("td", "th"):
            span = int(found.get("colspan", 1)), int(found.get("rowspan", 1))
            self.rows[-1][-1].append(span)
            self.spans.append({"tag": tag, **found})

    def widths(self) -> list[set[int]]:
        """For each table the columns of its rows, those included that reach in from above."""
        found = []
        for rows in self.rows:
            taken = [sum(columns for columns, _ in row) for row in rows]
            for place, row in enumerate(rows):
                for columns, down in row:
                    for below in range(place + 1, place + down):
                        taken[below] += columns
            found.append(set(taken))
        return found


def pages(folder: Path) -> dict[str, str]:
    made = document_of(hostile(folder), {"dia"})
    return {
        "table": html(made),
        "pivot": pivot_html(compared(made)),
    }


@pytest.mark.parametrize("name", ["table", "pivot"])
def test_html_is_plain_tables_whose_rows_are_equally_wide(name: str, tmp_path: Path) -> None:
    text = pages(tmp_path)[name]
    reader = Cells(text)
    assert [len(widths) for widths in reader.widths()] == [1]
    assert {"table", "caption", "thead", "tbody"} <= set(reader.tags)
    assert not {"script", "style", "link", "img", "iframe"} & set(reader.tags)
    heads = [cell for cell in reader.spans if cell["tag"] == "th"]
    assert {head["scope"] for head in heads} <= {"col", "colgroup", "row", "rowgroup"}
    assert "light dark" in reader.of("content")
    assert not [name for name, _ in reader.values if name.startswith("on")]
    assert HOSTILE in reader.text
    assert "<script>alert(2)</script>" in reader.text


def test_every_value_of_html_leads_to_its_row(tmp_path: Path) -> None:
    reader = Cells(html(document_of(small(tmp_path))))
    cells = [cell for cell in reader.spans if cell["tag"] == "td"]
    assert {cell["data-row"] for cell in cells} == {str(row) for row in range(1, 10)}


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
