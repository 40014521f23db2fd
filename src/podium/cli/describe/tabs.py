"""Elastic tab stops: a column is as wide as the widest cell of the neighbouring lines that have it.

This is how kubectl's describe output is aligned (two spaces between columns).
"""

from __future__ import annotations

from collections.abc import Sequence

_PADDING = 2


def align(lines: Sequence[str]) -> str:
    """The lines as text, tabs turned into spaces; each line ends with a newline."""
    cells = [line.split("\t") for line in lines]
    widths: list[list[int]] = [[0] * len(row) for row in cells]
    _set_widths(cells, widths, 0, len(cells), 0)
    out = []
    for row, columns in zip(cells, widths, strict=True):
        text = "".join(cell.ljust(width) for cell, width in zip(row[:-1], columns, strict=False))
        out.append((text + row[-1]).rstrip() + "\n")
    return "".join(out)


def _set_widths(cells: list[list[str]], widths: list[list[int]], start: int, end: int, column: int) -> None:
    """A column's width holds over consecutive lines that have that column; then the next column within those lines."""
    line = start
    while line < end:
        if len(cells[line]) <= column + 1:
            line += 1
            continue
        first = line
        while line < end and len(cells[line]) > column + 1:
            line += 1
        width = max(len(cells[index][column]) for index in range(first, line)) + _PADDING
        for index in range(first, line):
            widths[index][column] = width
        _set_widths(cells, widths, first, line, column + 1)
