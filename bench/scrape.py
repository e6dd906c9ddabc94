"""What scraping costs: metrics pages of 300 MB and 60 MB, and all the scrapes of a waker with 1,000 apps.

Another process serves the pages. Each scrape runs in a process of its own, after a small page that loads all code. Of five
scrapes, the tables show the median speed and the worst effect on others. Beside them runs prometheus_client's parser, used
as its documentation shows: the page as one text, then the parser. It gets a smaller page of the same kind, as a large one
would take minutes.

`longest wait`: how long a task waited that asks the event loop for a turn every millisecond. Where others use the machine,
their time is in it; `of it CPU` is waker's own part. `peak MiB`: memory above that before the scrape.
"""

import multiprocessing
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from bench import pages
from bench.cost import Cost
from bench.reading import INTERVAL, PARSED, ROUNDS, ReadingCase, parse_page, read_page, rounds
from bench.serving import StoredPage, write
from bench.tables import table
from waker.traffic.controllers import INGRESS_NGINX, TRAEFIK, Adapter

SCRAPES = 5  # of each page
WARM = 20  # services on the small page that loads all code
EFFECTS = ("longest wait ms", "of it CPU", "peak MiB")

CASES = (
    ReadingCase("ingress-nginx", INGRESS_NGINX.controller, 1850),
    ReadingCase("ingress-nginx, compressed", INGRESS_NGINX.controller, 1850, packed=True),
    ReadingCase("Traefik", TRAEFIK.controller, 8200),
    ReadingCase("Traefik, compressed", TRAEFIK.controller, 8200, packed=True),
)


def run(apps: int) -> None:
    """Print both tables."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        rows = [row_of_page(Path(folder), case) for case in CASES]
        rows.append(row_of_parser(Path(folder)))
        print(table(("one scrape", "MB", "MB/s", "MB/s of CPU", *EFFECTS), rows), flush=True)
        rows = [row_of_apps(Path(folder), apps, count) for count in (1, 3)]
    print(
        table((f"{apps} apps, a round every {INTERVAL.seconds} s", "MB", "CPU s a round", "cores", *EFFECTS), rows),
        flush=True,
    )


def row_of_page(folder: Path, case: ReadingCase) -> Sequence[str]:
    """A row of waker's own scrapes of a page."""
    page, small = page_of(folder, case.adapter, case.services), page_of(folder, case.adapter, WARM)
    costs = [in_new_process(read_page, case, page, small) for _ in range(SCRAPES)]
    return (case.title, *speed(page, median_cost(costs)), *effects(worst_cost(costs)))


def row_of_parser(folder: Path) -> Sequence[str]:
    """A row of prometheus_client's parser."""
    page, small = page_of(folder, INGRESS_NGINX, PARSED), page_of(folder, INGRESS_NGINX, WARM)
    cost = in_new_process(parse_page, page, small)
    return ("ingress-nginx, prometheus_client", *speed(page, cost), *effects(cost))


def row_of_apps(folder: Path, apps: int, pods: int) -> Sequence[str]:
    """A row of rounds of a Scraper that watches so many apps. Each app is visited between two_pages rounds."""
    two_pages = [page_of(folder, INGRESS_NGINX, apps, turn) for turn in range(2)]
    cost = in_new_process(rounds, two_pages, apps, pods)
    title = f"{pods} pod{'s' if pods > 1 else ''} of ingress-nginx"
    seconds = cost.cpu / ROUNDS
    return (
        title,
        f"{pods * two_pages[0].size / 1e6:.0f}",
        f"{seconds:.2f}",
        f"{seconds / INTERVAL.total_seconds():.3f}",
        *effects(cost),
    )


def median_cost(costs: Sequence[Cost]) -> Cost:
    """The cost with the median time."""
    return sorted(costs, key=lambda cost: cost.wall)[len(costs) // 2]


def worst_cost(costs: Sequence[Cost]) -> Cost:
    """The highest value of each field."""
    return Cost(**{field.name: max(getattr(cost, field.name) for cost in costs) for field in fields(Cost)})


def speed(page: StoredPage, cost: Cost) -> Sequence[str]:
    size = page.size / 1e6
    return f"{size:.0f}", f"{size / cost.wall:.0f}", f"{size / cost.cpu:.0f}"


def effects(cost: Cost) -> Sequence[str]:
    return f"{cost.gap * 1000:.0f}", f"{cost.busy * 1000:.0f}", f"{cost.peak:.1f}"


# --- in a process of its own --------------------------------------------------------------------------------------


def in_new_process(work: Callable[..., Cost], *args: Any) -> Cost:
    """Run the work in a new process, so that its memory is all its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, args)


def page_of(folder: Path, adapter: Adapter, services: int, turn: int = 0) -> StoredPage:
    """A page in the folder. It is written at the first call."""
    name = f"{adapter.title}-{services}-{turn}"
    kept = folder / f"{name}.size"
    if kept.exists():
        return StoredPage(folder / name, folder / f"{name}.gz", int(kept.read_text()))
    maker = pages.traefik if adapter is TRAEFIK else pages.ingress_nginx
    page = write(folder, name, maker(services, turn))
    kept.write_text(str(page.size))
    return page
