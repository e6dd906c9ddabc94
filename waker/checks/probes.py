"""The check that only the running service can make: it reads each controller pod itself, and has each one ask for waker.

Real probes, both ways, from where it matters. `service` imports this when it is asked for the first time. It changes
nothing and remembers nothing but its last answer, which is good for ten seconds.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final

import aiohttp

from waker import __version__
from waker.checks import controllers
from waker.checks.controllers import Reading
from waker.cluster.client import Api
from waker.observe.cluster import ClusterCache
from waker.observe.controllers import IngressControllers
from waker.observe.door_listing import ProvingWay, proving_ways
from waker.observe.live_settings import LiveConfig
from waker.plan.model import Pod
from waker.plan.routes.route import HttpTarget
from waker.traffic.controllers import Adapter, interest
from waker.traffic.fetch import fetch
from waker.traffic.prometheus import Prometheus

GOOD_FOR: Final = timedelta(seconds=10)
LOOKS: Final = 6
SEVERAL: Final = 2  # namespaces through whose keepers a pod is asked: a tenant may break its own
SHOWN_AFTER: Final = 0.5  # seconds; ingress-nginx writes its counters in batches, one a second
Prime = Callable[[Adapter, Pod, HttpTarget], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class ProbeNeeds:
    """The parts of the service that know."""

    api: Api
    session: aiohttp.ClientSession
    cluster: ClusterCache
    config: LiveConfig
    controllers: IngressControllers
    prometheus: Prometheus
    prime: Prime
    leading: Callable[[], bool]
    clock: Callable[[], datetime]
    namespace: str


@dataclass(slots=True)
class Probes:
    """Asks, one caller after the other."""

    needs: ProbeNeeds
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _last: dict[str, Any] = field(default_factory=dict)
    _asked_at: datetime | None = None

    async def report(self) -> dict[str, Any]:
        """`version`, `leader`, `lines`, and the classes whose pods all reach waker (`reached`)."""
        async with self._turn:
            now = self.needs.clock()
            if self._asked_at is None or now >= self._asked_at + GOOD_FOR:
                self._last, self._asked_at = await self._asked(), now
            return self._last

    def _ways(self, adapter: Adapter) -> list[ProvingWay]:
        ways = proving_ways(self.needs.cluster, self.needs.config.live, adapter.controller)
        return list(islice(ways, SEVERAL))

    async def _primed(self, adapter: Adapter, pod: Pod, ways: Iterable[ProvingWay]) -> bool:
        for way in ways:
            if await self.needs.prime(adapter, pod, way.target):
                return True
        return False

    async def _asked(self) -> dict[str, Any]:
        needs, live = self.needs, self.needs.config.live
        failed: set[str] = set()
        tried: set[str] = set()

        async def page(adapter: Adapter, pod: Pod) -> bool:
            if live.prometheus_url:
                known = await needs.prometheus.read(live.prometheus_url, adapter, [pod], frozenset())
                return any(each.scrape.proven for each in known.values())
            scrape, _ = await fetch(needs.session, adapter, pod, frozenset())
            return scrape.proven

        async def reaches(adapter: Adapter, pod: Pod) -> bool | None:
            ways = self._ways(adapter)
            if not ways or adapter.proxy is None:
                return None
            reached = await self._primed(adapter, pod, ways)
            (tried if reached else failed).add(adapter.controller)
            return reached

        async def names(adapter: Adapter, pod: Pod) -> bool | None:
            ways = self._ways(adapter)
            if not ways or live.prometheus_url:
                return None
            keys = frozenset(key for way in ways for key in interest(adapter, way.backend).keys)
            for _ in range(LOOKS):
                scrape, _ = await fetch(needs.session, adapter, pod, keys)
                if not keys.isdisjoint(scrape.tallies.keys() | scrape.heads):
                    return True
                await asyncio.sleep(SHOWN_AFTER)
            return False

        parts = needs.api, needs.cluster, live, page, reaches, names, needs.namespace, needs.controllers.namespaces.of
        return {
            "version": __version__,
            "leader": needs.leading(),
            "lines": await controllers.lines(Reading(*parts)),
            "reached": sorted(tried - failed),
        }
