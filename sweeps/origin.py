"""Which version of the code a tree holds: git's word, or what was noted when it was copied.

A snapshot is no checkout; its ``snapshot.json`` says what git said of the tree it was taken of.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

NOTE = "snapshot.json"


@dataclass(frozen=True)
class Origin:
    """A commit and what was changed since.

    Args:
        commit: None outside of git.
        diff: the uncommitted changes as a patch, then the names of untracked files.
    """

    commit: str | None
    diff: str

    @property
    def dirty(self) -> bool:
        return bool(self.diff)


def origin(root: Path) -> Origin:
    """The version of the tree below ``root``, which may be a snapshot."""
    try:
        note = json.loads((root / NOTE).read_bytes())
        return Origin(note["commit"], note["diff"])
    except FileNotFoundError:
        diff = git(root, "diff", "HEAD", "--", ".")
        untracked = git(root, "ls-files", "--others", "--exclude-standard")
        return Origin(git(root, "rev-parse", "HEAD").strip() or None, diff + untracked)


def git(root: Path, *arguments: str) -> str:
    """What git prints; nothing where there is no git or no checkout."""
    command = ["git", "-C", str(root), *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, encoding="utf-8", errors="replace", timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""
