"""Scripts and styles as parts of the page, and the policy by which nothing else can run in it."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable

from markupsafe import Markup

from reports.templates import FOLDER

LIBRARIES = ("echarts/echarts.common.min.js", "tabulator/tabulator.min.js")
STYLES = ("tabulator/tabulator.min.css", "page.css", "print.css", "live.css")
EARLY = "js/early.js"
"""Runs before anything is drawn."""
SCRIPTS = tuple(
    f"js/{name}.js"
    for name in (
        *("dom", "content", "charts", "controls"),
        *("heat", "numbers", "columns", "explore", "pareto", "curves"),
        *("training", "row", "run", "detail", "paper", "main"),
    )
)
"""Ours, in the order in which they build on each other; together they are one script."""
MAP = re.compile(r"\n?(//# sourceMappingURL=\S+|/\*# sourceMappingURL=.*?\*/)\n?")


def styles() -> Markup:
    return Markup("\n".join(map(_read, STYLES)))


def scripts() -> list[Markup]:
    """Each library with its licence, and all of ours in one function of its own."""
    ours = "\n".join(_read(name) for name in SCRIPTS)
    return [*map(_library, LIBRARIES), _harmless(f'(() => {{\n"use strict";\n{ours}}})();')]


def early() -> Markup:
    return _harmless(_read(EARLY))


def policy(scripts: Iterable[str]) -> str:
    """No request, and no script but these, whatever is written in the page."""
    digests = [hashlib.sha256(script.encode()).digest() for script in scripts]
    allowed = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _library(name: str) -> Markup:
    licence = (FOLDER / name).with_name("LICENSE").read_text(encoding="utf-8")
    return _harmless(f"/*\n{licence.replace('*/', '')}*/\n{_read(name)}")


def _read(name: str) -> str:
    return MAP.sub("\n", (FOLDER / name).read_text(encoding="utf-8"))


def _harmless(script: str) -> Markup:
    """A script as it stands: only an end tag or a comment of HTML in it would be misread."""
    if re.search(r"</script|<!--", script, re.IGNORECASE):
        raise ValueError("a script of the page holds </script or <!--, which would end it")
    return Markup(script)
