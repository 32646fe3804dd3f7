"""The tables in LaTeX, for a paper: booktabs, nothing else."""

from reports.latex.text import escape
from reports.latex.write import latex, pivot_latex

__all__ = ["escape", "latex", "pivot_latex"]
