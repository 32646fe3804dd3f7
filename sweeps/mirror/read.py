"""What W&B holds of a sweep: its runs with config and summary, in pages of many."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sweeps.errors import UserError
from sweeps.mirror import client, entry

PAGE = 1000
"""Runs of one request, also where they are asked for by id."""
TIMES = 3
"""How often a list is read whose runs are fewer than W&B counts."""
LIMITS = {
    "x_graphql_retry_max": 4,
    "x_graphql_retry_wait_max_seconds": 20.0,
    "x_graphql_timeout_seconds": 60.0,
}
"""How long W&B's client tries: about half a minute where nothing answers or all is busy, or what
the server asks it to wait. Variables like WANDB_X_GRAPHQL_RETRY_MAX win."""
PATIENCE_S = 900
"""After which its client is no longer waited for, whatever it does."""
UNFINISHED = ("running", "pending", "preempting")
"""States of runs that may still write their record."""
FIELDS = "name state group jobType tags historyLineCount summaryMetrics"
"""What is asked of every run. Its config, a third of all there is to send, is asked where it is
read: of a plan's run, and of runs that no plan names."""
QUERY = """
query Runs($project: String!, $entity: String!, $cursor: String, $perPage: Int, $order: String,
           $filters: JSONString) {
    project(name: $project, entityName: $entity) {
        runCount(filters: $filters)
        runs(filters: $filters, after: $cursor, first: $perPage, order: $order) {
            edges { node { FIELDS } cursor }
            pageInfo { endCursor hasNextPage }
        }
    }
}
"""
"""That of W&B's client, for some `FIELDS`: its own has more of them, such as what is known of every
name in a history."""
IN = "$in"
TEXTS = json.JSONDecoder(strict=False)
"""Of config and summary, in which W&B lets line ends stand as they are."""


@dataclass(frozen=True)
class Listed:
    """A run as W&B lists it.

    Args:
        state: running, finished, failed, crashed, killed, ...
        rows: lines of its history.
        told: config, if it was asked for, and summary as W&B gives them, as text: of thousands of
            runs few are looked into.
    """

    id: str
    state: str
    group: str = ""
    job_type: str = ""
    tags: tuple[str, ...] = ()
    rows: int = 0
    told: tuple[Any, Any] = (None, None)

    @cached_property
    def config(self) -> Mapping[str, Any]:
        """Plain values; empty where there are none, or none were asked for."""
        return {
            name: one["value"] if isinstance(one, dict) and "value" in one else one
            for name, one in _values(self.told[0]).items()
        }

    @cached_property
    def summary(self) -> Mapping[str, Any]:
        """Plain values; empty where there are none."""
        return _values(self.told[1])

    @property
    def digest(self) -> str | None:
        """What `entry.digest` gave when all of it was written; None if that never happened."""
        return self.summary.get(entry.DIGEST)

    @classmethod
    def of(cls, node: Mapping[str, Any]) -> Listed:
        """A run from W&B's answer."""
        return cls(
            id=node["name"],
            state=node.get("state") or "",
            group=node.get("group") or "",
            job_type=node.get("jobType") or "",
            tags=tuple(node.get("tags") or ()),
            rows=node.get("historyLineCount") or 0,
            told=(node.get("config"), node.get("summaryMetrics")),
        )


Runs = dict[str, Listed]
"""Runs by id, oldest first."""


