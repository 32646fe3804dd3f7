"""What the local server knows: projects and their runs."""

from __future__ import annotations

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
    writes: int = 0
    """How often anything of it was written."""


Project = dict[str, Run]
"""Runs by id, in the order of their creation."""


@dataclass
class Store:
    """Everything on the server."""

    user: str = "someone"
    entity: str = "lab"
    key: str = "0123456789abcdef0123456789abcdef01234567"
    projects: dict[tuple[str, str], Project] = field(default_factory=dict)
    artifacts: dict[str, dict[str, bytes]] = field(default_factory=dict)

    def project(self, entity: str, name: str) -> Project:
        """A project, made when it is first asked for."""
        return self.projects.setdefault((entity, name), {})
