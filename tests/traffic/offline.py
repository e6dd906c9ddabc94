"""The scraper without a network, for tests that play whole histories: pages are bytes, pods and time are the test's."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

import aiohttp

from waker.plan.model import Pod
from waker.traffic.controllers import Adapter, SeriesKey
from waker.traffic.dependencies import ScraperDependencies
from waker.traffic.exposition import Exposition
from waker.traffic.ledger import Scrape, ScrapeBuilder
from waker.traffic.name_proof import Primed
from waker.traffic.scrape import Scraper


def scrape_of(page: bytes, adapter: Adapter, keys: frozenset[SeriesKey], step: int = 0) -> Scrape:
    """What waker keeps of a page that arrives in pieces of `step` bytes; 0: all at once."""
    exposition, builder = Exposition(adapter.wanted), ScrapeBuilder(adapter, keys)
    size = step or max(len(page), 1)
    for at in range(0, len(page), size):
        builder.add(exposition.feed(page[at : at + size]))
    builder.add(exposition.finish())
    return builder.scrape()


def offline_scraper(
    clock: Callable[[], datetime],
    interval: timedelta,
    pods: Callable[[Adapter], Sequence[Pod]],
    departed: Callable[[Adapter], Sequence[Pod]],
    **others: Any,
) -> Scraper:
    """A scraper of these pods. The test has to replace `rounds.fetch`."""

    async def nothing(adapter: Adapter, pod: Pod, after: str) -> Primed:
        return Primed()

    dependencies = ScraperDependencies(
        clock=clock,
        interval=lambda: interval,
        pods=pods,
        departed=departed,
        prime=others.pop("prime", nothing),
        on_visit=lambda _: None,
        on_scrape=lambda _controller, _read_at: None,
        **others,
    )
    return Scraper(cast(aiohttp.ClientSession, None), dependencies)
