"""One W&B run while it is written: opened, told rows, numbers and files, and closed in time.

Live runs and those that are published later are written by this and nothing else.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeps.errors import UserError

PROJECT = "triptych"
DIFF = "diff.patch"
"""The run's file with what was not committed, as W&B itself would call it."""
START_S, UPLOAD_S = 60.0, 900.0
END_S = {"wandb": 120.0, "offline": 120.0, "publish": 300.0}
"""How long W&B, which may be busy, is waited for: when a run starts, when it ends with artifacts,
and when it ends without. WANDB_INIT_TIMEOUT and WANDB_FINISH_TIMEOUT win."""
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "wandb": {},
    "offline": {"x_disable_meta": True, "x_disable_stats": True},
    "publish": {"x_disable_machine_info": True, "x_skip_transaction_log": True}
    | {"x_save_requirements": False},
}
"""What W&B notes by itself: of the machine that trains all it can, offline as little as it can, of
the one that publishes nothing."""


def warm() -> None:
    """Import W&B, for processes that will be forked from this one."""
    import wandb  # noqa: F401


def ready() -> None:
    """Let W&B's client read its settings, before several threads open runs.

    It does so when they are first asked for, and a second thread may see them half read: without
    the address of the server, so that its run would go to the public one.
    """
    import wandb

    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    os.environ.setdefault("WANDB_SILENT", "true")
    _ = wandb.setup(wandb.Settings(silent=True)).settings.base_url  # asking reads them


def rest() -> None:
    """End W&B's helper process; processes that are started later would talk to this one's."""
    import wandb

    wandb.teardown()


class Away(UserError):
    """W&B does not answer, or not in time."""


class Refused(UserError):
    """W&B does not take the key, or nothing in this place."""


@dataclass(frozen=True)
class Place:
    """Where runs go; an entity of None is the account's own."""

    entity: str | None
    project: str

    @classmethod
    def of(cls, wandb: Mapping[str, Any]) -> Place:
        """The settings' place; WANDB_ENTITY and WANDB_PROJECT win."""
        entity = os.environ.get("WANDB_ENTITY") or wandb.get("entity")
        return cls(entity, os.environ.get("WANDB_PROJECT") or wandb.get("project") or PROJECT)

    def __str__(self) -> str:
        return f"{self.entity or '<own account>'}/{self.project}"


@dataclass(frozen=True)
class About:
    """What a run is, whatever comes of it; see `sweeps.mirror.entry`. A group of None leaves that
    of a run that is there already."""

    id: str
    name: str
    group: str | None
    job_type: str
    tags: tuple[str, ...]
    config: Mapping[str, Any]
    commit: str | None = None


class Session:
    """An open run; a run of the same id that is there goes on, and keeps its rows and tags.

    Call `ready` before.

    Args:
        mode: one of ``SETTINGS``.
        folder: for W&B's own files.
        uploads: whether artifacts will be sent.

    Raises:
        Away: W&B does not answer.
        Refused: it refuses the key or the place.
        UserError: it refuses this run.
    """

    def __init__(
        self, about: About, place: Place, mode: str, folder: Path, *, uploads: bool = False
    ) -> None:
        import wandb

        settings = wandb.Settings(
            silent=True,
            console="off",
            disable_git=True,
            git_commit=about.commit,
            reinit="create_new",
            init_timeout=_seconds("WANDB_INIT_TIMEOUT", START_S),
            finish_timeout=_seconds("WANDB_FINISH_TIMEOUT", UPLOAD_S if uploads else END_S[mode]),
            finish_timeout_raises=True,
            **SETTINGS[mode],
        )
        try:
            self._run: Any = wandb.init(
                entity=place.entity,
                project=place.project,
                id=about.id,
                name=about.name,
                group=about.group,
                job_type=about.job_type,
                config=dict(about.config),
                dir=str(folder),
                mode="offline" if mode == "offline" else "online",
                resume=None if mode == "offline" else "allow",
                settings=settings,
            )
            self._next: int = self._run.starting_step
            self._run.tags = tuple(dict.fromkeys((*(self._run.tags or ()), *about.tags)))
            for phase in ("fit", "refit"):
                self._run.define_metric(f"{phase}/*", step_metric=f"{phase}/epoch")
        except Exception as error:  # what its client raises has nothing in common
            raise _refusal(place, error) from error

    def row(self, number: int, row: Mapping[str, Any]) -> None:
        """A row of the history; one that W&B has, by its number from 0, stays as it is there."""
        if number >= self._next:
            self._run.log(dict(row), step=number, commit=True)
            self._next = number + 1

    def say(self, summary: Mapping[str, Any]) -> None:
        """Make the summary this one; names of the history's last row stay."""
        known = self._run.summary.keys()
        ours = [name for name in known if "/" not in name and not name.startswith("_")]
        gone = {name: None for name in ours if name not in summary}
        self._run.summary.update(gone | dict(summary))

    def file(self, name: str, path: Path) -> None:
        """A file of the run."""
        copy = Path(self._run.dir) / name
        shutil.copyfile(path, copy)
        self._run.save(str(copy), base_path=self._run.dir, policy="now")

    def artifact(self, name: str, kind: str, path: Path, metadata: Mapping[str, Any]) -> None:
        """An artifact of one file; the same content again is no new version."""
        import wandb

        made = wandb.Artifact(name, type=kind, metadata=dict(metadata))
        made.add_file(str(path), policy="immutable")
        self._run.log_artifact(made)

    def leave(self) -> None:
        """Say that the run ends now to go on later."""
        self._run.mark_preempting()

    def close(self, code: int) -> None:
        """End the run, ``code`` 0 for success.

        Raises:
            Away: not all of it could be sent in time.
        """
        try:
            self._run.finish(exit_code=code)
        except Exception as error:
            reason = str(error) or type(error).__name__
            raise Away(f"W&B did not take all of run {self._run.id} ({reason})") from error


def page(path: str) -> str:
    """Where a person sees a project of W&B."""
    import wandb

    return f"{wandb.setup().settings.app_url}/{path}"


def _seconds(variable: str, usual: float) -> float:
    return float(os.environ.get(variable) or usual)


def _refusal(place: Place, error: Exception) -> UserError:
    """One clear message for what W&B's client raised."""
    reason = " ".join(str(error).split()) or type(error).__name__
    found = re.search(r"(?:returned error|HTTP) (\d+)", reason)
    status = int(found[1]) if found else 0
    if status == 401 or re.search("API.key", reason, re.IGNORECASE):
        return Refused(
            f"W&B refused the run ({reason}); log in with 'wandb login', set WANDB_API_KEY, or use "
            "tracking=offline"
        )
    if status in (403, 404):
        return Refused(
            f"W&B refused to write to {place} ({reason}); look at wandb.entity and wandb.project, "
            "and at WANDB_ENTITY and WANDB_PROJECT"
        )
    if status == 409:
        return UserError(
            f"W&B refused the run ({reason.partition(' Consider ')[0]}); it gives no id twice: "
            "undelete the run there, or choose another project with wandb.project=..."
        )
    if 400 <= status < 500 and status not in (408, 429):
        return UserError(f"W&B refused the run ({reason})")
    return Away(f"W&B does not answer ({reason})")
