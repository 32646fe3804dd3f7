"""What wandb-workspaces asks to save a view of a project, found by listening to it (0.4.13).

Viewer        whose key it is
View          the view of a name, if there is one
UpsertView2   a new view, or the one of an id anew
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from tests.wandb_server.server import Operation, Refused, Server
from tests.wandb_server.writing import viewer

Values = dict[str, Any]


@dataclass
class View:
    """A saved view; ``saves`` counts how often it was written."""

    id: str
    name: str
    display_name: str
    spec: Values
    saves: int = 1


@dataclass
class Views:
    """The saved views of all projects; the server's projects say which there are.

    Of a name that is there already a second view is made if no id comes with it: that the real one
    would find it is not taken for granted.
    """

    known: dict[tuple[str, str], list[View]] = field(default_factory=dict)

    @property
    def operations(self) -> dict[str, Operation]:
        return {"Viewer": viewer, "View": self.view, "UpsertView2": self.upsert}

    def view(self, server: Server, variables: Values, query: str) -> Values:
        place = (variables["entityName"], variables["name"])
        if place not in server.store.projects:
            return {"project": None}
        found = [one for one in self.known.get(place, []) if one.name == variables["viewName"]]
        nodes = [
            {"id": one.id, "displayName": one.display_name, "spec": json.dumps(one.spec)}
            for one in found
        ]
        return {"project": {"allViews": {"edges": [{"node": node} for node in nodes]}}}

    def upsert(self, server: Server, variables: Values, query: str) -> Values:
        place = (variables["entityName"], variables["projectName"])
        if place not in server.store.projects:
            raise Refused(404, "project not found")
        views = self.known.setdefault(place, [])
        spec, name = json.loads(variables["spec"]), variables["name"]
        found = next((one for one in views if one.id == variables.get("id")), None)
        if found:
            found.display_name, found.spec = variables["displayName"], spec
            found.saves += 1
        else:
            views.append(View(f"view{len(views)}", name, variables["displayName"], spec))
        saved = found or views[-1]
        answer = {"view": {"id": saved.id, "name": saved.name}, "inserted": found is None}
        return {"upsertView": answer}
