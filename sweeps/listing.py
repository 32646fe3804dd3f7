"""Everything there is to choose from: one line, the source, whether it is a reconstruction."""

from __future__ import annotations

from itertools import takewhile
from typing import Any

from lightning_modules.analyses import analyses
from lightning_modules.catalog import FOLDERS, catalog
from sweeps.overrides import CONF, names
from sweeps.show import table

FILES = ("data", "recipe", "sweep", "ticket", "table", "cluster")


def listing() -> dict[str, list[dict[str, Any]]]:
    """Entries by kind: name, about, source, reconstruction, options."""
    found: dict[str, list[dict[str, Any]]] = {}
    for axis in FOLDERS:
        found[axis] = [
            {
                "name": v.name,
                "about": v.about,
                "source": v.source,
                "reconstruction": v.reconstruction,
                "options": {o.name: o.default for o in v.options},
            }
            for v in catalog(axis).values()
        ]
    found["analysis"] = [
        {
            "name": entry.name,
            "about": entry.about,
            "source": entry.source,
            "reconstruction": entry.reconstruction,
            "needs": list(entry.facts["NEEDS"]),
        }
        for entry in analyses().values()
    ]
    for kind in FILES:
        found[kind] = [_described(kind, name) for name in names(kind)]
    return found


def reconstructions() -> frozenset[str]:
    """Names of variants and recipes that could not be confirmed from an author's code or paper."""
    variants = (v for axis in FOLDERS for v in catalog(axis).values())
    recipes = (_described("recipe", name) for name in names("recipe"))
    found = {v.name for v in variants if v.reconstruction}
    return frozenset(found | {r["name"] for r in recipes if r["reconstruction"]})


def _described(kind: str, name: str) -> dict[str, Any]:
    header = list(takewhile(lambda line: line.startswith("#"), _lines(kind, name)))
    text = header[0].lstrip("# ").rstrip(".")
    about, bracket, source = text.rpartition(" (")
    if not bracket or not source.endswith(")"):
        about, source = text, ""
    ours = any("reconstruction" in line.lower() for line in header)
    return {"name": name, "about": about, "source": source.rstrip(")"), "reconstruction": ours}


def _lines(kind: str, name: str) -> list[str]:
    return (CONF / kind / f"{name}.yaml").read_text(encoding="utf-8").splitlines()


def listing_text() -> str:
    """The listing as tables, one a kind."""
    parts = []
    for kind, entries in listing().items():
        rows = [
            [
                e["name"],
                e["about"] + (" [reconstruction]" if e["reconstruction"] else ""),
                e["source"],
            ]
            for e in entries
        ]
        parts.append(table([kind, "what it is", "source"], rows))
    return "\n\n".join(parts)
