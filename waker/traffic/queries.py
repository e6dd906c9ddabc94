"""Apps that are in use as a query to Prometheus shows: a load balancer outside of the cluster, a mesh, whatever counts.

A query gives a number for one app: above 0 it is in use now. No data is no number, so it is unknown. Beside `scrape`, which
reads controllers; `visits` brings both together. Three rules:
- Unknown is a sentence, never a time. A gap between two answers may hide a visit, so after one the clock starts again.
- A namespace gets its share: one of its queries runs at a time, in each interval they may take SHARE together, and what fails
  is tried again later, however often its annotation changes. So what one tenant asks, edits, or makes slow, delays nobody else
  by more than that.
- An answer is about the past: what is shown late (`activity-delay`) is waited for before pods go.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from waker.errors import ScrapeError
from waker.plan.model import AppId
from waker.plan.snapshot import Certainty, Traffic
from waker.traffic.controller_pod import FRESH_INTERVALS
from waker.traffic.query_tries import QueryTries, QueryTry
from waker.traffic.scrape import jittered

log = logging.getLogger(__name__)

AT_ONCE: Final = 4  # namespaces whose queries run
SHARE: Final = 3.0  # seconds of an interval for the queries of one namespace; one that has begun may end
RETRY: Final = timedelta(minutes=1)  # after a query that failed
MOST_QUERIES: Final = 20  # of one app: one for each of its routes and spellings
NO_URL: Final = "a query shows whether it is used, and the setting prometheus-url is not set"

# The number that Prometheus answers; None for no data. Raises ScrapeError.
AskNumber = Callable[[str], Awaitable[float | None]]


@dataclass(frozen=True, slots=True)
class QueryDependencies:
    """The callables that `service` gives. `ask` gives None while no Prometheus is known; `delay`: how late activity shows."""

    clock: Callable[[], datetime]
    interval: Callable[[], timedelta]
    delay: Callable[[], timedelta]
    ask: Callable[[], AskNumber | None]
    on_visit: Callable[[AppId], None]
    on_known: Callable[[AppId], None]


@dataclass(slots=True)
class QueriedApp:
    """An app, and what is known of each of its queries."""

    queries: frozenset[str]
    visited_at: datetime | None = None
    lost: bool = False
    asked_at: dict[str, datetime] = field(default_factory=dict)  # when the last good answer was asked for
    problems: dict[str, str] = field(default_factory=dict)
    awaited: bool = False  # somebody waits until all is known


class ActivityQueries:
    """All apps with queries. One task runs it; everything else is a plain call on the same loop."""

    def __init__(self, dependencies: QueryDependencies) -> None:
        self._dependencies = dependencies
        self._apps: dict[AppId, QueriedApp] = {}
        self._tries = QueryTries()
        self._spent: dict[str, float] = {}  # seconds since the last full round, by namespace
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._new = asyncio.Event()

    def watch(self, app: AppId, queries: Collection[str]) -> None:
        """From now on, ask exactly these queries for an app; none: it needs no asking."""
        known = self._apps.get(app)
        if not queries:
            self._apps.pop(app, None)
        elif not known or known.queries != frozenset(queries):
            self._apps[app] = QueriedApp(frozenset(queries))
            self._tries.keep(app, queries)
            self._new.set()

    def traffic(self, app: AppId) -> Traffic | None:
        """When the app was last in use, and why that is unsure; None if no query is asked for it."""
        known = self._apps.get(app)
        return Traffic(known.visited_at, self._why_unknown(known), lost=known.lost) if known else None

    def certainty(self, app: AppId) -> Certainty:
        """How well that is known."""
        known = self._apps[app]
        asked = [known.asked_at[each] for each in known.queries if each in known.asked_at]
        return Certainty(min(asked, default=self._dependencies.clock()) - self._dependencies.delay())

    def await_known(self, app: AppId) -> None:
        """Have `on_known` called once, after the first round by which the activity of this app is known."""
        if app in self._apps:
            self._apps[app].awaited = True

    async def run(self) -> None:
        """Run rounds for ever, one an interval; what is new is asked at once."""
        loop = asyncio.get_running_loop()
        while True:
            self._new.clear()
            await self.round()
            until = loop.time() + jittered(self._dependencies.interval())
            while loop.time() < until and await self._new_before(until):
                await self.round(new_only=True)

    async def _new_before(self, until: float) -> bool:
        """Wait for something new. False if nothing comes until then, by the loop's clock."""
        try:
            async with asyncio.timeout_at(until):
                await self._new.wait()
        except TimeoutError:
            return False
        self._new.clear()
        return True

    async def round(self, *, new_only: bool = False) -> None:
        """Ask for all apps once, as far as their namespaces' shares reach; or for what has not been tried in this interval."""
        now = self._dependencies.clock()
        if not new_only:
            self._spent.clear()
            self._tries.forget(now - max(RETRY, self._dependencies.interval()), self._apps)
        ask = self._dependencies.ask()
        if ask:
            by_namespace: dict[str, list[tuple[AppId, str]]] = {}
            for app, known in self._apps.items():
                wanted = [(app, query) for query in known.queries if not (new_only and self._tried_lately(app, query))]
                if wanted:
                    by_namespace.setdefault(app.namespace, []).extend(wanted)
            await asyncio.gather(*(self._ask_all(ask, *each) for each in by_namespace.items()))
        for app, known in self._apps.items():
            if known.awaited and not self._why_unknown(known):
                known.awaited = False
                self._dependencies.on_known(app)

    async def _ask_all(self, ask: AskNumber, namespace: str, todo: list[tuple[AppId, str]]) -> None:
        """One namespace's, those that have waited longest first."""
        loop = asyncio.get_running_loop()
        for app, query in sorted(todo, key=self._tried):
            if self._spent.get(namespace, 0.0) >= SHARE:
                return
            if self._failed_lately(app, query):
                continue
            async with self._gate:
                began = loop.time()
                try:
                    await self._ask(ask, app, query)
                finally:
                    self._spent[namespace] = self._spent.get(namespace, 0.0) + loop.time() - began

    def _tried(self, each: tuple[AppId, str]) -> tuple[float, AppId, str]:
        last = self._tries.last(*each)
        return (last.at.timestamp() if last else 0.0, *each)

    def _tried_lately(self, app: AppId, query: str) -> bool:
        last = self._tries.last(app, query)
        return last is not None and self._dependencies.clock() < last.at + self._dependencies.interval()

    def _failed_lately(self, app: AppId, query: str) -> bool:
        last = self._tries.last(app, query)
        return last is not None and last.failed and self._dependencies.clock() < last.at + RETRY

    async def _ask(self, ask: AskNumber, app: AppId, query: str) -> None:
        asked_at, known = self._dependencies.clock(), self._apps.get(app)
        if not known or query not in known.queries:
            return
        self._tries.note(app, query, QueryTry(asked_at, failed=True))  # until it has been answered
        try:
            found = await ask(query)
        except ScrapeError as error:
            _note_problem(app, known, query, f"its activity {error}")
            return
        if found is None:
            nobody = "if that means that nobody is there, append `or vector(0)` to it"
            _note_problem(app, known, query, f"the query for its activity has no data; {nobody}")
            return
        self._tries.note(app, query, QueryTry(asked_at, failed=False))
        _note_problem(app, known, query, "")
        last, known.asked_at[query] = known.asked_at.get(query), asked_at
        lost = last is None or asked_at - last > self._fresh()
        if found > 0 or lost:
            known.visited_at, known.lost = self._dependencies.clock(), lost and found <= 0
            self._dependencies.on_visit(app)

    def _fresh(self) -> timedelta:
        return FRESH_INTERVALS * self._dependencies.interval()

    def _why_unknown(self, known: QueriedApp) -> str:
        if self._dependencies.ask() is None:
            return NO_URL
        until = self._dependencies.clock() - self._fresh()
        for query in sorted(known.queries):
            problem, asked_at = known.problems.get(query, ""), known.asked_at.get(query)
            if problem:
                return problem
            if asked_at is None:
                return "the query for its activity has not been answered yet"
            if asked_at < until:
                return (
                    "the query for its activity has not been answered lately: the queries of its namespace take too long; "
                    "make them simpler, or set a longer scrape-interval"
                )
        return ""


def _note_problem(app: AppId, known: QueriedApp, query: str, problem: str) -> None:
    """Remember the problem, and log it when it changes."""
    if problem and known.problems.get(query) != problem:
        log.warning("an app's activity is unknown", extra={"app": str(app), "why": problem})
    if problem:
        known.problems[query] = problem
    else:
        known.problems.pop(query, None)
