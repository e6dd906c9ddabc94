"""Which doors answer: those to which a route leads, and for a while those to which none leads any more.

A controller may go on sending requests to a door long after the route was given back. So a door stays open until the way back
was proved, which means that no controller pod sends requests there any more, and for five minutes more, for connections
that were made before. Pure memory: `registry` keeps it up to date, `reconcile.gather` proves the way back.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from waker.plan.model import AppId
from waker.plan.routes.route import Backend, Route, is_held

OPEN_AFTER: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class ClosingDoors:
    """Doors of one app to which no route leads since `since`. `proved_at`: when no controller pod sent anybody there."""

    backends: frozenset[Backend]
    since: datetime
    proved_at: datetime | None = None


class OpenDoors:
    """The doors of all apps. `clock` gives the time; `on_change` hears of an app that has other closing doors than before."""

    def __init__(self, clock: Callable[[], datetime], on_change: Callable[[AppId], None] = lambda app: None) -> None:
        self._clock = clock
        self._on_change = on_change
        self._closing: dict[AppId, ClosingDoors] = {}

    def routes_published(self, app: AppId, old: Collection[Route] | None, new: Collection[Route]) -> None:
        """An app's routes now, and what they were; None if the app is new here: then a route may just have been given back."""
        held = _held(new)
        if old is None:
            left = frozenset(route.backend for route in new) - held
            self._set(app, ClosingDoors(left, self._clock(), self._clock()))
            return
        closing = self._closing.get(app)
        before = closing.backends if closing else frozenset()
        if _held(old) - held:
            self._set(app, ClosingDoors((before | _held(old)) - held, self._clock()))
        elif closing and before & held:
            self._set(app, replace(closing, backends=before - held))

    def reopen(self, app: AppId, backend: Backend) -> None:
        """The API has shown a route that leads there; our own informer has not, yet."""
        closing = self._closing.get(app)
        self._set(app, ClosingDoors((closing.backends if closing else frozenset()) | {backend}, self._clock()))

    def unproved_since(self, app: AppId) -> datetime | None:
        """Since when routes of the app have been given back without a proof that every controller pod follows."""
        closing = self._closing.get(app)
        return closing.since if closing and closing.proved_at is None else None

    def way_back_proved(self, app: AppId) -> None:
        """No controller pod sends anybody to the app's closing doors any more."""
        if app in self._closing:
            self._closing[app] = replace(self._closing[app], proved_at=self._clock())

    def closing(self, app: AppId) -> frozenset[Backend]:
        """The backends whose doors are open though no route leads there."""
        closing = self._closing.get(app)
        if closing and closing.proved_at and self._clock() - closing.proved_at > OPEN_AFTER:
            del self._closing[app]
            return frozenset()
        return closing.backends if closing else frozenset()

    def is_open(self, app: AppId, backend: Backend, routes: Collection[Route]) -> bool:
        """Whether the door answers."""
        return backend in _held(routes) or backend in self.closing(app)

    def forget(self, app: AppId) -> None:
        """The app is not waker's business any more."""
        self._closing.pop(app, None)

    def _set(self, app: AppId, closing: ClosingDoors) -> None:
        before = self._closing.pop(app, None)
        if closing.backends:
            self._closing[app] = closing
        if closing.backends != (before.backends if before else frozenset()):
            self._on_change(app)


def _held(routes: Collection[Route]) -> frozenset[Backend]:
    return frozenset(route.backend for route in routes if is_held(route))
