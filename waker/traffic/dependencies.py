"""What the traffic room needs from the rest of the house, as one value: plain callables, made in `service`."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from waker.plan.model import AppId, Pod
from waker.traffic.controllers import Adapter, SeriesKey, adapter_for
from waker.traffic.targets import PrometheusSample

# All pods of a controller at once, by uid: what Prometheus has of them. Raises ScrapeError.
AskPrometheus = Callable[[Adapter, Sequence[Pod], frozenset[SeriesKey]], Awaitable[Mapping[str, PrometheusSample]]]


@dataclass(frozen=True, slots=True)
class ScraperDependencies:
    """What others give. `prime` has a pod that counts nothing yet count a request of waker's own.

    `on_page` hears of each page: its controller, and when it was read whole, None if it was not. `prometheus` is asked
    instead of the pods, if there is one. `staff` changes whenever a controller's pods come or go.
    """

    clock: Callable[[], datetime]
    interval: Callable[[], timedelta]
    pods: Callable[[Adapter], Sequence[Pod]]
    prime: Callable[[Adapter, Pod], Awaitable[None]]
    on_visit: Callable[[AppId], None]
    on_scrape: Callable[[str, datetime | None], None]
    prometheus: Callable[[], AskPrometheus | None] = lambda: None
    workload_versions: Callable[[Adapter], str] = lambda _: ""
    departed: Callable[[Adapter], Sequence[Pod]] = lambda _: ()  # the pods that have gone since this was last asked
    adapter: Callable[[str], Adapter | None] = adapter_for  # by what a class's controller goes by
