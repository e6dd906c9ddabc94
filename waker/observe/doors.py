"""The ConfigMap `kubesleeper-doors`, followed: the book of all doors, as it stands in the cluster.

Every replica follows it and listens at each door (`web.doors`); only the holder of the Lease writes it (`reconcile.doors`).
`on_change` is called with the keys of all doors that have another number now. The subtle things: if the ConfigMap is deleted,
the last book stays in force until the holder of the Lease has written it again. If somebody restores an old one, numbers that
it has forgotten stay with the doors they were for, until they are another's; and an entry that gives away the number of a
door that is still wanted counts for nothing.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import replace
from datetime import datetime
from typing import Any

from waker import names
from waker.cluster.client import Api
from waker.cluster.informer import Informer, Source
from waker.cluster.resources import CONFIG_MAPS
from waker.plan.doors import DoorBook, DoorKey, book_of, port_name, remembering
from waker.plan.model import AppId
from waker.plan.routes.route import Backend

log = logging.getLogger(__name__)


class Doors:
    """The book, as last seen. `lost`: there is no such ConfigMap now."""

    def __init__(
        self,
        api: Api,
        namespace: str,
        on_change: Callable[[Iterable[DoorKey]], None],
        is_wanted: Callable[[DoorKey], bool],
        clock: Callable[[], datetime],
    ) -> None:
        self.book = DoorBook()
        self.lost = True
        self.unsettled: set[DoorKey] = set()  # somebody wants them otherwise, or they have changed
        self._names: dict[str, DoorKey] | None = None
        self._on_change = on_change
        self._is_wanted = is_wanted
        source = Source(CONFIG_MAPS.collection(namespace), {"fieldSelector": f"metadata.name={names.DOORS_MAP}"})
        self.informer: Informer[DoorBook] = Informer(api, source, _book, self._book_changed, clock)

    def number(self, app: AppId, backend: Backend) -> int:
        """The door of an app's backend, 0 if it has none yet."""
        return self.book.number(app, backend)

    def at(self, number: int) -> DoorKey | None:
        """Whose door a port of waker is."""
        return self.book.at(number)

    def named(self, name: str) -> DoorKey | None:
        """The door whose port has this name. The names are put together when the first one is asked for."""
        if self._names is None:
            self._names = {port_name(key): key for key in self.book.doors.values()}
        return self._names.get(name)

    def dispute(self, numbers: Set[int]) -> None:
        """Several namespaces list these numbers: if one lets go of one, that does not make it the other's."""
        if not numbers <= self.book.disputed:
            self.book = replace(self.book, disputed=self.book.disputed | numbers)

    def _book_changed(self, _old: DoorBook | None, new: DoorBook | None) -> None:
        self.lost = new is None
        if new is None:
            log.warning("the ConfigMap %s is gone; it will be written again", names.DOORS_MAP)
            self._on_change(())
            return
        old, self.book, self._names = self.book, remembering(self.book, new, self._is_wanted), None
        if self.book.unreadable:
            log.warning(
                "%s: entries that are unreadable, or give away the number of a door that is in use, are dropped: %s",
                names.DOORS_MAP,
                ", ".join(self.book.unreadable[:5]),
            )
        changed = {key for _, key in old.doors.items() ^ self.book.doors.items()}
        self.unsettled |= changed
        self._on_change(changed)


def _book(found: Mapping[str, Any]) -> DoorBook:
    return book_of(found["metadata"]["resourceVersion"], found.get("data") or {})
