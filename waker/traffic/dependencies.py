"""What the scraper needs from the rest of waker, as one value of plain callables.

Made in `service`, used by `scrape` and `rounds`. The traffic room imports neither Kubernetes nor web code: whatever it
has to know of them comes through here.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from waker.plan.model import AppId, Pod
from waker.traffic.controllers import Adapter, SeriesKey, adapter_for
from waker.traffic.name_proof import Primed
from waker.traffic.scraped_controller import ScrapedController
from waker.traffic.targets import PrometheusSample

# All pods of a controller at once: what Prometheus has of them, by uid. Raises ScrapeError.
AskPrometheus = Callable[[Adapter, Sequence[Pod], frozenset[SeriesKey]], Awaitable[Mapping[str, PrometheusSample]]]


@dataclass(frozen=True, slots=True)
class ScraperDependencies:
    """The callables that `service` gives to the scraper.

    `prime` sends a request of waker's own through a pod, for the keeper of the namespace behind the one that is given. So the
    counter of a pod that has counted nothing appears, and names are proved. `on_scrape` is called after each scrape with the
    controller and the time it was complete, or None if it failed; `on_round` after each round with the controllers that were
    read. `prometheus` gives the function to call instead of reading the pods, or None. `ignore_after` says by the controller's
    name after how long a pod that cannot be read is ignored; None: never.
    """

    clock: Callable[[], datetime]
    interval: Callable[[], timedelta]
    pods: Callable[[Adapter], Sequence[Pod]]
    prime: Callable[[Adapter, Pod, str], Awaitable[Primed]]
    on_visit: Callable[[AppId], None]
    on_scrape: Callable[[str, datetime | None], None]
    on_known: Callable[[AppId], None] = lambda _: None  # for whom `Scraper.await_known` was called
    prometheus: Callable[[], AskPrometheus | None] = lambda: None
    workload_versions: Callable[[Adapter], str] = lambda _: ""  # changes whenever a pod of the controller comes or goes
    departed: Callable[[Adapter], Sequence[Pod]] = lambda _: ()  # the pods that have gone since the last call
    pods_changed: asyncio.Event = field(default_factory=asyncio.Event)
    on_round: Callable[[Sequence[ScrapedController]], None] = lambda _: None
    ignore_after: Callable[[str], timedelta | None] = lambda _: None
    adapter: Callable[[str], Adapter | None] = adapter_for  # by the name that a class's controller goes by
