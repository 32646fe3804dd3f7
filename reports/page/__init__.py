"""The report as one HTML file that needs nothing beside itself."""

from reports.page.render import page

__all__ = ["page"]
