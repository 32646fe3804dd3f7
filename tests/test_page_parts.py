"""Parts of the page: its packed content, its markers, its libraries and its scripts."""

from __future__ import annotations

import hashlib
import json
import re

from html_reader import unpacked
from page_sweeps import EVIL

from reports.page.inline import LIBRARIES
from reports.page.packed import packed, script
from reports.page.points import shape
from reports.templates import FOLDER


def test_a_column_is_packed_and_unpacked_as_it_was() -> None:
    nan = float("nan")
    columns = {
        "a": [1.5, nan, 1.5],
        "b": ["x", "x", ""],
        "c": ["", None, nan],
        "d": ["p", "q", "r"],
    }
    found = packed(columns)
    assert json.loads(script(found)) == found
    assert {name: unpacked(column) for name, column in found.items()} == {
        "a": [1.5, None, 1.5],
        "b": ["x", "x", ""],
        "d": ["p", "q", "r"],
    }


def test_json_cannot_end_a_script() -> None:
    assert "<" not in script({"</script><!--": "<script>"})
    assert json.loads(script([EVIL])) == [EVIL]


def test_a_marker_is_the_same_shape_in_the_page() -> None:
    assert shape("s") == "M-0.5 0.5L0.5 0.5L0.5 -0.5L-0.5 -0.5Z"
    assert shape("^") == "M0 -0.5L-0.5 0.5L0.5 0.5Z"  # upright where y points down


def test_the_libraries_are_the_official_files() -> None:
    told = (FOLDER / "README.md").read_text()
    for name in (*LIBRARIES, "tabulator/tabulator.min.css"):
        assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() in told, name
        assert (FOLDER / name).with_name("LICENSE").exists()


def test_no_script_of_ours_writes_html() -> None:
    for path in FOLDER.glob("js/*.js"):
        text = path.read_text()
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b", text
        )
