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
from waker.traffic.controller import Controller, Watched
from waker.traffic.controllers import Adapter, SeriesKey
from waker.traffic.dependencies import Ask, Outside
from waker.traffic.fetch import fetch
from waker.traffic.ledger import Page
from waker.traffic.targets import Reading

log = logging.getLogger(__name__)

AT_ONCE: Final = 4  # pages; each holds one chunk, so that pods that hang do not make the others wait

# A page that was read whole: whose, and when it was asked for.
Taken = Callable[[Controller, Watched, Page, datetime], None]


class Readings:
    """See above. `taken` hears of each page."""

    def __init__(self, session: aiohttp.ClientSession, outside: Outside, taken: Taken) -> None:
        self._session = session
        self._outside = outside
        self._taken = taken
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._under_way: dict[
            str, asyncio.Task[None]
        ] = {}  # by the pod's uid; by the controller's name: from Prometheus

    async def round(self, wanted: Iterable[tuple[Controller, frozenset[SeriesKey]]]) -> None:
        """Read every pod of these controllers for these series, for as long as an interval."""
        for controller, keys in wanted:
            self._begin(controller, keys)
        if self._under_way:
            done, _ = await asyncio.wait(self._under_way.values(), timeout=self._outside.interval().total_seconds())
            self._under_way = {name: task for name, task in self._under_way.items() if task not in done}
            for task in done:
                task.result()  # what nobody expected ends the process

    def stop(self) -> None:
        """Leave off what is still being read."""
        for task in self._under_way.values():
            task.cancel()

    def _begin(self, controller: Controller, keys: frozenset[SeriesKey]) -> None:
        """Of what is still being read from the round before, nothing is asked again."""
        name = controller.adapter.controller
        if ask := self._outside.prometheus():
            if name not in self._under_way:
                self._under_way[name] = asyncio.create_task(self._ask(ask, controller, keys))
            return
        for uid in controller.pods.keys() - self._under_way.keys():
            self._under_way[uid] = asyncio.create_task(self._read(controller, controller.pods[uid], keys))

    async def _read(self, controller: Controller, each: Watched, keys: frozenset[SeriesKey]) -> None:
        async with self._gate:
            asked_at = self._outside.clock()
            try:
                page, each.size = await fetch(self._session, controller.adapter, each.pod, keys, each.size)
            except ScrapeError as error:
                self._miss(controller, each, str(error))
                return
            each.asked_at, each.read_at = asked_at, self._outside.clock()
            if controller.pods.get(each.pod.uid) is not each:
                return  # gone meanwhile
            await self._take(controller, each, page, asked_at)

    async def _ask(self, ask: Ask, controller: Controller, keys: frozenset[SeriesKey]) -> None:
        watched = list(controller.pods.values())
        async with self._gate:
            asked_at = self._outside.clock()
            try:
                readings = await ask(controller.adapter, [each.pod for each in watched], keys)
            except ScrapeError as error:
                for each in watched:
                    self._miss(controller, each, str(error))
                return
            for each in (each for each in watched if controller.pods.get(each.pod.uid) is each):
                await self._sample(controller, each, readings.get(each.pod.uid), asked_at)

    async def _sample(self, controller: Controller, each: Watched, reading: Reading | None, asked_at: datetime) -> None:
        """One pod's part of Prometheus's answer. A sample that was taken before the pod was known may be another's."""
        problem = each.unsampled(reading, asked_at, controller.adapter, self._outside.interval())
        if problem or not reading:
            self._miss(controller, each, problem)
            if not reading:
                await self._prime(controller.adapter, each.pod)
        elif reading.sampled > each.sampled:
            each.sampled = reading.sampled
            each.asked_at = each.read_at = asked_at - timedelta(seconds=reading.age)
            await self._take(controller, each, reading.page, each.asked_at)

    def _miss(self, controller: Controller, each: Watched, problem: str) -> None:
        each.missed = True
        self._outside.on_page(controller.adapter.controller, None)
        _tell(each, problem)

    async def _take(self, controller: Controller, each: Watched, page: Page, asked_at: datetime) -> None:
        adapter = controller.adapter
        self._outside.on_page(adapter.controller, each.read_at)
        self._taken(controller, each, page, asked_at)
        _tell(each, "" if page.proven else f"shows no {adapter.proof} yet; if that stays, {adapter.enable}")
        if not page.proven:
            await self._prime(adapter, each.pod)

    async def _prime(self, adapter: Adapter, pod: Pod) -> None:
        try:
            await self._outside.prime(adapter, pod)
        except (WakerError, aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            log.debug("a controller pod could not be primed", extra={"pod": pod.name, "error": str(error)})


def _tell(each: Watched, problem: str) -> None:
    """Say it when it changes, and only then."""
    if problem and problem != each.problem:
        log.warning("a controller pod's visitors are unknown", extra={"pod": each.pod.name, "why": problem})
    elif each.problem and not problem:
        log.info("a controller pod's visitors are known", extra={"pod": each.pod.name})
    each.problem = problem