@dataclass(frozen=True)
class Project:
    """A project of W&B, to be read.

    Args:
        path: entity and project.
        url: where W&B is.
    """

    path: str
    url: str
    _api: Any

    @classmethod
    def open(cls, entity: str | None, project: str) -> Project:
        """Log in.

        Raises:
            UserError: there is no key, it is refused, W&B does not answer, or a variable is wrong.
        """
        import wandb

        settings = client.ready()
        path = f"{entity or '<own account>'}/{project}"
        url = os.environ.get("WANDB_BASE_URL") or "its usual address"
        try:
            with _limited(settings):
                api = wandb.Api({"entity": entity, "project": project}, timeout=PATIENCE_S)
            path, url = f"{entity or api.default_entity}/{project}", api.settings["base_url"]
        except Exception as error:  # its client's errors have nothing in common
            raise _refusal(path, url, error) from error
        return cls(path, url, api)

    def tagged(self, sweep: str) -> Runs | None:
        """The runs with the sweep's tag, without configs; None if there is no such project.

        Raises:
            UserError: W&B cannot be read.
        """
        return self._runs({"tags": {IN: [entry.sweep_tag(sweep)]}})

    def named(self, ids: Sequence[str], *, config: bool = False) -> Runs:
        """The runs of ids, so far as they are there; with their configs if asked."""
        found: Runs = {}
        for start in range(0, len(ids), PAGE):
            some = {"name": {IN: list(ids[start : start + PAGE])}}
            found |= self._runs(some, config=config) or {}
        return found

    def of_type(self, job_type: str) -> Runs:
        """The runs of a job type, with their configs."""
        return self._runs({"jobType": job_type}, config=True) or {}

    def _runs(self, filters: Mapping[str, Any], *, config: bool = False) -> Runs | None:
        """The runs that a filter lets through, each once.

        W&B counts places in its pages: while runs come and go one may be on two pages and another
        on none, which shows in their number. Then all is read again.
        """
        everything: Runs = {}
        for _ in range(TIMES):
            found: Runs = {}
            counts = []
            for runs, count in self._pages(filters, config):
                found |= runs
                counts.append(count)
            if not counts:
                return None
            everything |= found
            if len(found) >= counts[-1] >= counts[0]:
                return found
        return everything

    def _pages(self, filters: Mapping[str, Any], config: bool) -> Iterator[tuple[Runs, int]]:
        """Pages of runs, and how many W&B counts in all; no page if there is no such project.

        Its own objects would make a folder for every run.
        """
        self._api.flush()
        pages = self._api.runs(self.path, dict(filters), per_page=PAGE, lazy=False)
        pages.QUERY = QUERY.replace("FIELDS", f"{FIELDS} config" if config else FIELDS)
        pages.convert_objects = lambda: [pages.last_response["project"]]
        while True:
            try:
                page = next(pages, None)
                if page is None:
                    return
                runs = [Listed.of(edge["node"]) for edge in page["runs"]["edges"]]
                count = page["runCount"]
            except Exception as error:
                raise _refusal(self.path, self.url, error) from error
            yield {run.id: run for run in runs}, count


@contextmanager
def _limited(settings: Any) -> Iterator[None]:
    """W&B's settings with `LIMITS`, which are for reading only."""
    before = {name: getattr(settings, name) for name in LIMITS}
    for name, limit in LIMITS.items():
        setattr(settings, name, before[name] or limit)
    try:
        yield
    finally:
        for name, limit in before.items():
            setattr(settings, name, limit)


def _refusal(path: str, url: str, error: Exception) -> UserError:
    """One clear message for what W&B's client raised."""
    cause = error.__cause__ or error
    status = getattr(getattr(cause, "response", None), "http_status", 0)
    said = repr(cause) if isinstance(cause, LookupError | TypeError) else str(cause)
    reason = " ".join(said.rpartition("while retrying: ")[2].split())
    if "No API key" in reason:
        advice = "log in with 'wandb login', or set WANDB_API_KEY"
    elif status == 401 or any(word in reason for word in ("API_KEY", "API key", "credentials")):
        advice = "look at WANDB_API_KEY, or log in anew with 'wandb login --relogin'"
    elif status in (403, 404) or "permission" in reason:
        advice = "look whether entity and project are right, and your key may read them"
    else:
        advice = "look at the network and at WANDB_BASE_URL, then run the same command again"
    return UserError(f"cannot read {path} of W&B at {url} ({reason}); {advice}")


def _values(text: Any) -> dict[str, Any]:
    """The values of a config or summary, which W&B gives as text; none if it cannot be read."""
    if not isinstance(text, str):
        return {}
    try:
        found = TEXTS.decode(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
