"""What stands in a page, for tests that read it as a browser would."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

from reports.document import Document
from reports.report import build


class Reader(HTMLParser):
    """Collects what a browser would see of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.values: list[tuple[str, str]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.values += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data

    def of(self, attribute: str) -> list[str]:
        return [value for name, value in self.values if name == attribute]


def read_page(made: Document) -> Reader:
    contents = build(made)
    return Reader(contents["index.html"].decode())


def content_of(text: str) -> dict[str, Any]:
    """The JSON in a page."""
    found = re.search(r'id="content">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    made: dict[str, Any] = json.loads(found[1])
    return made


def unpacked(column: Any) -> list[Any]:
    """The values of a packed column of that JSON."""
    return column if isinstance(column, list) else [column["of"][at] for at in column["at"]]
