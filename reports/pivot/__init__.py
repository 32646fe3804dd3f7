"""Tables that are wanted beside the report's own: any fields down, any across, without code."""

from reports.pivot.asked import Pivot
from reports.pivot.finished import Heading, PivotLine, PivotTable

__all__ = ["Heading", "Pivot", "PivotLine", "PivotTable"]
