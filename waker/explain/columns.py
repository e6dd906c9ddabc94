"""Rows of cells as lines of a table, in the manner of kubectl. Pure."""

from collections.abc import Sequence
from typing import Final

BETWEEN: Final = "   "


def aligned(rows: Sequence[Sequence[str]], *, numbers: bool = False) -> list[str]:
    """A line a row. `numbers`: all columns but the first are numbers, which end below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [BETWEEN.join(_cells(row, widths, numbers=numbers)).rstrip() for row in rows]


def _cells(row: Sequence[str], widths: Sequence[int], *, numbers: bool) -> list[str]:
    padded = zip(row, widths, strict=True)
    return [cell.rjust(width) if numbers and place else cell.ljust(width) for place, (cell, width) in enumerate(padded)]
