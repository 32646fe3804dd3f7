"""One W&B run while it is written: opened, told rows, numbers and files, and closed in time.

Live runs and those that are published later are written by this and nothing else.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeps.mirror.client import reason
from sweeps.mirror.place import Place
from sweeps.mirror.refusal import Away, NotTaken, Refused, refusal

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

    Call `client.ready` before.

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
        patience = _seconds("WANDB_FINISH_TIMEOUT", UPLOAD_S if uploads else END_S[mode])
        self._patience = patience
        try:
            self._run: Any = _started(about, place, mode, folder, patience)
            self._check_id(about.id)
            self._next: int = self._run.starting_step
            self._run.tags = tuple(dict.fromkeys((*(self._run.tags or ()), *about.tags)))
            for phase in ("fit", "refit"):
                self._run.define_metric(f"{phase}/*", step_metric=f"{phase}/epoch")
        except Refused:
            raise
        except Exception as error:  # what its client raises has nothing in common
            raise refusal(place, error) from error

    def _check_id(self, asked: str) -> None:
        """Leave a run that is another than the one asked for: of these every call makes a new one.

        Raises:
            Refused: it is.
        """
        if self._run.id == asked:
            return
        with suppress(Away):
            self.close(1)
        raise Refused(
            f"W&B's client made run {self._run.id} instead of {asked}: something in this "
            "environment names another run; look at the variables WANDB_..."
        )

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
        """A file of the run. W&B's client never says whether W&B took it."""
        copy = Path(self._run.dir) / name
        shutil.copyfile(path, copy)
        self._run.save(str(copy), base_path=self._run.dir, policy="now")

    def artifact(self, name: str, kind: str, path: Path, metadata: Mapping[str, Any]) -> None:
        """An artifact of one file; the same content again is no new version.

        Raises:
            NotTaken: W&B does not say that it has it.
        """
        import wandb

        try:
            made = wandb.Artifact(name, type=kind, metadata=dict(metadata))
            made.add_file(str(path), policy="immutable")
            self._run.log_artifact(made).wait(timeout=int(self._patience))
        except Exception as error:
            raise NotTaken(f"W&B did not take artifact {name} ({reason(error)})") from error

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
            raise Away(f"W&B did not take all of run {self._run.id} ({reason(error)})") from error


def _started(about: About, place: Place, mode: str, folder: Path, patience: float) -> Any:
    import wandb

    settings = wandb.Settings(
        silent=True,
        console="off",
        disable_git=True,
        git_commit=about.commit,
        reinit="create_new",
        init_timeout=_seconds("WANDB_INIT_TIMEOUT", START_S),
        finish_timeout=patience,
        finish_timeout_raises=True,
        **SETTINGS[mode],
    )
    return wandb.init(
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


def _seconds(variable: str, usual: float) -> float:
    return float(os.environ.get(variable) or usual)
