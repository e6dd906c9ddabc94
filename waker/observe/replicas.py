"""waker's own ready pods, and at which doors each of them listens.

Which pods are ready is known from the slices of the Service `waker`. Up to which version of the book of doors a pod listens is
asked of the pod itself, on its private port, and remembered for as long as the pod stays ready. `reconcile.namespace` lists a
pod at a door only after it has said so.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

import aiohttp

from waker import names
from waker.cluster.informer import Informer
from waker.plan.doors import DoorBook
from waker.plan.model import Address

TIMEOUT: Final = aiohttp.ClientTimeout(total=2, sock_connect=1)
DOORS_PATH: Final = "/doors"

Slices = Mapping[str, tuple[Address, ...]]  # ready addresses by port name


class ListeningReport(NamedTuple):
    """What one replica says: it listens at all doors of this version of the book, but for those that failed."""

    version: str
    failed: frozenset[int] = frozenset()

    def covers(self, book: DoorBook) -> bool:
        """Whether it has seen this version. Versions of one object grow; what is no number can only be compared."""
        if self.version.isdigit() and book.version.isdigit():
            return int(self.version) >= int(book.version)
        return self.version == book.version


class Replicas:
    """The replicas. `advertised`: the address of the only one, where it does not run in a pod; `own` is its report."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        slices: Informer[Slices],
        own: Callable[[], Mapping[str, Any]],
        advertised: str = "",
    ) -> None:
        self._session = session
        self._slices = slices
        self._own = own
        self._advertised = advertised
        self._reports: dict[Address, ListeningReport] = {}
        self._asking = asyncio.Lock()

    def hosts(self) -> frozenset[str]:
        """The addresses of all ready replicas."""
        return frozenset({self._advertised} if self._advertised else {each.host for each in self._private_ports()})

    def reports(self) -> dict[str, ListeningReport | None]:
        """By host, what each ready replica has said of the doors at which it listens; None if nothing yet."""
        if self._advertised:
            return {self._advertised: _parsed(self._own())}
        return {each.host: self._reports.get(each) for each in self._private_ports()}

    async def ask(self, book: DoorBook) -> None:
        """Ask each ready replica that does not know this version of the book yet, or could not open a door. Never raises."""
        async with self._asking:
            ready = self._private_ports()
            for gone in self._reports.keys() - ready:
                del self._reports[gone]
            unsure = [each for each in ready if not self._is_sure(each, book)]
            for address, report in zip(unsure, await asyncio.gather(*map(self._ask_one, unsure)), strict=True):
                if report:
                    self._reports[address] = report

    def _is_sure(self, address: Address, book: DoorBook) -> bool:
        report = self._reports.get(address)
        return report is not None and report.covers(book) and not report.failed

    def _private_ports(self) -> set[Address]:
        if self._advertised:
            return set()
        return {address for each in self._slices.values() for address in each.get(names.OWN_PRIVATE_PORT, ())}

    async def _ask_one(self, address: Address) -> ListeningReport | None:
        try:
            async with self._session.get(f"http://{address.netloc}{DOORS_PATH}", timeout=TIMEOUT) as answer:
                return _parsed(await answer.json())
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return None


def _parsed(found: object) -> ListeningReport | None:
    if not isinstance(found, Mapping) or not isinstance(found.get("version"), str):
        return None
    failed: Iterable[object] = found.get("failed") or ()
    return ListeningReport(found["version"], frozenset(each for each in failed if isinstance(each, int)))
