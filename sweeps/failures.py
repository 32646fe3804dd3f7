"""What went wrong, each thing once: errors that differ in their numbers only are one."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeps.state import State, Status

FRAMES = 3
"""How many of the innermost calls two errors must share to be one."""
MOST_KEYS = 10
FRAME = re.compile(r'^ *File "(.+)", line (\d+), in (.+)$', re.MULTILINE)
CHANGING = re.compile(r"(?:[\w.~-]*/)+[\w.~-]*|\b[0-9a-f]{12}\b|[+-]?\d[\d.,]*(?:e[+-]?\d+)?")
"""Paths, keys and numbers."""


@dataclass(frozen=True)
class Group:
    """Cells that ended in the same error; ``error`` is that of the first one."""

    error: Mapping[str, Any]
    members: tuple[Any, ...]

    @property
    def headline(self) -> str:
        """Type and message in one line, and what kind of failure it is."""
        lines = str(self.error["message"]).strip().splitlines()
        kind = f" ({self.error['kind']})" if self.error.get("kind") else ""
        return f"{self.error['type']}: {lines[0] if lines else ''}{kind}"


def alike(errors: Iterable[tuple[Any, Mapping[str, Any]]]) -> list[Group]:
    """Group whatever failed by its error (see ``sweeps.record``), in order."""
    found: dict[object, list[tuple[Any, Mapping[str, Any]]]] = defaultdict(list)
    for member, error in errors:
        found[_signature(error)].append((member, error))
    return [Group(pairs[0][1], tuple(member for member, _ in pairs)) for pairs in found.values()]


def _signature(error: Mapping[str, Any]) -> object:
    frames = FRAME.findall(error["traceback"])[-FRAMES:]
    calls = tuple((Path(file).name, line, name) for file, line, name in frames)
    message = CHANGING.sub("#", str(error["message"]))
    return error["type"], error.get("kind"), message, calls


def failed_groups(statuses: Iterable[Status]) -> list[Group]:
    """The failed cells by their error; members are statuses."""
    return alike(
        (status, status.record["error"])
        for status in statuses
        if status.state is State.FAILED and status.record
    )


def failures_text(statuses: Sequence[Status]) -> str:
    """Every error once, with its traceback, the cells that ended in it and those it blocks."""
    parts = []
    for group in failed_groups(statuses):
        names = [f"  {status.cell.key}  {status.cell}" for status in group.members]
        if len(names) > MOST_KEYS:
            names[MOST_KEYS:] = [f"  ... and {len(names) - MOST_KEYS} more; make logs lists them"]
        if blocked := _blocked(group, statuses):
            names.append(f"  blocked by them, {blocked} cells: their dense parent failed")
        head = f"failed, {len(group.members)} cells: {group.headline}"
        parts.append("\n".join([head, *names, str(group.error["traceback"]).rstrip()]))
    return "\n\n".join(parts)


def _blocked(group: Group, statuses: Iterable[Status]) -> int:
    keys = {status.cell.key for status in group.members}
    found = (s.cell.parent for s in statuses if s.state is State.BLOCKED)
    return sum(parent is not None and parent.key in keys for parent in found)
