"""The work that `bench scrape` measures, each kind in a process of its own: one scrape, one parse, rounds of a Scraper.

Each function runs the work once and returns its Cost; `scrape` repeats it and makes the tables.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from bench import pages
from bench.cost import Cost, measured
from bench.serving import StoredPage, serving
from waker.plan.model import AppId, Kind, Pod
from waker.traffic.controllers import ADAPTERS, INGRESS_NGINX, TRAEFIK, Adapter, Interest, SeriesKey
from waker.traffic.dependencies import ScraperDependencies
from waker.traffic.fetch import fetch
from waker.traffic.name_proof import Primed
from waker.traffic.scrape import Scraper

INTERVAL = timedelta(seconds=30)
ROUNDS = 5
PARSED = 100  # services on the page for prometheus_client, which has 16 MB


@dataclass(frozen=True, slots=True)
class ReadingCase:
    """A metrics page to scrape. The number of services makes its size."""

    title: str
    controller: str
    services: int
    packed: bool = False

    @property
    def adapter(self) -> Adapter:
        return ADAPTERS[self.controller]

    def keys(self) -> frozenset[SeriesKey]:
        """The series that the services are counted under."""
        return frozenset(key_of(self.adapter, number) for number in range(self.services))


def key_of(adapter: Adapter, number: int) -> SeriesKey:
    """The series that a service of `pages` is counted under."""
    where, name = pages.service_name(number)
    return (f"{where}-{name}-http@kubernetes",) if adapter is TRAEFIK else (where, name, name)


def read_page(case: ReadingCase, page: StoredPage, small: StoredPage) -> Cost:
    return asyncio.run(_read_page(case, page, small))


async def _read_page(case: ReadingCase, page: StoredPage, small: StoredPage) -> Cost:
    last_size = page.size if case.packed else 0  # after a large page, waker asks for compression
    async with aiohttp.ClientSession() as session:
        with serving([small]) as port:
            await fetch(session, case.adapter, pod(port), case.keys(), last_size)
        with serving([page]) as port:
            keys = case.keys()
            async with measured() as cost:
                found, size = await fetch(session, case.adapter, pod(port), keys, last_size)
    check(len(found.tallies) == case.services and size >= page.size, f"{len(found.tallies)} series, {size} bytes")
    return cost


def parse_page(page: StoredPage, small: StoredPage) -> Cost:
    return asyncio.run(_parse_page(page, small))


async def _parse_page(page: StoredPage, small: StoredPage) -> Cost:
    async with aiohttp.ClientSession() as session:
        await _parsed(session, small)
        async with measured() as cost:
            found = await _parsed(session, page)
    check(found == PARSED * len(pages.COMBINATIONS), f"{found} samples")
    return cost


async def _parsed(session: aiohttp.ClientSession, page: StoredPage) -> int:
    with serving([page]) as port:
        async with session.get(f"http://127.0.0.1:{port}/metrics") as answer:
            text = await answer.text()
    wanted = INGRESS_NGINX.requests.metric
    families = text_string_to_metric_families(text)
    return sum(sample.name in (wanted, f"{wanted}_total") for family in families for sample in family.samples)


def rounds(two: Sequence[StoredPage], apps: int, pods: int) -> Cost:
    return asyncio.run(_rounds(two, apps, pods))


async def _rounds(two: Sequence[StoredPage], apps: int, pods: int) -> Cost:
    visits: Counter[AppId] = Counter()
    async with aiohttp.ClientSession() as session, AsyncExitStack() as stack:
        ports = [stack.enter_context(serving(two)) for _ in range(pods)]
        found = [pod(port, number) for number, port in enumerate(ports)]
        scraper = Scraper(session, dependencies(found, visits))
        for number in range(apps):
            interest = Interest(INGRESS_NGINX.controller, key_of(INGRESS_NGINX, number))
            scraper.watch(AppId(Kind.DEPLOYMENT, *pages.service_name(number)), frozenset({interest}))
        await scraper.round()  # the baseline, which also loads all code
        await scraper.round()
        visits.clear()
        async with measured() as cost:
            for _ in range(ROUNDS):
                await scraper.round()
    check(len(visits) == apps, f"{len(visits)} apps were visited")
    return cost


def dependencies(pods: Sequence[Pod], visits: Counter[AppId]) -> ScraperDependencies:
    """What the scraper needs from the rest of waker."""

    async def prime(_adapter: Adapter, _pod: Pod, _after: str) -> Primed:
        return Primed()

    return ScraperDependencies(
        clock=lambda: datetime.now(UTC),
        interval=lambda: INTERVAL,
        pods=lambda _: pods,
        prime=prime,
        on_visit=lambda app: visits.update([app]),
        on_scrape=lambda _controller, _read_at: None,
    )


def pod(port: int, number: int = 0) -> Pod:
    return Pod("ingress", f"controller-{number}", f"uid-{number}", "127.0.0.1", ready=True, ports={"metrics": port})


def check(fine: bool, what: str) -> None:  # noqa: FBT001
    """Raise RuntimeError unless `fine`: a page that was not read gives no figures."""
    if not fine:
        raise RuntimeError(what)
