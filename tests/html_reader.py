"""What stands in a page, for tests that read it as a browser would."""

from __future__ import annotations

from html.parser import HTMLParser

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
