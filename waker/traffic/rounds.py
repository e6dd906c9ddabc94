"""One round of scrapes: every controller pod is read once, from the pod itself or all at once from Prometheus.

Called by `scrape`, which draws the conclusions; here nobody knows what a visit is. A pod that takes longer than an
interval does not hold up the others: its scrape goes on in the background, and the next round does not start a second one.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import aiohttp

from waker.errors import ScrapeError, WakerError
from waker.traffic.controller_pod import ControllerPod
from waker.traffic.controllers import Adapter, SeriesKey
from waker.traffic.dependencies import AskPrometheus, ScraperDependencies
from waker.traffic.fetch import fetch
from waker.traffic.ledger import Scrape
from waker.traffic.own_traffic import LINGERS, OwnTraffic
from waker.traffic.scraped_controller import ScrapedController
from waker.traffic.targets import PrometheusSample

log = logging.getLogger(__name__)

AGAIN: Final = 3  # times a page is read again that may show a request of waker's own as open
AT_ONCE: Final = 4  # scrapes; each holds one chunk. More than one, so that a pod that hangs does not stop the others

ControllerKeys = tuple[ScrapedController, frozenset[SeriesKey]]

# Called with each complete scrape: whose it is, and when it was asked for.
ScrapeReceiver = Callable[[ScrapedController, ControllerPod, Scrape, datetime], None]


class ScrapeRounds:
    """Reads all pods of all controllers, and hands each complete scrape to `receive` as soon as it is there."""

    def __init__(
        self, session: aiohttp.ClientSession, dependencies: ScraperDependencies, receive: ScrapeReceiver
    ) -> None:
        self._session = session
        self._dependencies = dependencies
        self._receive = receive
        self.own = OwnTraffic()
        self._gate = asyncio.Semaphore(AT_ONCE)
        # By the pod's uid; by the controller's name when Prometheus is asked for all of its pods.
        self._running: dict[str, asyncio.Task[None]] = {}

    async def round(self, wanted: Sequence[ControllerKeys]) -> None:
        """Read every pod of these controllers for these series. Returns after one interval at the latest."""
        for controller, _ in wanted:
            controller.ignore_after = self._dependencies.ignore_after(controller.adapter.controller)
        started = [task for controller, keys in wanted for task in self._start_missing(controller, keys)]
        await self._finish(started, self._dependencies.interval())
        self._dependencies.on_round([controller for controller, _ in wanted])

    async def read(self, wanted: Iterable[ControllerKeys], pods: frozenset[str], within: timedelta) -> None:
        """Read these pods outside the rounds. Not through Prometheus, which knows nothing newer than it did."""
        if self._dependencies.prometheus():
            return
        started = [task for controller, keys in wanted for task in self._start_missing(controller, keys, pods)]
        await self._finish(started, within)

    async def _finish(self, tasks: Sequence[asyncio.Task[None]], within: timedelta) -> None:
        """Wait for these scrapes, and take note of all that have ended."""
        if tasks:
            await asyncio.wait(tasks, timeout=within.total_seconds())
        ended = [name for name, task in self._running.items() if task.done()]
        for task in [self._running.pop(name) for name in ended]:
            task.result()  # an unexpected error ends the process

    def stop(self) -> None:
        """Cancel the scrapes that are still running."""
        for task in self._running.values():
            task.cancel()

    def _start_missing(
        self, controller: ScrapedController, keys: frozenset[SeriesKey], pods: frozenset[str] | None = None
    ) -> list[asyncio.Task[None]]:
        """Start the scrapes of this controller, of all its pods or of these, that do not run yet. Returns all of them."""
        if ask := self._dependencies.prometheus():
            scrapes = {controller.adapter.controller: partial(self._query, ask, controller, keys)}
        else:
            scrapes = {
                uid: partial(self._read, controller, each, keys)
                for uid, each in controller.pods.items()
                if pods is None or uid in pods
            }
        for name, scrape in scrapes.items():
            if name not in self._running:
                self._running[name] = asyncio.create_task(scrape())
        return [self._running[name] for name in scrapes]

    async def _read(self, controller: ScrapedController, source: ControllerPod, keys: frozenset[SeriesKey]) -> None:
        wanted_at = self._dependencies.clock()
        async with self._gate:
            try:
                scrape, asked_at = await self._fetch(controller.adapter, source, keys | source.names.keys)
            except ScrapeError as error:
                self._fail(controller, source, str(error))
                return
            source.last_asked_at = source.asked_at
            source.asked_at, source.read_at = asked_at, self._dependencies.clock()
            source.took = source.read_at - wanted_at
            if controller.pods.get(source.pod.uid) is not source:
                return  # the pod went away meanwhile
            await self._accept(controller, source, scrape, asked_at)

    async def _fetch(
        self, adapter: Adapter, source: ControllerPod, wanted: frozenset[SeriesKey]
    ) -> tuple[Scrape, datetime]:
        """A scrape, and when it was asked for. Requests of waker's own that it may show are answered by then, or not open."""
        uid, again = source.pod.uid, AGAIN
        while True:
            asked_at = self._dependencies.clock()
            with self.own.reading(uid) as own:
                scrape, source.size = await fetch(self._session, adapter, source.pod, wanted, source.size)
            await self.own.answered(uid)
            if not again or scrape.open.isdisjoint(own):
                return scrape, asked_at
            again -= 1
            await asyncio.sleep(LINGERS)

    async def _query(self, ask: AskPrometheus, controller: ScrapedController, keys: frozenset[SeriesKey]) -> None:
        sources = list(controller.pods.values())
        async with self._gate:
            asked_at = self._dependencies.clock()
            try:
                wanted = keys.union(*(each.names.keys for each in sources))
                samples = await ask(controller.adapter, [each.pod for each in sources], wanted)
            except ScrapeError as error:
                for each in sources:
                    self._fail(controller, each, str(error))
                return
            for each in (each for each in sources if controller.pods.get(each.pod.uid) is each):
                await self._accept_sample(controller, each, samples.get(each.pod.uid), asked_at)

    async def _accept_sample(
        self,
        controller: ScrapedController,
        source: ControllerPod,
        sample: PrometheusSample | None,
        asked_at: datetime,
    ) -> None:
        """One pod's part of Prometheus's answer. A sample older than waker's knowledge of the pod may be another pod's."""
        problem = source.why_not_sampled(sample, asked_at, controller.adapter, self._dependencies.interval())
        if problem or not sample:
            self._fail(controller, source, problem)
            if not sample:
                await self._prime(controller.adapter, source)
        elif sample.sampled_at > source.sampled_at:
            source.sampled_at, source.last_asked_at = sample.sampled_at, source.asked_at
            source.asked_at = source.read_at = asked_at - timedelta(seconds=sample.age)
            await self._accept(controller, source, sample.scrape, source.asked_at)

    def _fail(self, controller: ScrapedController, source: ControllerPod, problem: str) -> None:
        self._dependencies.on_scrape(controller.adapter.controller, None)
        _note_problem(source, problem)

    async def _accept(
        self, controller: ScrapedController, source: ControllerPod, scrape: Scrape, asked_at: datetime
    ) -> None:
        adapter = controller.adapter
        self._dependencies.on_scrape(adapter.controller, source.read_at)
        self._receive(controller, source, scrape, asked_at)
        source.names.scraped(scrape, asked_at)
        source.counted_at = source.read_at if scrape.proven else source.counted_at
        _note_problem(source, "" if scrape.proven else f"shows no {adapter.proof} yet; if that stays, {adapter.enable}")
        if not scrape.proven or (source.names.wants_proof(asked_at) and not adapter.lists_all):
            await self._prime(adapter, source)

    async def _prime(self, adapter: Adapter, source: ControllerPod) -> None:
        pod = source.pod
        try:
            primed = await self._dependencies.prime(adapter, pod, source.names.namespace)
            source.names.asked(primed, self._dependencies.clock())
        except (WakerError, aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            log.debug("a controller pod could not be primed", extra={"pod": pod.name, "error": str(error)})


def _note_problem(source: ControllerPod, problem: str) -> None:
    """Remember the problem, and log it when it changes."""
    if problem and problem != source.problem:
        log.warning("a controller pod's visitors are unknown", extra={"pod": source.pod.name, "why": problem})
    elif source.problem and not problem:
        log.info("a controller pod's visitors are known", extra={"pod": source.pod.name})
    source.problem = problem
