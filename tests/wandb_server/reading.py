"""What W&B's client asks to read runs, found by listening to it (wandb 0.31).

wandb.Api()       Viewer, to look whether the key is good
api.runs(...)     Runs, page by page; of lazy runs without config and summary
run.config        of a lazy run: Run
"""

from __future__ import annotations

import base64
import json
import math
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from sweeps.ledger import Ledger
from sweeps.mirror import entry, plans
from sweeps.record import read_history
from tests.wandb_server.server import Answer, Fault, Operation, Refused, Server
from tests.wandb_server.store import Run, Store
from tests.wandb_server.writing import storage_id, viewer

Values = dict[str, Any]
FIELDS = {
    "name": lambda run: [run.id],
    "jobType": lambda run: [run.job_type],
    "tags": lambda run: run.tags,
}
"""What runs can be looked for by, of all that W&B knows."""
ORDERS = ("+created_at", "-created_at")
WORD = re.compile(r"\w+")


def runs(server: Server, variables: Values, query: str) -> Values:
    """A page of the runs that a filter lets through, and how many these are.

    A cursor counts runs, as W&B's do: a page that was read before another run came in front of it
    has its last run once more on the next one.
    """
    project = _project(server, variables)
    if project is None:
        return {"project": None}
    wanted = json.loads(variables.get("filters") or "{}")
    found = [run for run in project.values() if matches(run, wanted)]
    if (order := variables.get("order") or ORDERS[0]) not in ORDERS:
        raise Refused(400, f"this server does not know the order {order}")
    found = found if order == ORDERS[0] else found[::-1]
    first = _place(variables.get("cursor"))
    page = found[first : first + int(variables.get("perPage") or 50)]
    edges = [
        {"node": _node(run, variables, query), "cursor": _cursor(place)}
        for place, run in enumerate(page, first + 1)
    ]
    more = {"endCursor": edges[-1]["cursor"] if edges else None}
    more["hasNextPage"] = first + len(page) < len(found)
    told = {"internalId": "1", "runCount": len(found), "readOnly": False}
    return {"project": told | {"runs": {"edges": edges, "pageInfo": more}}}


def run(server: Server, variables: Values, query: str) -> Values:
    """One run with all that the query names."""
    found = (_project(server, variables) or {}).get(variables["name"])
    return {"project": {"run": found and _node(found, variables, query)}}


def matches(run: Run, wanted: Mapping[str, Any]) -> bool:
    """Whether a filter lets a run through; refuses what this server does not know."""
    return all(_matches(run, key, value) for key, value in wanted.items())


def _matches(run: Run, key: str, value: Any) -> bool:
    if key in ("$and", "$or"):
        return (all if key == "$and" else any)([matches(run, one) for one in value])
    known = isinstance(value, str) or (isinstance(value, dict) and set(value) == {"$in"})
    if key not in FIELDS or not known:
        raise Refused(400, f"this server does not know the filter {key}: {value}")
    allowed = [value] if isinstance(value, str) else value["$in"]
    return any(one in allowed for one in FIELDS[key](run))


def _project(server: Server, variables: Values) -> dict[str, Run] | None:
    return server.store.projects.get((variables["entity"], variables["project"]))


def _node(run: Run, variables: Values, query: str) -> Values:
    """What a query asks of a run, by name: no more is told."""
    asked = set(WORD.findall(query))
    told = {"id": storage_id(variables["entity"], variables["project"], run.id), "name": run.id}
    told |= {"user": {"name": "Some One", "username": "someone"}}
    told |= {"displayName": run.display_name, "sweepName": None, "state": run.state}
    told |= {"tags": run.tags, "group": run.group, "jobType": run.job_type, "commit": run.commit}
    told |= {"createdAt": "2026-11-01T00:00:00Z", "heartbeatAt": "2026-11-01T00:00:00Z"}
    told |= {"description": None, "notes": None, "readOnly": False, "projectId": "1"}
    told |= {"historyLineCount": len(run.history)}
    if "summaryMetrics" in asked:
        told |= dict(zip(("config", "summaryMetrics"), run.texts(), strict=True))
        told |= {"systemMetrics": "{}", "historyKeys": None}
    return {name: value for name, value in told.items() if name in asked}


def _cursor(place: int) -> str:
    return base64.b64encode(f"arrayconnection:{place}".encode()).decode()


def _place(cursor: str | None) -> int:
    return int(base64.b64decode(cursor).decode().partition(":")[2]) if cursor else 0


READING: dict[str, Operation] = {
    "Viewer": viewer,
    "GetDefaultEntity": viewer,
    "Runs": runs,
    "Run": run,
}


OWN = {"_step": 0, "_runtime": 1.5, "_wandb": {"runtime": 1}}
"""Names that W&B's client adds to a summary."""


def fill(store: Store, ledger: Ledger, sweep: str, *, project: str = "triptych") -> None:
    """Put a sweep there as if it had been published, without a client."""
    plan = ledger.plan(sweep)
    runs = store.project(None, project)
    about = plans.plan_id(sweep)
    tag = entry.sweep_tag(sweep)
    runs[about] = Run(
        about, about, sweep, plans.JOB_TYPE, [tag], sent_config(plans.plan_config(plan))
    )
    for cell in plan.cells:
        record = ledger.sound_record(cell.key)
        if record is None or cell.key in runs:
            continue
        history = read_history(ledger.paths(cell.key))
        said = {entry.DIGEST: entry.digest(cell, record, history)}
        runs[cell.key] = Run(
            cell.key,
            entry.name(cell),
            sweep,
            cell.kind,
            entry.tags(cell, [sweep]),
            sent_config(entry.config(cell)),
            sent_summary(entry.summary(cell, record, history) | said | OWN),
            [sent_summary(entry.row(epoch)) for epoch in history],
        )


def sent_config(content: Mapping[str, Any]) -> dict[str, Any]:
    """What is left of a config when W&B's client has sent it: whole floats are integers, and no
    mapping is empty but those in lists."""
    return _full(_whole(content))


def sent_summary(content: Mapping[str, Any]) -> dict[str, Any]:
    """The same of a summary: what is None or no number is gone."""
    found = _whole(content)
    return {name: value for name, value in found.items() if value is not None and value == value}


def _full(content: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: one for name, one in content.items() if one != {}}
    return {name: _full(one) if isinstance(one, dict) else one for name, one in kept.items()}


def _whole(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _whole(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_whole(one) for one in value]
    is_whole = isinstance(value, float) and math.isfinite(value) and value.is_integer()
    return int(value) if is_whole and abs(value) < 1e15 else value


def busy(times: int, status: int = 429, name: str = "Runs") -> Fault:
    """Answer the first requests of a kind with a status."""

    def fault(server: Server, asked: str) -> Answer | None:
        if asked != name or server.asked.count(name) > times:
            return None
        return status, {"errors": [{"message": "too many requests"}]}

    return fault


def slow(seconds: float, name: str = "Runs") -> Fault:
    """Let the requests of a kind wait."""

    def fault(server: Server, asked: str) -> None:
        if asked == name:
            time.sleep(seconds)

    return fault


def meanwhile(page: int, happens: Callable[[Store], None]) -> Fault:
    """Let something happen before the page of that number, from 1, is made."""

    def fault(server: Server, asked: str) -> None:
        if asked == "Runs" and server.asked.count("Runs") == page:
            happens(server.store)

    return fault
