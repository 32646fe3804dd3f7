"""A table of the report in the form that those of pivots have: what every format can write."""

from __future__ import annotations

from reports.pivot.finished import Heading, PivotLine, PivotTable
from reports.tables import Table, reading

LABELS = ("Backbone", "Attention", "Pruning")


def plain(table: Table, *, name: str = "table") -> PivotTable:
    """The table as it is: its rows go down, and nothing goes across."""
    return PivotTable(
        name=name,
        title=table.title,
        about="",
        setting=table.setting,
        labels=LABELS,
        head=(tuple(Heading(column.title) for column in table.columns),),
        lines=tuple(
            PivotLine(
                labels=(str(line.backbone), str(line.attention), str(line.pruning)),
                values=line.values,
                rows=(line.number,) * len(line.values),
            )
            for line in table.lines
        ),
        remarks=table.remarks,
        notes=table.notes,
        reading=tuple(reading([table])),
    )
