"""Numbers as a table that people can read in a terminal and paste into Markdown."""

from collections.abc import Sequence
from statistics import median


def middle_and_most(samples: Sequence[float], digits: int) -> tuple[str, str]:
    """The median and the maximum, as texts."""
    return f"{median(samples):.{digits}f}", f"{max(samples):.{digits}f}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table. The first column is left-aligned, the others right-aligned."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    ruler = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join(_line(row, widths) for row in [head, ruler, *rows])


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = (
        cell.ljust(w) if n == 0 else cell.rjust(w) for n, (cell, w) in enumerate(zip(row, widths, strict=True))
    )
    return f"| {' | '.join([first, *rest])} |"
