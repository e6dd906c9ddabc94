"""What the API server has refused, and when it is worth another try: for each app, and for each namespace of apps.

`reconcile` records what it met. An app whose sleep is refused stays awake, at its own address, and is tried ever more seldom:
where its routes have moved to waker and back each time, at most four times a day, as for any other try in vain;
what a visitor waits for is tried again soon (`reconcile.attempts`). `decide` and `waker explain` are told. Nothing is
remembered over a restart: the first try shows it again.
"""

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from waker.plan.actions import Action, Redirect, ScaleToZero
from waker.plan.model import AppId
from waker.plan.snapshot import Refusal
from waker.plan.turned_back import REPORTED, wait_after

FIRST_AGAIN: Final = timedelta(seconds=10)  # doubled with each refusal
LAST_AGAIN: Final = timedelta(minutes=10)
MOST_DOUBLED: Final = 10  # far more than the last wait needs


class _Refused(NamedTuple):
    refusal: Refusal
    times: int


class Refusals:
    """What is refused at this moment."""

    def __init__(self) -> None:
        self._apps: dict[AppId, dict[type, _Refused]] = {}  # by the type of the action
        self._namespaces: dict[str, str] = {}

    def refused(self, app: AppId, action: Action, why: str, now: datetime) -> None:
        """The API server has refused an action for this app."""
        known = self._apps.setdefault(app, {}).get(type(action))
        times = known.times + 1 if known else 1
        rare = times >= REPORTED and _moves_to_and_fro(action)
        wait = wait_after(times) if rare else min(FIRST_AGAIN * 2 ** min(times - 1, MOST_DOUBLED), LAST_AGAIN)
        self._apps[app][type(action)] = _Refused(Refusal(why, now, now + wait), times)

    def accepted(self, app: AppId, action: Action) -> None:
        """The API server has taken an action for this app."""
        here = self._apps.get(app)
        if here and here.pop(type(action), None) and not here:
            del self._apps[app]

    def of(self, app: AppId) -> Refusal | None:
        """What is refused for this app; the one that is tried last."""
        here = self._apps.get(app, {})
        return max((each.refusal for each in here.values()), key=lambda each: each.again_at, default=None)

    def forget(self, app: AppId) -> None:
        """The app is not waker's business any more."""
        self._apps.pop(app, None)

    def in_namespace(self, namespace: str) -> str:
        """Why the API server does not take what waker wants in a namespace of apps; "" if it does."""
        return self._namespaces.get(namespace, "")

    def set_namespace(self, namespace: str, why: str) -> bool:
        """Whether that is news."""
        if self._namespaces.get(namespace, "") == why:
            return False
        self._namespaces[namespace] = why
        if not why:
            del self._namespaces[namespace]
        return True


def _moves_to_and_fro(action: Action) -> bool:
    """Whether routes have moved by the time that it is refused, so that they go back: all of them, or those of one object."""
    if isinstance(action, Redirect):
        return len({route.id.object for route in action.routes}) > 1
    return isinstance(action, ScaleToZero)
