"""One round: the page of every controller pod, from the pod or all at once from Prometheus, handed on as it comes.

Called by `scrape`, which draws the conclusions. A pod that takes longer than an interval is left behind, for the others
must not become unknown because of it; it goes on being read and has no part in the next round.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final

import aiohttp

from waker.errors import ScrapeError, WakerError
from waker.plan.model import Pod
from waker.traffic.controller import ControllerPod, ScrapedController
from waker.traffic.controllers import Adapter, SeriesKey
from waker.traffic.dependencies import AskPrometheus, ScraperDependencies
from waker.traffic.fetch import fetch
from waker.traffic.ledger import Scrape
from waker.traffic.targets import PrometheusSample

log = logging.getLogger(__name__)

AT_ONCE: Final = 4  # pages; each holds one chunk, so that pods that hang do not make the others wait

# A page that was read whole: whose, and when it was asked for.
Taken = Callable[[ScrapedController, ControllerPod, Scrape, datetime], None]


class ScrapeRounds:
    """See above. `taken` hears of each page."""

    def __init__(self, session: aiohttp.ClientSession, outside: ScraperDependencies, taken: Taken) -> None:
        self._session = session
        self._dependencies = outside
        self._taken = taken
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._under_way: dict[
            str, asyncio.Task[None]
        ] = {}  # by the pod's uid; by the controller's name: from Prometheus

    async def round(self, wanted: Iterable[tuple[ScrapedController, frozenset[SeriesKey]]]) -> None:
        """Read every pod of these controllers for these series, for as long as an interval."""
        for controller, keys in wanted:
            self._begin(controller, keys)
        if self._under_way:
            done, _ = await asyncio.wait(
                self._under_way.values(), timeout=self._dependencies.interval().total_seconds()
            )
            self._under_way = {name: task for name, task in self._under_way.items() if task not in done}
            for task in done:
                task.result()  # what nobody expected ends the process

    def stop(self) -> None:
        """Leave off what is still being read."""
        for task in self._under_way.values():
            task.cancel()

    def _begin(self, controller: ScrapedController, keys: frozenset[SeriesKey]) -> None:
        """Of what is still being read from the round before, nothing is asked again."""
        name = controller.adapter.controller
        if ask := self._dependencies.prometheus():
            if name not in self._under_way:
                self._under_way[name] = asyncio.create_task(self._ask(ask, controller, keys))
            return
        for uid in controller.pods.keys() - self._under_way.keys():
            self._under_way[uid] = asyncio.create_task(self._read(controller, controller.pods[uid], keys))

    async def _read(self, controller: ScrapedController, each: ControllerPod, keys: frozenset[SeriesKey]) -> None:
        async with self._gate:
            asked_at = self._dependencies.clock()
            try:
                page, each.size = await fetch(self._session, controller.adapter, each.pod, keys, each.size)
            except ScrapeError as error:
                self._failed(controller, each, str(error))
                return
            each.asked_at, each.read_at = asked_at, self._dependencies.clock()
            if controller.pods.get(each.pod.uid) is not each:
                return  # gone meanwhile
            await self._take(controller, each, page, asked_at)

    async def _ask(self, ask: AskPrometheus, controller: ScrapedController, keys: frozenset[SeriesKey]) -> None:
        watched = list(controller.pods.values())
        async with self._gate:
            asked_at = self._dependencies.clock()
            try:
                readings = await ask(controller.adapter, [each.pod for each in watched], keys)
            except ScrapeError as error:
                for each in watched:
                    self._failed(controller, each, str(error))
                return
            for each in (each for each in watched if controller.pods.get(each.pod.uid) is each):
                await self._sample(controller, each, readings.get(each.pod.uid), asked_at)

    async def _sample(
        self, controller: ScrapedController, each: ControllerPod, reading: PrometheusSample | None, asked_at: datetime
    ) -> None:
        """One pod's part of Prometheus's answer. A sample that was taken before the pod was known may be another's."""
        problem = each.why_not_sampled(reading, asked_at, controller.adapter, self._dependencies.interval())
        if problem or not reading:
            self._failed(controller, each, problem)
            if not reading:
                await self._prime(controller.adapter, each.pod)
        elif reading.sampled > each.sampled:
            each.sampled = reading.sampled
            each.asked_at = each.read_at = asked_at - timedelta(seconds=reading.age)
            await self._take(controller, each, reading.scrape, each.asked_at)

    def _failed(self, controller: ScrapedController, each: ControllerPod, problem: str) -> None:
        each.missed = True
        self._dependencies.on_scrape(controller.adapter.controller, None)
        _tell(each, problem)

    async def _take(self, controller: ScrapedController, each: ControllerPod, page: Scrape, asked_at: datetime) -> None:
        adapter = controller.adapter
        self._dependencies.on_scrape(adapter.controller, each.read_at)
        self._taken(controller, each, page, asked_at)
        _tell(each, "" if page.proven else f"shows no {adapter.proof} yet; if that stays, {adapter.enable}")
        if not page.proven:
            await self._prime(adapter, each.pod)

    async def _prime(self, adapter: Adapter, pod: Pod) -> None:
        try:
            await self._dependencies.prime(adapter, pod)
        except (WakerError, aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            log.debug("a controller pod could not be primed", extra={"pod": pod.name, "error": str(error)})


def _tell(each: ControllerPod, problem: str) -> None:
    """Say it when it changes, and only then."""
    if problem and problem != each.problem:
        log.warning("a controller pod's visitors are unknown", extra={"pod": each.pod.name, "why": problem})
    elif each.problem and not problem:
        log.info("a controller pod's visitors are known", extra={"pod": each.pod.name})
    each.problem = problem
