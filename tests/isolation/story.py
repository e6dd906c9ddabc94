"""What happens in each cluster, with the whole service at work.

B falls asleep. An old book of doors is put back while waker runs, and again while none does. Then B's visitors come.
"""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path

from tests.isolation.attacks import Attack
from tests.isolation.households import DOORS, HOSTS, NEVER
from tests.isolation.neighbourhood import BOOK, HELD, PATIENCE, Neighbourhood, Record, keep_objects, neighbourhood, put
from tests.isolation.visitors import WAIT_HOST, ask, ask_all, waking_requests
from tests.service.scene import MERGE, RunningWaker
from waker import names
from waker.demo import kinds
from waker.demo.faults import Fault, unavailable
from waker.demo.samples import READY_AFTER
from waker.plan.model import Phase
from waker.plan.times import format_time
from waker.settings.configmap import Live

LIVE = Live(
    idle_after=timedelta(days=1),
    scrape_interval=timedelta(milliseconds=100),
    wait_host=WAIT_HOST,
    page_after=timedelta(),  # how long a wake takes is chance, and whoever asks gets the page in any case
)
ASKED = ("shop", "wiki", "queue")  # to sleep
WOKEN = ("shop", "wiki")  # in the end
ENDED_EARLY = "the story ended early"


class Chapter(Enum):
    """The story after B has fallen asleep."""

    RESTORED = "an old book of doors is put back while waker runs"
    UNWATCHED = "an old book is put back while no waker runs"
    VISITED = "two apps are woken"


async def observe(folder: Path, attack: Attack | None, chapters: Collection[Chapter] = tuple(Chapter)) -> Record:
    """Play these chapters; what B and its visitors got, by what it is. A crash, or a B that does not get there, ends it."""
    try:
        async with neighbourhood(folder, attack) as hood:
            await play(hood, chapters)
            keep_objects(hood)
            return hood.record
    except Exception as error:
        return {ENDED_EARLY: repr(error)}


async def play(hood: Neighbourhood, chapters: Collection[Chapter]) -> None:
    """The story."""
    async with hood.it.waker(LIVE) as running:
        await fall_asleep(hood, running)
        if Chapter.RESTORED in chapters:
            await restore_the_book_under_it(hood, running)
        if Chapter.VISITED in chapters and Chapter.UNWATCHED not in chapters:
            await be_visited(hood)
    if Chapter.UNWATCHED in chapters:
        put_back_an_old_book(hood)
        async with hood.it.waker(LIVE) as running:
            await hood.follow_book()
            await hood.wait_for_pod("queue")
            await hood.ask_quietly("unwatched", running.settings.public_port)
            if Chapter.VISITED in chapters:
                await be_visited(hood)


async def fall_asleep(hood: Neighbourhood, running: RunningWaker) -> None:
    """Three apps are asked to, one is pinned asleep, and one of the three begins to wake and never gets ready."""
    await hood.until(lambda: len(hood.doors()) == len(DOORS))
    for name in ASKED:
        hood.change(name, {"metadata": {"annotations": {names.SLEEP_REQUESTED_AT: format_time(datetime.now(UTC))}}})
    await hood.until(lambda: all(map(hood.is_asleep, HELD)))
    await hood.until(lambda: any(reason == Phase.ASLEEP for reason, _ in hood.it.events("queue")))
    hood.change("queue", {"spec": {"template": {"metadata": {"annotations": {READY_AFTER: NEVER}}}}})
    await hood.follow_book()
    await ask(hood.doors()[DOORS["queue"]], waking_requests(HOSTS["queue"])["browser"])
    await hood.wait_for_pod("queue")
    forge(hood)
    with suppress(TimeoutError):  # what A has done to its own namespace may keep waker from correcting it
        await hood.it.cluster.until(lambda: not hood.forgeries(), PATIENCE / 20)
    await hood.ask_quietly("asleep", running.settings.public_port)


def forge(hood: Neighbourhood) -> None:
    """A lists B's numbers."""
    if hood.attack:
        put(hood.it, hood.attack.forged(hood.doors()))


def put_back_an_old_book(hood: Neighbourhood) -> None:
    """One that knows one of B's doors, and none of A's. At the same moment A lists B's numbers."""
    forge(hood)
    kept = {number for number, key in hood.book().doors.items() if key == DOORS["store"]}
    gone = {str(number): None for number in hood.book().doors.keys() - kept}
    hood.it.cluster.verbs.patch(kinds.CONFIG_MAPS, BOOK, MERGE, {"data": gone})


async def restore_the_book_under_it(hood: Neighbourhood, running: RunningWaker) -> None:
    """Somebody does while waker runs. A's forgeries stand for as long as the book cannot be written."""
    api = hood.it.cluster.api.faults
    api.order(Fault(refusal=unavailable(), resource="services", times=None))
    failing = api.order(Fault(refusal=unavailable(), verb="patch", name=names.DOORS_MAP))
    before = hood.doors()
    put_back_an_old_book(hood)
    await asyncio.wait_for(failing.reached.wait(), PATIENCE.total_seconds())
    await hood.until(lambda: len(hood.doors()) == len(DOORS))
    hood.note("restored: numbers", {"are as before": str(hood.doors() == before)})
    api.clear()
    await hood.follow_book()
    await hood.ask_quietly("restored", running.settings.public_port)


async def be_visited(hood: Neighbourhood) -> None:
    """Browsers and clients come to each door. Two apps wake up."""
    doors = hood.doors()
    for name in WOKEN:
        requests, port = waking_requests(HOSTS[name]), doors[DOORS[name]]
        for what in ("browser", "client"):
            hood.note(f"woken: {name}", {what: await ask(port, requests[what])})
        await hood.until(lambda name=name: hood.is_awake(name))  # type: ignore[misc]
    asked = {name: ask_all(doors[key], waking_requests(HOSTS[name])) for name, key in DOORS.items()}
    for name, answers in zip(asked, await asyncio.gather(*asked.values()), strict=True):
        hood.note(f"visited: {name}", answers)
