"""What W&B's client raises while a run is written, as the few things that make a difference."""

from __future__ import annotations

import re

from sweeps.errors import UserError
from sweeps.mirror.client import reason
from sweeps.mirror.place import Place


class Away(UserError):
    """W&B does not answer, or not in time."""


class Refused(UserError):
    """W&B does not take the key, or nothing in this place."""


class NotTaken(UserError):
    """W&B has not got something of the run; the run itself goes on."""


def refusal(place: Place, error: Exception) -> UserError:
    """One clear message for what W&B's client raised."""
    told = reason(error)
    found = re.search(r"(?:returned error|HTTP) (\d+)", told)
    status = int(found[1]) if found else 0
    if status == 401 or re.search("API.key", told, re.IGNORECASE):
        return Refused(
            f"W&B refused the run ({told}); log in with 'wandb login', set WANDB_API_KEY, or use "
            "tracking=offline"
        )
    if status in (403, 404):
        return Refused(
            f"W&B refused to write to {place} ({told}); look at wandb.entity and wandb.project, "
            "and at WANDB_ENTITY and WANDB_PROJECT"
        )
    if status == 409:
        return UserError(
            f"W&B refused the run ({told.partition(' Consider ')[0]}); it gives no id twice: "
            "undelete the run there, or choose another project with wandb.project=..."
        )
    if 400 <= status < 500 and status not in (408, 429):
        return UserError(f"W&B refused the run ({told})")
    return Away(
        f"W&B did not open the run ({told}); look at the network, and whether your key may "
        f"write to {place}"
    )
