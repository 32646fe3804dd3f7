"""What the local server knows: projects, their runs, and artifacts."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Run:
    """One run, as a client left it; ``config`` and ``summary`` are plain values."""

    id: str
    display_name: str = ""
    group: str | None = None
    job_type: str | None = None
    tags: list[str] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    state: str = "finished"
    commit: str | None = None
    files: dict[str, bytes] = field(default_factory=dict)
    events: int = 0
    """Lines of what was measured of the machine."""
    writes: int = 0
    """How often anything of it was written."""

    def texts(self) -> tuple[str, str]:
        """Config and summary as the server tells them."""
        config = {name: {"value": value, "desc": None} for name, value in self.config.items()}
        return json.dumps(config), json.dumps(self.summary)


@dataclass
class Artifact:
    """An artifact's latest version; ``id`` names it, ``digest`` what is in it."""

    id: str
    name: str
    type: str
    run: str
    digest: str
    metadata: dict[str, Any] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    committed: bool = False


Project = dict[str, Run]
"""Runs by id, in the order of their creation."""


@dataclass
class Store:
    """Everything on the server.

    Args:
        user: whose key it is; also the name of the account's own entity.
        entity: where runs go that name none; with ``user`` all that may be written to.
        key: the one that is let in.
    """

    user: str = "someone"
    entity: str = "lab"
    key: str = "0123456789abcdef0123456789abcdef01234567"
    projects: dict[tuple[str, str], Project] = field(default_factory=dict)
    artifacts: dict[str, Artifact] = field(default_factory=dict)
    """By name."""
    deleted: set[str] = field(default_factory=set)
    """Ids of runs that a person deleted: they are never given again."""

    def project(self, entity: str | None, name: str) -> Project:
        """A project, made when it is first asked for."""
        return self.projects.setdefault((entity or self.entity, name), {})

    @property
    def writes(self) -> int:
        """How often anything of any run was written."""
        return sum(run.writes for project in self.projects.values() for run in project.values())
