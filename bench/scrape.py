"""What reading metrics pages costs: a page of 300 MB and one of 60 MB, and a whole waker's reading for 1,000 apps.

Pages are made before and served by another process. Each reading is a process of its own, after a small page that loads
all code; of five the speed is the median, what it does to others the worst. Side by side with prometheus_client's parser,
used as its documentation shows: the page as one text, then the parser; on a smaller page of the same kind, for it would
take minutes.

`longest wait`: of a task that asks the event loop for a turn each millisecond; where others compute too, their time is
in it, and the CPU time that went by meanwhile tells what was waker's own. `peak`: memory above that before the page.
"""

import multiprocessing
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from bench import pages
from bench.reading import INTERVAL, PARSED, ROUNDS, ReadingCase, parse_page, read_page, rounds
from bench.serving import BarePage, write
from bench.tables import table
from bench.watching import Cost
from waker.traffic.controllers import INGRESS_NGINX, TRAEFIK, Adapter

READINGS = 5  # of a page
WARM = 20  # services on the page that loads all code
HARM = ("longest wait ms", "of it CPU", "peak MiB")

CASES = (
    ReadingCase("ingress-nginx", INGRESS_NGINX.controller, 1850),
    ReadingCase("ingress-nginx, packed", INGRESS_NGINX.controller, 1850, packed=True),
    ReadingCase("Traefik", TRAEFIK.controller, 8200),
    ReadingCase("Traefik, packed", TRAEFIK.controller, 8200, packed=True),
)


def run(apps: int) -> None:
    """Print both tables."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        rows = [row_of_page(Path(folder), case) for case in CASES]
        rows.append(row_of_parser(Path(folder)))
        print(table(("reading one page", "MB", "MB/s", "MB/s of CPU", *HARM), rows), flush=True)
        rows = [row_of_apps(Path(folder), apps, count) for count in (1, 3)]
    print(table((f"{apps} apps, every {INTERVAL.seconds} s", "MB", "CPU s a round", "cores", *HARM), rows), flush=True)


def row_of_page(folder: Path, case: ReadingCase) -> Sequence[str]:
    """waker's own reader."""
    page, small = made(folder, case.adapter, case.services), made(folder, case.adapter, WARM)
    costs = [in_a_process(read_page, case, page, small) for _ in range(READINGS)]
    return (case.title, *speed(page, usual(costs)), *harm(worst(costs)))


def row_of_parser(folder: Path) -> Sequence[str]:
    """The parser of prometheus_client."""
    page, small = made(folder, INGRESS_NGINX, PARSED), made(folder, INGRESS_NGINX, WARM)
    cost = in_a_process(parse_page, page, small)
    return ("ingress-nginx, prometheus_client", *speed(page, cost), *harm(cost))


def row_of_apps(folder: Path, apps: int, pods: int) -> Sequence[str]:
    """Rounds of a Scraper that follows so many apps; all of them are visited between two rounds."""
    two = [made(folder, INGRESS_NGINX, apps, turn) for turn in range(2)]
    cost = in_a_process(rounds, two, apps, pods)
    title = f"{pods} pod{'s' if pods > 1 else ''} of ingress-nginx"
    seconds = cost.cpu / ROUNDS
    return (
        title,
        f"{pods * two[0].size / 1e6:.0f}",
        f"{seconds:.2f}",
        f"{seconds / INTERVAL.total_seconds():.3f}",
        *harm(cost),
    )


def usual(costs: Sequence[Cost]) -> Cost:
    """The median by time."""
    return sorted(costs, key=lambda cost: cost.wall)[len(costs) // 2]


def worst(costs: Sequence[Cost]) -> Cost:
    """The worst of each."""
    return Cost(**{field.name: max(getattr(cost, field.name) for cost in costs) for field in fields(Cost)})


def speed(page: BarePage, cost: Cost) -> Sequence[str]:
    size = page.size / 1e6
    return f"{size:.0f}", f"{size / cost.wall:.0f}", f"{size / cost.cpu:.0f}"


def harm(cost: Cost) -> Sequence[str]:
    return f"{cost.gap * 1000:.0f}", f"{cost.busy * 1000:.0f}", f"{cost.peak:.1f}"


# --- in a process of its own --------------------------------------------------------------------------------------


def in_a_process(work: Callable[..., Cost], *args: Any) -> Cost:
    """Its memory is then its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, args)


def made(folder: Path, adapter: Adapter, services: int, turn: int = 0) -> BarePage:
    """A page in the folder, made when first asked for."""
    name = f"{adapter.title}-{services}-{turn}"
    kept = folder / f"{name}.size"
    if kept.exists():
        return BarePage(folder / name, folder / f"{name}.gz", int(kept.read_text()))
    maker = pages.traefik if adapter is TRAEFIK else pages.ingress_nginx
    page = write(folder, name, maker(services, turn))
    kept.write_text(str(page.size))
    return page
