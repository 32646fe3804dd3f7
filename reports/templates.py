"""A template of the reports becomes HTML: all texts escaped, a name that is missing is an error."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

FOLDER = Path(__file__).parent / "assets"


def rendered(template: str, values: Mapping[str, Any]) -> str:
    """A template with its values."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["zip"] = zip
    text: str = environment.get_template(template).render(values)
    return text
