"""One table in LaTeX: a float, or a long one that runs over pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from reports.columns import SIGNS as VERDICTS
from reports.columns import Value
from reports.latex.fit import (
    LABEL,
    NARROW,
    PAGE,
    body_widths,
    is_grouped,
    label_widths,
    table_width,
)
from reports.latex.signs import SIGNS
from reports.latex.text import SCRIPT, breakable, escape, pieces, width
from reports.pivot.finished import PivotLine, PivotTable

HIGH = 560.0
"""Points that a table may be high; a higher one runs over pages."""
LINE, NOTE = 9.5, 8.5
"""Points from line to line, in a table and below it."""

STYLE = "\\footnotesize\\setlength{\\tabcolsep}{3pt}"


@dataclass(frozen=True)
class Frame:
    """What stands around a table, in LaTeX.

    Args:
        label: to refer to it.
        notes: paragraphs below it.
        keys: of the runs behind each row, for comments.
    """

    caption: str
    label: str
    notes: Sequence[str]
    keys: Mapping[int, str]


def laid_out(table: PivotTable, frame: Frame) -> str:
    """One table with its caption above and its notes below."""
    shape = _shape(table)
    heading = "\n".join(_head(table))
    name = f"\\caption{{{frame.caption}}}\\label{{{frame.label}}}"
    body = "\n".join(_body(table, frame.keys))
    below = "\\par\\smallskip\n".join(frame.notes)
    heading = f"\\toprule\n{heading}\n\\midrule"
    if _height(table, frame) > HIGH:
        return (
            f"\\triptychlong\n{{{STYLE}\\setlength{{\\LTcapwidth}}{{\\linewidth}}\n"
            f"\\begin{{longtable}}{{{shape}}}\n{name} \\\\\n{heading}\n\\endfirsthead\n"
            f"{heading}\n\\endhead\n\\bottomrule\n\\endfoot\n{body}\n\\end{{longtable}}\n"
            f"\\noindent\\scriptsize\\raggedright\n{below}\\par}}\n\\triptychback\n"
        )
    notes = (
        "\\par\\medskip\n\\begin{minipage}{\\linewidth}\\scriptsize\\raggedright\n"
        f"{below}\n\\end{{minipage}}\n"
    )
    return (
        f"\\begin{{table*}}[!htp]\n\\centering{STYLE}\n{name}\\par\\smallskip\n"
        f"\\begin{{tabular}}{{{shape}}}\n{heading}\n{body}\n\\bottomrule\n\\end{{tabular}}\n"
        f"{notes if below else ''}\\end{{table*}}\n"
    )


def _shape(table: PivotTable) -> str:
    columns = "".join("r" if count == 1 else "r@{\\ }l" for count in _parts(table))
    return f"@{{}}{'l' * len(label_widths(table))}{columns}@{{}}"


def _parts(table: PivotTable) -> list[int]:
    """How many columns of LaTeX each column takes: numbers, and what stands beside them."""
    return [2 if rest else 1 for _, rest in body_widths(table)]


def _head(table: PivotTable) -> Iterator[str]:
    parts, bodies = _parts(table), [sum(widths) for widths in body_widths(table)]
    first = is_grouped(table)
    count = len(table.labels) - first
    for level in table.head:
        is_last = level is table.head[-1]
        cells = [escape(label) if is_last else "" for label in table.labels[first:]]
        rules, place, column = [], 0, count + 1
        for heading in level:
            below = slice(place, place + heading.span)
            wide = sum(parts[below])
            text = _stacked(heading.text, max(sum(bodies[below]), NARROW * heading.span))
            cells.append(f"\\multicolumn{{{wide}}}{{{'r' if wide == 1 else 'c'}}}{{{text}}}")
            rules.append(f"\\cmidrule(lr){{{column}-{column + wide - 1}}}")
            place, column = place + heading.span, column + wide
        yield f"{' & '.join(cells)} \\\\{'' if is_last else ' ' + ''.join(rules)}"


def _stacked(text: str, room: float) -> str:
    """A heading in as many lines as it takes."""
    lines: list[str] = []
    for word in text.split():
        for number, piece in enumerate(pieces(word)):
            joined = f"{lines[-1]}{'' if number else ' '}{piece}" if lines else piece
            if lines and width(joined) <= room:
                lines[-1] = joined
            else:
                lines.append(piece)
    if len(lines) < 2:
        return escape(text)
    rows = " \\\\ ".join(map(escape, lines))
    return f"\\begin{{tabular}}[b]{{@{{}}c@{{}}}}{rows}\\end{{tabular}}"


def _body(table: PivotTable, keys: Mapping[int, str]) -> Iterator[str]:
    parts = _parts(table)
    if not is_grouped(table):
        yield from (_line(line, line.labels, parts, keys) for line in table.lines)
        return
    across = len(table.labels) - 1 + sum(parts)
    room = table_width(table)
    groups = groupby(table.lines, key=lambda line: line.labels[0])
    for number, (name, lines) in enumerate(groups):
        if number:
            yield "\\addlinespace"
        yield f"\\multicolumn{{{across}}}{{@{{}}l}}{{\\textit{{{_label(name, room)}}}}} \\\\"
        yield from (_line(line, line.labels[1:], parts, keys) for line in lines)


def _line(
    line: PivotLine, labels: Sequence[str], parts: Sequence[int], keys: Mapping[int, str]
) -> str:
    cells = [_label(label, LABEL) for label in labels]
    for value, count in zip(line.values, parts, strict=True):
        cells += [_number(value), _beside(value)][:count]
    rows = [row for row in dict.fromkeys(line.rows) if row in keys]
    said = "; ".join(f"row {row}: {keys[row]}" for row in rows)
    return f"{' & '.join(cells)} \\\\{f' % {said}' if said else ''}"


def _label(text: str, room: float) -> str:
    if width(text) <= room:
        return escape(text)
    return f"\\parbox[t]{{{room:.0f}pt}}{{\\raggedright\\strut {breakable(text)}\\strut}}"


def _number(value: Value) -> str:
    text = escape(value.text)
    return f"\\textbf{{{text}}}" if value.bold else text


def _beside(value: Value) -> str:
    """The sign of its verdict, what is said beside it, marks of footnotes."""
    sign = escape(VERDICTS[value.verdict])
    aside = f"{{\\scriptsize {escape(value.aside)}}}" if value.aside else ""
    return f"{' '.join(filter(None, (sign, aside)))}{mark(','.join(value.marks))}"


def mark(text: str) -> str:
    """The mark of a footnote."""
    return SIGNS.get(text) or (f"\\textsuperscript{{{text}}}" if text else "")


def _height(table: PivotTable, frame: Frame) -> float:
    """About how many points the table takes, with all that stands around it."""
    labels = (max(width(label) / LABEL for label in line.labels) for line in table.lines)
    lines = sum(1 + int(breaks) for breaks in labels) + 3 * len(table.head)
    lines += 2 * len({line.labels[0] for line in table.lines}) if is_grouped(table) else 0
    around = sum(1 + int(width(note, SCRIPT) / PAGE) for note in (frame.caption, *frame.notes))
    return LINE * lines + NOTE * around
