"""waker's own ready pods, and at which doors each of them listens.

Which pods are ready is known from the slices of the Service `waker`. Up to which version of the book of doors a pod listens is
asked of the pod itself, on its private port, and remembered for as long as the pod stays ready. `reconcile.namespace` lists a
pod at a door only after it has said so. Before pods of an app go, all are asked what they still forward to it (`forwarding`).
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any, Final, NamedTuple

import aiohttp

from waker import names
from waker.cluster import manifests
from waker.cluster.informer import Informer
from waker.plan.doors import DoorBook
from waker.plan.model import Address

ASK_AGAIN: Final = (0.05, 5.0)  # seconds, doubled from the first to the second; listening takes milliseconds
TIMEOUT: Final = aiohttp.ClientTimeout(total=2, sock_connect=1)
DOORS_PATH: Final = "/doors"


class Slices(NamedTuple):
    """One slice of the Service `waker`: by port name, the addresses of replicas that are ready, and of those that leave."""

    ready: Mapping[str, tuple[Address, ...]]
    leaving: Mapping[str, tuple[Address, ...]]


def parse_slices(found: Mapping[str, Any]) -> Slices:
    """An EndpointSlice as JSON -> its addresses."""
    return Slices(manifests.endpoints(found), manifests.endpoints(found, ready=False, terminating=True))


class ListeningReport(NamedTuple):
    """What one replica says: it listens at all doors of this version of the book, but for those that failed."""

    version: str
    failed: frozenset[int] = frozenset()

    def covers(self, book: DoorBook) -> bool:
        """Whether it has seen this version. Versions of one object grow; what is no number can only be compared."""
        if self.version.isdigit() and book.version.isdigit():
            return int(self.version) >= int(book.version)
        return self.version == book.version


class ForwardingReport(NamedTuple):
    """What one replica says of an app: how many requests it forwards to it, whether more may begin, when it last did."""

    forwarding: int
    may_begin: bool
    carried: float | None  # seconds ago


class Carried(NamedTuple):
    """How long ago any replica has carried a request to an app, None if never; and one that does not say, "" if all do."""

    ago: timedelta | None
    silent: str = ""


class Replicas:
    """The replicas. `advertised`: the address of the only one, where it does not run in a pod; `own` is its report.

    `book` gives the book of doors, `on_report` hears that some replica has said something new.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        slices: Informer[Slices],
        own: Callable[[], Mapping[str, Any]],
        book: Callable[[], DoorBook],
        advertised: str = "",
    ) -> None:
        self._session = session
        self._slices = slices
        self._own = own
        self._book = book
        self._advertised = advertised
        self._reports: dict[Address, ListeningReport] = {}
        self._changed = asyncio.Event()

    def hosts(self) -> frozenset[str]:
        """The addresses of all ready replicas."""
        return frozenset({self._advertised} if self._advertised else {each.host for each in self._private_ports()})

    def reports(self) -> dict[str, ListeningReport | None]:
        """By host, what each ready replica has said of the doors at which it listens; None if nothing yet."""
        if self._advertised:
            return {self._advertised: _parsed(self._own())}
        return {each.host: self._reports.get(each) for each in self._private_ports()}

    def follow(self) -> None:
        """The book, the pods or the own listeners have changed."""
        self._changed.set()

    async def run(self, on_report: Callable[[], None]) -> None:
        """Ask each replica until it knows the book and has opened all doors, for ever. Nobody waits for it."""
        pause = ASK_AGAIN[0]
        known: dict[str, ListeningReport | None] = {}
        while True:
            self._changed.clear()
            unsure = self._unsure()
            for address, report in zip(unsure, await asyncio.gather(*map(self._ask, unsure)), strict=True):
                if report:
                    self._reports[address] = report
            if known != (known := self.reports()):
                on_report()
            pause = min(pause * 2, ASK_AGAIN[1]) if self._unsure() else ASK_AGAIN[0]
            try:
                async with asyncio.timeout(pause if self._unsure() else None):
                    await self._changed.wait()
                    pause = ASK_AGAIN[0]
            except TimeoutError:
                continue

    def _unsure(self) -> list[Address]:
        """Those that have not said yet that they know this version of the book, or that could not open a door."""
        ready, book = self._private_ports(), self._book()
        for gone in self._reports.keys() - ready:
            del self._reports[gone]
        known = {each: self._reports.get(each) for each in sorted(ready)}
        return [each for each, report in known.items() if not report or not report.covers(book) or report.failed]

    def _private_ports(self) -> set[Address]:
        if self._advertised:
            return set()
        return {address for each in self._slices.values() for address in each.ready.get(names.OWN_PRIVATE_PORT, ())}

    async def forwarding(self, door: int) -> int:
        """How many requests all replicas, this one and those that leave too, are forwarding to the app of a door.

        One that may begin with another at any moment, or does not say, counts as forwarding one.
        """
        return sum(each.forwarding + each.may_begin if each else 1 for each in (await self._ask_all(door)).values())

    async def carried(self, door: int) -> Carried:
        """When any of them has last carried a request to the app of a door."""
        answers = await self._ask_all(door)
        ago = [each.carried for each in answers.values() if each and each.carried is not None]
        silent = next((address.netloc for address, each in answers.items() if each is None), "")
        return Carried(timedelta(seconds=min(ago)) if ago else None, silent)

    async def _ask_all(self, door: int) -> dict[Address, ForwardingReport | None]:
        leaving = {
            address for each in self._slices.values() for address in each.leaving.get(names.OWN_PRIVATE_PORT, ())
        }
        asked = sorted(self._private_ports() | leaving)
        answers = await asyncio.gather(*(self._get(each, f"{DOORS_PATH}/{door}") for each in asked))
        return dict(zip(asked, map(_forwarding, answers), strict=True))

    async def _ask(self, address: Address) -> ListeningReport | None:
        return _parsed(await self._get(address, DOORS_PATH))

    async def _get(self, address: Address, path: str) -> object:
        """What a replica answers; None if it does not."""
        try:
            async with self._session.get(f"http://{address.netloc}{path}", timeout=TIMEOUT) as answer:
                return await answer.json()
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return None


def _forwarding(found: object) -> ForwardingReport | None:
    match found:
        case {"forwarding": int(count), "open": bool(may_begin), "carried": (None | int() | float()) as carried}:
            return ForwardingReport(count, may_begin, carried)
        case {"forwarding": int(count), "open": bool(may_begin), **others} if (
            not others
        ):  # of an older version of waker
            return ForwardingReport(count, may_begin, 0.0 if count else None)
    return None


def _parsed(found: object) -> ListeningReport | None:
    if not isinstance(found, Mapping) or not isinstance(found.get("version"), str):
        return None
    failed: Iterable[object] = found.get("failed") or ()
    return ListeningReport(found["version"], frozenset(each for each in failed if isinstance(each, int)))
