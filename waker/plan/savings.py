"""What sleep saves: what sleeping apps would have reserved, added up over time for each namespace.

No IO and no clock: `reconcile.report` says which apps sleep, and has it settled whenever something has changed and before
anybody reads. Amounts are of requests (`pod_requests`), so they say what was not reserved and not what was not used; what
waker's own pods reserve stands beside it. Everything is since this process began. The subtle thing: every replica adds up
all of it, for whoever asks that one; but only what passed while it held the Lease is `counted`, so that the metrics of all
replicas together are right.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from waker.plan.model import AppId
from waker.plan.pod_requests import PodRequests

HOURS: Final = 7 * 24  # of history


@dataclass(frozen=True, slots=True)
class Reserved:
    """Replicas, cores and bytes; or each of them times seconds."""

    replicas: float = 0.0
    cpu: float = 0.0
    memory: float = 0.0

    def __add__(self, other: "Reserved") -> "Reserved":
        return Reserved(self.replicas + other.replicas, self.cpu + other.cpu, self.memory + other.memory)

    def __sub__(self, other: "Reserved") -> "Reserved":
        return Reserved(self.replicas - other.replicas, self.cpu - other.cpu, self.memory - other.memory)

    def over(self, seconds: float) -> "Reserved":
        """So much for that long."""
        return Reserved(self.replicas * seconds, self.cpu * seconds, self.memory * seconds)


NOTHING: Final = Reserved()


@lru_cache(maxsize=256)
def reserved(replicas: int, each: PodRequests) -> Reserved:
    """By so many pods. Interned: a thousand apps have a few of them."""
    return Reserved(replicas, replicas * each.cpu, replicas * each.memory)


@dataclass(frozen=True, slots=True)
class SavedHour:
    """What was saved in one hour, all namespaces together."""

    began: datetime
    saved: Reserved


class Savings:
    """All apps. `since`: when this began to add up; None until it has been settled once."""

    def __init__(self) -> None:
        self.since: datetime | None = None
        self.own = NOTHING  # times seconds: of waker's own pods
        self.gone = NOTHING  # times seconds: saved in namespaces that have no app any more
        self._own_now = NOTHING
        self._asleep: dict[str, dict[AppId, Reserved]] = {}
        self._now: dict[str, Reserved] = {}  # by namespace: what its sleeping apps would reserve, added up
        self._all_now = NOTHING
        self._saved: dict[str, Reserved] = {}
        self._saved_until: dict[str, datetime] = {}  # by namespace: what passed later is not in `_saved` yet
        self._hours: deque[SavedHour] = deque(maxlen=HOURS)
        self._until: datetime | None = None
        self.leading = False  # since the last `settle`
        self._counted: dict[str, Reserved] = {}
        self._own_counted = NOTHING

    def of(self, app: AppId) -> Reserved | None:
        """What the app would reserve if it were awake; None: it does not sleep."""
        return self._asleep.get(app.namespace, {}).get(app)

    def set_asleep(self, app: AppId, would_reserve: Reserved | None, now: datetime) -> None:
        """From now on; None: it does not sleep any more. Costs the same however many others sleep."""
        self._pass_for_all(now)
        self._pass_in(app.namespace, now)
        apps = self._asleep.setdefault(app.namespace, {})
        change = (would_reserve or NOTHING) - apps.pop(app, NOTHING)
        if would_reserve is not None:
            apps[app] = would_reserve
        self._all_now += change
        self._now[app.namespace] = self._now.get(app.namespace, NOTHING) + change
        if not apps:
            del self._asleep[app.namespace], self._now[app.namespace]

    def sleeping(self) -> Mapping[str, int]:
        """How many apps sleep, by namespace."""
        return {namespace: len(apps) for namespace, apps in self._asleep.items()}

    def settle(self, now: datetime, own: Reserved, *, leading: bool) -> None:
        """Add up until now. `own`: what waker's own pods reserve. Time that the clock was set back counts for nothing."""
        self.since = self.since or now
        self._pass_for_all(now)
        for namespace in self._asleep:
            self._pass_in(namespace, now)
        self._all_now = sum(self._now.values(), NOTHING)  # so that nothing of what was rounded stays
        self.leading, self._own_now = leading, own

    def _pass_for_all(self, now: datetime) -> None:
        seconds = _seconds(self._until, now)
        self._note_hour(now, self._all_now.over(seconds))
        passed = self._own_now.over(seconds)
        self.own += passed
        self._own_counted += passed if self.leading else NOTHING
        self._until = now

    def _pass_in(self, namespace: str, now: datetime) -> None:
        passed = self._now.get(namespace, NOTHING).over(_seconds(self._saved_until.get(namespace), now))
        self._saved_until[namespace] = now
        if passed != NOTHING:
            self._saved[namespace] = self._saved.get(namespace, NOTHING) + passed
            if self.leading:
                self._counted[namespace] = self._counted.get(namespace, NOTHING) + passed

    def take_counted(self) -> tuple[dict[str, Reserved], Reserved]:
        """What has passed since this was last called while this replica held the Lease: saved, and waker's own."""
        found, own = self._counted, self._own_counted
        self._counted, self._own_counted = {}, NOTHING
        return found, own

    def saved(self) -> Mapping[str, Reserved]:
        """By namespace, as of the last `settle`."""
        return self._saved

    def hours(self) -> Iterator[SavedHour]:
        """The last week, hours in which nothing was saved included, oldest first."""
        return iter(self._hours)

    def forget_namespace(self, namespace: str) -> None:
        """It has no app any more: what was saved in it is only part of the whole from now on."""
        self.gone += self._saved.pop(namespace, NOTHING)
        for each in (self._counted, self._asleep, self._now, self._saved_until):
            each.pop(namespace, None)
        self._all_now = sum(self._now.values(), NOTHING)

    def _note_hour(self, now: datetime, saved: Reserved) -> None:
        began = now.replace(minute=0, second=0, microsecond=0)
        last = self._hours[-1] if self._hours else None
        if last and last.began >= began:
            self._hours[-1] = SavedHour(last.began, last.saved + saved)
            return
        while last and last.began + timedelta(hours=1) < began:
            if began - last.began > timedelta(hours=HOURS):
                self._hours.clear()
                break
            last = SavedHour(last.began + timedelta(hours=1), NOTHING)
            self._hours.append(last)
        self._hours.append(SavedHour(began, saved))


def _seconds(since: datetime | None, now: datetime) -> float:
    """That have passed; 0 if the clock was set back meanwhile."""
    return max((now - since).total_seconds(), 0.0) if since else 0.0
