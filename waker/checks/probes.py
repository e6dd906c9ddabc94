"""The check that only the running service can make: it reads each controller pod itself, and has each one ask for waker.

Real probes, both ways, from where it matters. `service` imports this when it is asked for the first time. It changes
nothing and remembers nothing but its last answer, which is good for ten seconds; for two, if not all is well, so that who has
mended something sees it. The subtle thing: a controller takes up the route that waker asks through some seconds after waker
has made it, so right after an installation nothing reaches waker for a moment.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Final

import aiohttp

from waker import __version__
from waker.checks import controllers
from waker.checks.controllers import PageShows, Reach, Reading
from waker.checks.findings import Finding
from waker.checks.pages import shown_on
from waker.cluster.client import Api
from waker.observe.cluster import ClusterCache
from waker.observe.controllers import IngressControllers
from waker.observe.door_listing import ProvingWay, proving_ways
from waker.observe.live_settings import LiveConfig
from waker.plan.model import LONG_AGO, Pod
from waker.plan.routes.route import HttpTarget
from waker.traffic.controllers import Adapter, interest
from waker.traffic.credentials import request_options
from waker.traffic.fetch import TIMEOUT, fetch, metrics_url
from waker.traffic.prometheus import Prometheus

GOOD_FOR: Final = timedelta(seconds=10)
BAD_FOR: Final = timedelta(seconds=2)
YOUNG: Final = timedelta(seconds=60)  # Traefik takes up a route within 2 s, but may be busy; others are slower
# How long is tried again, for all pods together. A command waits for 20 s in all, and a try that gets no answer takes 4.
PATIENCE_YOUNG: Final = timedelta(seconds=8)
PATIENCE: Final = timedelta(seconds=3)  # a way may be new though its keeper is not
AGAIN_AFTER: Final = 1  # seconds
HEAD: Final = 256 << 10  # bytes of a page; metrics are sorted by name, and none of these has many others before it
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
            if self._asked_at is None or now >= self._asked_at + self._good_for():
                self._last, self._asked_at = await self._asked(now), self.needs.clock()
            return self._last

    def _good_for(self) -> timedelta:
        return GOOD_FOR if all(each["verdict"] == Finding.OK for each in self._last["lines"]) else BAD_FOR

    def _ways(self, adapter: Adapter) -> list[ProvingWay]:
        ways = proving_ways(self.needs.cluster, self.needs.config.live, adapter.controller)
        return list(islice(ways, SEVERAL))

    async def _primed(self, adapter: Adapter, pod: Pod, ways: Iterable[ProvingWay]) -> bool:
        for way in ways:
            if await self.needs.prime(adapter, pod, way.target):
                return True
        return False

    async def _reached(self, adapter: Adapter, pod: Pod, began: datetime) -> Reach | None:
        """Tries for a while. `began`: when all this was asked."""
        while ways := self._ways(adapter) if adapter.proxy else []:
            if await self._primed(adapter, pod, ways):
                return Reach(reached=True)
            now = self.needs.clock()
            age = max(now - self._made_at(way) for way in ways)
            is_young = age < YOUNG
            if now >= began + (PATIENCE_YOUNG if is_young else PATIENCE):
                return Reach(reached=False, young=age if is_young else None)
            await asyncio.sleep(AGAIN_AFTER)
        return None

    def _made_at(self, way: ProvingWay) -> datetime:
        keeper = self.needs.cluster.owned(way.backend.namespace).keepers.get(way.backend.object_name)
        return datetime.fromtimestamp(keeper.made_at, UTC) if keeper else LONG_AGO

    async def _asked(self, began: datetime) -> dict[str, Any]:
        needs, live = self.needs, self.needs.config.live
        failed: set[str] = set()
        tried: set[str] = set()

        async def page(adapter: Adapter, pod: Pod) -> PageShows:
            if live.prometheus_url:
                known = await needs.prometheus.read(live.prometheus_url, adapter, [pod], frozenset())
                proven = any(each.scrape.proven for each in known.values())
                return PageShows.COUNTER if proven else PageShows.NOTHING
            scrape, _ = await fetch(needs.session, adapter, pod, frozenset())
            return PageShows.COUNTER if scrape.proven else await _others_on_page(needs.session, adapter, pod)

        async def reaches(adapter: Adapter, pod: Pod) -> Reach | None:
            found = await self._reached(adapter, pod, began)
            if found:
                (tried if found.reached else failed).add(adapter.controller)
            return found

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


async def _others_on_page(session: aiohttp.ClientSession, adapter: Adapter, pod: Pod) -> PageShows:
    """What the beginning of a page shows on which the counter is not."""
    access, head = request_options(adapter.access), bytearray()
    with suppress(aiohttp.ClientError, OSError, ValueError):
        async with session.get(
            metrics_url(adapter, pod),
            headers=access.headers,
            timeout=TIMEOUT,
            allow_redirects=False,
            ssl=access.trust,
            server_hostname=access.server_name,
        ) as answer:
            async for piece in answer.content.iter_any():
                head += piece
                if len(head) >= HEAD:
                    break
    return shown_on(head.decode(errors="replace"), adapter)
