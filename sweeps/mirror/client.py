"""W&B's client in this process: what it may read of the environment, its start and its end.

Everything that asks W&B for anything starts the client here, before it reads a variable.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import quote

from sweeps.errors import UserError

FOREIGN = (
    "WANDB_SWEEP_ID",
    "WANDB_SWEEP_PARAM_PATH",
    "WANDB_LAUNCH",
    "WANDB_CONFIG_PATHS",
    "WANDB_RUN_ID",
    "WANDB_RUN_GROUP",
    "WANDB_RESUME",
    "WANDB_RESUME_FROM",
    "WANDB_FORK_FROM",
)
"""Variables about another run than ours: in a shell of ``wandb agent`` the client would leave out
the id, the entity and the project that it is told."""
SERVICE = "WANDB_SERVICE"
"""The helper process to talk to: the client names it to all processes that are started later."""
OFFLINE = ("offline", "disabled", "dryrun")
"""Values of WANDB_MODE that mean: ask nothing of the network."""


def warm() -> None:
    """Import W&B, for processes that will be forked from this one."""
    import wandb  # noqa: F401


def check() -> None:
    """Look at the variables of W&B, and drop those that other processes left for their own runs.

    Raises:
        UserError: W&B does not take the values of some.
    """
    for name in FOREIGN:
        os.environ.pop(name, None)
    if os.environ.get(SERVICE, "").split("-")[1:2] != [str(os.getpid())]:  # another's, maybe gone
        os.environ.pop(SERVICE, None)
    given = {name: value for name, value in os.environ.items() if name.startswith("WANDB_")}
    if given and (wrong := _wrong(given)):
        raise UserError("\n".join(wrong))


def ready() -> Any:
    """Let W&B's client read its settings, before several threads open runs; returns them.

    It does so when they are first asked for, and a second thread may see them half read: without
    the address of the server, so that its run would go to the public one.

    Raises:
        UserError: it does not take them, or does not start.
    """
    check()
    import wandb

    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    os.environ.setdefault("WANDB_SILENT", "true")
    try:
        settings = wandb.setup(wandb.Settings(silent=True)).settings  # silent: asks for no key
        _ = settings.base_url  # asking reads them
    except Exception as error:  # what its client raises has nothing in common
        raise UserError(
            f"W&B's client does not start ({reason(error)}); look at the variables WANDB_... and "
            "at its settings in ~/.config/wandb"
        ) from error
    return settings


def rest() -> None:
    """End W&B's helper process; processes that are started later would talk to this one's."""
    import wandb

    wandb.teardown()


def offline() -> str:
    """The variable that keeps W&B's client from the network, empty if none does."""
    mode = os.environ.get("WANDB_MODE", "")
    return f"WANDB_MODE={mode}" if mode in OFFLINE else ""


def page(path: str) -> str:
    """Where a person sees a project of W&B."""
    import wandb

    return f"{wandb.setup().settings.app_url}/{quote(path)}"


def reason(error: Exception) -> str:
    """What W&B's client raised, in one line."""
    return " ".join(str(error).split()) or type(error).__name__


def _wrong(given: dict[str, str]) -> list[str]:
    """The variables that W&B does not take, and why; a value may be a secret."""
    import wandb

    settings, wrong = wandb.Settings(), []
    for name, value in given.items():
        try:
            settings.update_from_env_vars({name: value})
        except Exception as error:
            told = [one["msg"] for one in getattr(error, "errors", list)()] or [reason(error)]
            wrong.append(f"{name}: W&B does not take its value ({told[0]})")
    return wrong
