"""The visitors of one app: busy, single and absent in turn, each request through a random pod of a random controller.

Single requests that come about idle-after apart are the hard ones: each may be the one that a sleep overlooks. A visitor
who is held does not keep the next one from coming.
"""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from bench.soak import stage
from bench.soak.oracle import SoakVisit
from tests.e2e import load
from tests.e2e.entry_points import EntryPoint
from tests.e2e.load import LoadAnswer, Request, Who

PATIENCE = 15.0  # seconds; more than hold-for
AGAIN = 0.5  # seconds between two polls of the waiting page
FOR_LONG = 40.0  # seconds after which a visitor gives up the waiting page; a fault may last


class VisitorMood(NamedTuple):
    """How visitors come: the pauses between them and how long the mood lasts, both in idle periods."""

    pause: tuple[float, float]
    length: tuple[float, float]
    weight: int


MOODS = (
    VisitorMood((0.02, 0.3), (1.0, 3.0), 3),  # busy
    VisitorMood((0.6, 1.7), (3.0, 8.0), 4),  # single ones, just before or after the app would sleep
    VisitorMood((2.5, 5.0), (2.0, 4.0), 2),  # hardly any
)


@dataclass(slots=True)
class Visitors:
    """The visitors of one app. `entries` are the controllers' ready pods; `hosts` has the app's host at each class."""

    app: str
    hosts: dict[str, str]  # ingress class -> host
    idle: float  # seconds
    entries: Callable[[], Sequence[EntryPoint]]
    dice: random.Random
    visits: list[SoakVisit] = field(default_factory=list)

    async def come(self, until: float) -> None:
        """Visit the app until that time of `time.monotonic()`."""
        async with asyncio.TaskGroup() as group:
            while time.monotonic() < until:
                mood = self.dice.choices(MOODS, [each.weight for each in MOODS])[0]
                stays = time.monotonic() + self.idle * self.dice.uniform(*mood.length)
                favourite = self.dice.random() < 0.5  # all through one pod, like one visitor's open connection
                chosen = self._any_entry()
                while time.monotonic() < min(stays, until):
                    entry = chosen if favourite and chosen in self.entries() else self._any_entry()
                    if entry:
                        group.create_task(self._visit(entry, until))
                    await asyncio.sleep(self.idle * self.dice.uniform(*mood.pause))

    def _any_entry(self) -> EntryPoint | None:
        found = [each for each in self.entries() if each.controller.ingress_class in self.hosts]
        return self.dice.choice(found) if found else None

    async def _visit(self, entry: EntryPoint, until: float) -> None:
        """A browser that polls while it sees the waiting page, or a program that asks again after a 503."""
        host = self.hosts[entry.controller.ingress_class]
        request = self.dice.choice((load.browser, load.curl))(host, self.app)
        again = load.poll(request) if request.label == "browser" else request
        leaves = min(time.monotonic() + FOR_LONG, until)
        seen = await self._ask(entry, request)
        while seen.who is Who.WAKER and time.monotonic() < leaves:
            await asyncio.sleep(AGAIN)
            seen = await self._ask(self._any_entry() or entry, again)  # as a load balancer might choose
        if _go(seen):
            await self._ask(self._any_entry() or entry, request)  # the page loads itself again

    async def _ask(self, entry: EntryPoint, request: Request) -> LoadAnswer:
        towards = replace(request, host=self.hosts[entry.controller.ingress_class])
        answer = await load.ask(entry.address, towards, PATIENCE)
        is_its_own = answer.who is not Who.WAKER or answer.label != "browser" or stage.title(self.app) in answer.body
        failed = "" if (answer.expected and is_its_own) or _go(answer) else f"{answer.kind} {answer.body[:60]!r}"
        self.visits.append(SoakVisit(self.app, entry.name, answer.began, answer.ended, answer.who is Who.APP, failed))
        return answer


def _go(answer: LoadAnswer) -> bool:
    """Whether waker answered a poll that the app can be loaded."""
    return answer.label == "poll" and answer.status == 204
