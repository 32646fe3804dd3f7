"""The dashboard of a sweep: saved as views of its W&B project, or written where W&B is not."""

from __future__ import annotations

import json
import os
from typing import Any

from sweeps.errors import UserError
from sweeps.frozen import Plan
from sweeps.mirror import client
from sweeps.mirror.place import Place
from sweeps.record import write_atomically
from sweeps.settings import Settings

LIMITS = {"WANDB_X_GRAPHQL_TIMEOUT_SECONDS": "15", "WANDB_X_GRAPHQL_RETRY_MAX": "1"}
"""How long W&B's client waits for an answer, and how often it asks again, if nobody says else."""
FILE = "dashboard.json"
LOAD = (
    "import json; from wandb_workspaces.workspaces.internal import View, upsert_view2; "
    f"[upsert_view2(View.model_validate(view)) for view in json.load(open('{FILE}'))['views']]"
)
"""Python that saves the file in W&B without this project."""


def dashboard(settings: Settings, plan: Plan) -> int:
    """Save the sweep's views in W&B; where it cannot be asked, write them to ``dashboard.json``.

    Views of the same names are replaced. The exit status is 1 if they were only written although
    tracking=wandb asks for W&B.

    Raises:
        UserError: W&B does not take them, or the file cannot be written.
    """
    if why := _why_offline(settings):
        _write(settings, plan, why)
        return 0
    from sweeps.mirror.read import Project

    os.environ.update(LIMITS | os.environ)
    place = Place.of(settings.wandb)
    try:
        project = Project.open(place.entity, place.project)
    except UserError as error:
        _write(settings, plan, str(error))
        return 1 if settings.tracking == "wandb" else 0
    from sweeps.mirror.views import views

    for view in views(plan.sweep, *project.path.split("/")):
        print(f"{view.name}: {_saved(view)}")
    return 0


def _why_offline(settings: Settings) -> str:
    """Why W&B is not to be asked, if it is not."""
    return "tracking=none" if settings.tracking == "none" else client.offline()


def _saved(view: Any) -> str:
    """Make a view, or replace that of its name; returns its address."""
    try:
        view._internal_id = _known(view)
        return str(view.save().url)
    except Exception as error:  # what its client raises has nothing in common
        why = client.reason(error)
        raise UserError(
            f"W&B does not take the view '{view.name}' of {view.entity}/{view.project} ({why}); "
            "publish the sweep first if the project is not there yet, and look at wandb.entity, "
            "wandb.project and whether your key may write there"
        ) from error


def _known(view: Any) -> str:
    """W&B's id of the view of this name; nothing if there is none.

    Raises:
        ValueError: there is no such project.
    """
    from wandb_workspaces.workspaces.internal import get_view_dict

    try:
        found = get_view_dict(view.entity, view.project, view._internal_runset_id)
    except ValueError as error:
        if str(error).startswith("Workspace"):
            return ""
        raise
    return str(found["id"])


def _write(settings: Settings, plan: Plan, why: str) -> None:
    """The same views as a file, and how it is loaded; asks nothing of the network."""
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    from sweeps.mirror.views import views

    place, path = Place.of(settings.wandb), settings.results / plan.sweep / FILE
    made = views(plan.sweep, place.entity or "", place.project)
    models = [view._to_model().model_dump(by_alias=True, exclude_none=True) for view in made]
    content = {"load": f'python -c "{LOAD}"', "views": models}
    try:
        write_atomically(path, json.dumps(content, indent=1).encode())
    except OSError as error:
        raise UserError(
            f"{path} cannot be written ({error.strerror or error}); free the place, or choose "
            "another folder with results=..."
        ) from error
    print(
        f"not saved in W&B: {why}\n"
        f"written to {path}; where W&B can be reached, save it there with:\n"
        f"  python run.py do=dashboard sweep={plan.sweep}\n"
        "or without this project as the file says under 'load', your 'entity' put into it"
    )
