"""The figures of a report that papers take: one file each, in one style."""

from reports.figures.made import figures
from reports.figures.pareto import LATENCY, MACS, PARAMS, Cost, front, pareto
from reports.figures.style import COLUMN_INCHES, PAGE_INCHES, STYLE, files

__all__ = [
    "COLUMN_INCHES",
    "LATENCY",
    "MACS",
    "PAGE_INCHES",
    "PARAMS",
    "STYLE",
    "Cost",
    "figures",
    "files",
    "front",
    "pareto",
]
