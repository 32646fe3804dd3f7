"""The views of a sweep in W&B: what the dashboard shows, by the names of `sweeps.mirror.entry`.

The library takes a dot in a name of the config for a step into it: panels can be about
``attention``, but not ``attention.reduction``. Names of the summary and the history stay as they
are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import wandb_workspaces.reports.v2 as panels
import wandb_workspaces.workspaces as ws

from sweeps.mirror import entry, plans

AXES = ("backbone", "attention", "pruning")
PHASES = {"backbone": ("fit", "refit"), "attention": ("fit", "refit"), "pruning": ("refit",)}
"""What is shown by an axis: pruned networks have no fit of their own."""
CURVES = {"val_accuracy": "Validation accuracy", "train_loss": "Training loss"}
COSTS = {
    "cost.macs": "MACs of one image",
    "latency.p50_ms": "latency of one batch, ms",
    "latency.ratio": "latency, ratio to the plain backbone",
    "cost.params": "parameters",
}
EXTREMES = {
    "accuracy": ("Best accuracy", "max"),
    "latency.ratio": ("Smallest latency, ratio to the plain backbone", "min"),
    "cost.macs": ("Fewest MACs", "min"),
    "cost.params": ("Fewest parameters", "min"),
}
NO_RESULT = (plans.JOB_TYPE, "supernet")
"""Job types of runs that are no competitor: the plan itself, and what searches run on."""
MOST = 100
"""Runs or groups in one panel; W&B's own limit is 10."""

FAILURES = """\
A failed run has `status` failed in its summary, and `error.kind`, `error.type`, `error.message`.
The view **{name}** of this project has the failed runs alone, a group for each `error.type`.
Their logs are beside the ledger: `make logs`. Supernets of searches are in neither view.
"""


def views(sweep: str, entity: str, project: str) -> list[ws.Workspace]:
    """The sweep's own view, named as the sweep, and that of its failures."""
    failures = f"{sweep} failures"
    everything = [_overview(), *map(_curves, AXES), _costs(), _failures(failures)]
    columns = [f"config:{axis}.value" for axis in AXES]
    return [
        _view(
            (entity, project, sweep),
            everything,
            ws.RunsetSettings(
                filters=_runs(sweep),
                groupby=[ws.Config(axis) for axis in AXES],
                order=[ws.Ordering(ws.Summary("accuracy"), ascending=False)],
                pinned_columns=[*columns, "summary:accuracy", "summary:status"],
            ),
        ),
        _view(
            (entity, project, failures),
            [_failed()],
            ws.RunsetSettings(
                filters=_runs(sweep, ws.Summary("status") == "failed"),
                groupby=[ws.Summary("error.type")],
                pinned_columns=[*columns, "summary:error.type", "summary:error.message"],
            ),
        ),
    ]


def view_id(name: str) -> str:
    """What identifies a view in its address: always the same, so that it is found again.

    W&B draws such ids at random, and cuts ``nw-`` and ``-v`` out of them wherever they stand.
    """
    return hashlib.sha256(f"triptych {name}".encode()).hexdigest()[:11]


def _view(
    place: tuple[str, str, str], sections: Sequence[ws.Section], runs: ws.RunsetSettings
) -> ws.Workspace:
    """A view whose ids are not drawn at random, as the library's are, but always the same."""
    entity, project, name = place
    for number, section in enumerate(sections):
        for count, panel in enumerate(section.panels):
            panel._id = f"{number}-{count}"
    view = ws.Workspace(
        entity=entity,
        project=project,
        name=name,
        sections=list(sections),
        settings=ws.WorkspaceSettings(max_runs=MOST),
        runset_settings=runs,
    )
    view._internal_runset_id = view_id(name)
    view._internal_name = f"nw-{view_id(name)}-v"
    return view


def _runs(sweep: str, *further: Any) -> ws.And:
    is_result = ws.Metric("JobType").notin(list(NO_RESULT))
    return ws.And(ws.Tags().isin([entry.sweep_tag(sweep)]), is_result, *further)


def _overview() -> ws.Section:
    bars = [
        panels.BarPlot(
            title=f"Accuracy by {axis}: mean, standard deviation",
            metrics=["accuracy"],
            groupby=panels.Config(axis),
            groupby_aggfunc="mean",
            groupby_rangefunc="stddev",
            max_runs_to_show=MOST,
            max_bars_to_show=MOST,
        )
        for axis in AXES
    ]
    extremes = [
        panels.ScalarChart(title=title, metric=metric, groupby_aggfunc=which)
        for metric, (title, which) in EXTREMES.items()
    ]
    numbers = ("cost.macs", "latency.ratio", "accuracy")
    return ws.Section(
        name="Grid",
        panels=[_coordinates("The grid", numbers), *bars, *extremes],
        is_open=True,
        layout_settings=ws.SectionLayoutSettings(columns=2, rows=4),
    )


def _curves(axis: str) -> ws.Section:
    lines = [
        panels.LinePlot(
            title=f"{title}, {phase}",
            x=f"{phase}/epoch",
            y=[f"{phase}/{metric}"],
            groupby=panels.Config(axis),
            groupby_aggfunc="mean",
            groupby_rangefunc="stddev",
            max_runs_to_show=MOST,
        )
        for phase in PHASES[axis]
        for metric, title in CURVES.items()
    ]
    return ws.Section(
        name=f"Curves by {axis}",
        panels=lines,
        is_open=axis == "attention",
        layout_settings=ws.SectionLayoutSettings(columns=2, rows=2),
    )


def _costs() -> ws.Section:
    points = [
        panels.ScatterPlot(title=f"Accuracy against {cost}", x=metric, y="accuracy")
        for metric, cost in COSTS.items()
    ]
    return ws.Section(
        name="Accuracy against cost",
        panels=points,
        is_open=True,
        layout_settings=ws.SectionLayoutSettings(columns=2, rows=2),
    )


def _failures(other: str) -> ws.Section:
    note = panels.MarkdownPanel(markdown=FAILURES.format(name=other))
    return ws.Section(name="Failures", panels=[note, _coordinates("States", ("status",))])


def _failed() -> ws.Section:
    where = _coordinates("Where runs failed, and of what", ("error.kind", "error.type"))
    comparison = panels.RunComparer(diff_only="split")
    return ws.Section(
        name="Failures",
        panels=[where, comparison],
        is_open=True,
        layout_settings=ws.SectionLayoutSettings(columns=1, rows=2),
    )


def _coordinates(title: str, metrics: Sequence[str]) -> panels.ParallelCoordinatesPlot:
    """A line for each run through its names on the axes of the grid and its numbers."""
    names = [panels.Config(axis) for axis in AXES]
    numbers = [panels.SummaryMetric(metric) for metric in metrics]
    return panels.ParallelCoordinatesPlot(
        title=title,
        columns=[panels.ParallelCoordinatesPlotColumn(metric) for metric in (*names, *numbers)],
    )
