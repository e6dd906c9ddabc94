"""How commands look on a terminal: colours, tables that are redrawn, progress bars. Elsewhere: plain text, a line a change.

The one module that knows `rich`, and it loads it only when something is drawn. What a cluster contains is never markup.
`NO_COLOR` and `TERM=dumb` are respected, as the library does.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TextIO

from waker.explain.status import NARROW, cells, heading, table
from waker.printable import printable_lines, printable_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from rich.table import Table

COLOURS: Final = {
    "Awake": "green",
    "Asleep": "blue",
    "FallingAsleep": "cyan",
    "Waking": "yellow",
    "RestoringRoutes": "yellow",
    "Stuck": "bold red",
    "NotManaged": "dim",
}
BRIEF: Final = ("namespace", "name", "phase", "sleepsIn", "reason")
WIDE_ENOUGH: Final = 120  # characters
EVERY: Final = 2.0  # seconds, between two looks of --watch

Rows = Sequence[Mapping[str, Any]]
GetRows = Callable[[], Awaitable[Rows]]


class Terminal:
    """Where a command writes. `forced`: whether it is taken for a terminal, for tests."""

    def __init__(self, out: TextIO | None = None, *, forced: bool | None = None, width: int | None = None) -> None:
        self.out = out or sys.stdout
        self.is_one = self.out.isatty() if forced is None else forced
        self._forced, self._width = forced, width

    def console(self) -> "Console":
        """The library's view of it."""
        from rich.console import Console  # noqa: PLC0415 nothing but drawing needs it

        return Console(file=self.out, force_terminal=self._forced, width=self._width, highlight=False, markup=False)

    def print(self, text: str) -> None:
        """One or more lines."""
        print(printable_lines(text), file=self.out, flush=True)

    def show(self, rows: Rows, columns: Sequence[str]) -> None:
        """A table: in colours on a terminal, else in plain columns."""
        if self.is_one and rows:
            console = self.console()
            console.print(drawn(rows, fitting(columns, console.width)))
        else:
            self.print(table(rows, columns))

    async def watch(self, get: GetRows, columns: Sequence[str], looks: int | None = None) -> None:
        """Redraw the table every two seconds; elsewhere print rows that have changed. Ends with Ctrl-C, or after `looks`."""
        if self.is_one:
            await self._redraw(get, columns, looks)
            return
        before: dict[Any, Any] = {}
        async for rows in _looks(get, looks):
            new = [row for row in rows if before.get(_key(row)) != _stable(row)]
            if new:
                self.print(table(new, columns, headed=not before))
            before = {_key(row): _stable(row) for row in rows}

    async def _redraw(self, get: GetRows, columns: Sequence[str], looks: int | None) -> None:
        from rich.live import Live  # noqa: PLC0415 as above

        console = self.console()
        with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
            async for rows in _looks(get, looks):
                live.update(drawn(rows, fitting(columns, console.width)), refresh=True)


async def _looks(get: GetRows, looks: int | None) -> AsyncIterator[Rows]:
    count = 0
    while True:
        yield await get()
        count += 1
        if looks is not None and count >= looks:
            return
        await asyncio.sleep(EVERY)


def _key(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return row["kind"], row["namespace"], row["name"]


def _stable(row: Mapping[str, Any]) -> dict[str, Any]:
    """Without what changes as time goes by."""
    return {key: value for key, value in row.items() if key not in ("idleFor", "sleepsIn")}


def fitting(columns: Sequence[str], width: int) -> Sequence[str]:
    """Fewer of them on a narrow terminal."""
    return BRIEF if columns == NARROW and width < WIDE_ENOUGH else columns


def drawn(rows: Rows, columns: Sequence[str] = NARROW) -> "Table":
    """The rows as the library's table."""
    from rich.table import Table  # noqa: PLC0415 as above
    from rich.text import Text  # noqa: PLC0415

    made = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    for each in columns:
        made.add_column(heading(each), overflow="fold", no_wrap=each != "reason")
    for row in rows:
        styles = [COLOURS.get(str(row["phase"]), "") if each == "phase" else "" for each in columns]
        texts = cells(row, columns)
        made.add_row(*(Text(text, style=style) for text, style in zip(texts, styles, strict=True)))
    return made


class Stages:
    """Progress through stages, each of them announced once. `advance` may be called as often as one likes."""

    def __init__(self, terminal: Terminal, title: str, total: int) -> None:
        self._terminal, self._title, self._total = terminal, printable_text(title), total
        self._said = ""
        self._started = time.monotonic()
        self._draw: Callable[[int, str], None] | None = None

    def advance(self, done: int, sentence: str) -> None:
        """So many stages are over, and this is so now."""
        text = printable_text(sentence)
        if self._draw:
            self._draw(done, text)
        elif text != self._said:
            self._terminal.print(f"{time.monotonic() - self._started:6.1f}s  {text}")
        self._said = text

    @contextmanager
    def shown(self) -> "Iterator[Stages]":
        """Draw a bar on a terminal, for as long as the block runs."""
        if not self._terminal.is_one:
            yield self
            return
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415 as above

        columns = (BarColumn(bar_width=24), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
        with Progress(*columns, console=self._terminal.console()) as bar:
            task = bar.add_task(self._title, total=self._total)

            def draw(done: int, text: str) -> None:
                bar.update(task, completed=done, description=f"{self._title}: {text}")

            self._draw = draw
            yield self
            self._draw = None
