"""What is known of one ingress controller: its pods, when each was read last, and why that is not enough.

No IO and no clock: `rounds` notes what it has read, `scrape` and `explain` ask what is unknown. The answer is all or
nothing: a single pod that cannot be read may be the one that visitors use, so it makes the whole controller unknown.
Every reason is a sentence for people.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from waker.plan.model import LONG_AGO, Pod
from waker.settings.durations import format_duration
from waker.traffic.controller_pod import CLOCKS, FRESH_INTERVALS, ControllerPod, counting_container
from waker.traffic.controllers import Adapter, SeriesKey
from waker.traffic.ledger import Ledger, Scrape
from waker.traffic.unknown_causes import UnknownCause

SLOWEST: Final = timedelta(minutes=3)  # a pod that takes longer to be read is late
SETTLES: Final = timedelta(seconds=5)  # after a controller's known lag
DAY: Final = timedelta(days=1)
MOST_MOVES: Final = 100  # that are remembered
MOST_LOSSES: Final = 1_000  # that are remembered


@dataclass(slots=True)
class ScrapedController:
    """A controller that counts visits of at least one watched app.

    `baselined`: all its pods have been read once, so a pod that appears from now on counts from 0. `moves`: when waker moved
    routes of it, the last times. `ignore_after`: the user ignores a pod that has not been read for so long, while others are;
    None: it makes the controller unknown for ever.
    """

    adapter: Adapter
    baselined: bool = False
    ignore_after: timedelta | None = None
    pods: dict[str, ControllerPod] = field(default_factory=dict)
    ledger: Ledger = field(default_factory=Ledger)
    slowest: timedelta = timedelta()  # how long it took until all its pods were read
    moves: deque[datetime] = field(default_factory=lambda: deque(maxlen=MOST_MOVES))
    losses: deque[tuple[datetime, str]] = field(default_factory=lambda: deque(maxlen=MOST_LOSSES))  # and of which pod

    def update(self, pods: Iterable[Pod], now: datetime) -> list[str]:
        """Take over the controller's present pods. Returns for each that may have lost visits what happened to it.

        These are pods that are gone, and pods whose container ended or restarted: their counters begin at 0 again.
        """
        self.slowest = max((each.took for each in self.pods.values()), default=timedelta())
        present = {pod.uid: pod for pod in pods if pod.address}
        lost = []
        for uid in self.pods.keys() - present.keys():
            gone = self.pods.pop(uid)
            self.ledger.forget(uid)
            if gone.may_have_lost(self.adapter, now):
                lost.append(self.lost(gone.pod, "went away", now))
        for uid, pod in present.items():
            known = self.pods.get(uid)
            if known is None:
                known = self.pods[uid] = ControllerPod(pod, now, not self.baselined or pod.terminating)
                if self.baselined and pod.ready_after is not None and pod.restarts > pod.ready_after:
                    known.ready_after = pod.ready_after
                    lost.append(self.lost(pod, "served and began again before it was read", now))
            last = self.ledger.last(uid)
            process = self.adapter.process
            shows_start = bool(process and process.sign > 0 and last and last.started is not None)
            restarts = counting_container(known.pod, self.adapter).restarts
            if known.renew(pod, self.adapter, now, shows_start=shows_start):
                lost.append(self.lost(pod, "began again", now))
            if counting_container(pod, self.adapter).restarts > restarts and not shows_start:
                self.ledger.restart(uid)
        return lost

    def lost(self, pod: Pod, what: str, now: datetime) -> str:
        """Note that visits may have gone uncounted at a pod. Returns a sentence for people."""
        self.losses.append((now, pod.name))
        day = sum(1 for at, name in self.losses if name == pod.name and at > now - DAY)
        often = f", {day} times in 24 h" if day > 1 else ""
        return f"visits may have been lost: {self.adapter.title} pod {pod.name} {what}{often}"

    def reloads_now(self, now: datetime) -> bool:
        """Whether one of its pods may be about to reload because of a move: what that pod counts until then is lost."""
        return self.adapter.reloads_on_move and any(
            each.may_serve(self.adapter, now) and self._awaited(each, now) for each in self.pods.values()
        )

    def _awaited(self, each: ControllerPod, now: datetime) -> datetime | None:
        """The oldest move that this pod may yet reload for."""
        since = max(each.reloaded_for or LONG_AGO, now - self.adapter.lag - SETTLES)
        return next((at for at in self.moves if at > since), None)

    def follows_a_move(self, since: datetime, until: datetime) -> bool:
        """Whether what happened between these times may have come of a move of waker's own."""
        late = self.adapter.lag + SETTLES
        return any(at - CLOCKS <= until and since <= at + late for at in self.moves)

    def note_reload(self, of: ControllerPod, now: datetime) -> None:
        """This pod has begun to count anew since the scrape before, which was asked for at `last_asked_at`.

        One reload ends the wait for one move, the oldest, and only if it was made before that scrape. Several moves may share
        a reload, so the pod may be awaited for longer than needed.
        """
        move = self._awaited(of, now)
        if move and of.last_asked_at and move < of.last_asked_at:
            of.reloaded_for = move

    def not_asked_since(self, at: datetime) -> list[str]:
        """The pods, by uid, whose last complete scrape is older."""
        return [uid for uid, each in self.pods.items() if not each.asked_at or each.asked_at < at]

    def urgent(self, now: datetime) -> frozenset[str]:
        """The pods, by uid, that should be read at once and again and again: so what is lost is seconds."""
        moved = self.adapter.reloads_on_move and self.follows_a_move(now, now)
        return frozenset(
            uid
            for uid, each in self.pods.items()
            if each.is_urgent(self.adapter, now) or (moved and each.may_serve(self.adapter, now))
        )

    def why_unknown(self, now: datetime, interval: timedelta) -> str:
        """The first reason why visits may be unknown, "" if all are known."""
        return next(self.unknowns(now, interval), "")

    def unknown_cause(self, now: datetime, interval: timedelta) -> UnknownCause:
        """The same in one word, of an app that is unknown: if all pods are read, they do not show that app."""
        if self.why_unknown(now, interval):
            return UnknownCause.POD_UNREAD if self.pods else UnknownCause.NO_PODS
        return UnknownCause.NOT_LISTED

    def unknowns(self, now: datetime, interval: timedelta) -> Iterator[str]:
        """Every reason why visits may be unknown, a sentence each."""
        title = self.adapter.title
        if not self.pods:
            labels = " or ".join(map(str, self.adapter.selectors))
            elsewhere = "if its pods have others, or are elsewhere, set controller.CLASS.selector and namespace"
            fix = self.adapter.instead or elsewhere
            yield f"no pod of {title} has the labels {labels}; {fix}"
        elif not any(each.may_serve(self.adapter, now) for each in self.pods.values()):
            yield f"no pod of {title} serves now, so nobody can tell who will be visited when one does"
        takes = f", as reading all {len(self.pods)} pods takes {format_duration(self.slowest)}"
        why = takes if self.slowest > interval else ""
        late = f"has not been read lately{why}; if that stays, set a longer scrape-interval"
        for each, _ in self._serving(now):
            if not self.is_read(each, now, interval):
                yield f"{title} pod {each.pod.namespace}/{each.pod.name} {each.problem or late}{each.excuse()}"

    def is_read(self, each: ControllerPod, now: datetime, interval: timedelta) -> bool:
        """Whether the visits that this pod counts are known."""
        scrape = self.ledger.last(each.pod.uid)
        patience = FRESH_INTERVALS * max(interval, min(self.slowest, SLOWEST))
        fresh = each.read_at is not None and each.read_at >= now - patience
        return fresh and scrape is not None and scrape.proven

    def ignored(self, now: datetime) -> frozenset[str]:
        """The uids of the pods that the user ignores, see `ignore_after`. None is, where that would leave nobody to count."""
        if self.ignore_after is None:
            return frozenset()
        serving = {uid: each for uid, each in self.pods.items() if each.may_serve(self.adapter, now)}
        late = frozenset(uid for uid, each in serving.items() if each.unread_since + self.ignore_after <= now)
        return late if late < serving.keys() else frozenset()

    def why_not_listed(self, keys: Sequence[SeriesKey], now: datetime) -> str:
        """Why the last scrapes say nothing about this series, "" if they do. `keys`: all its spellings."""
        name, title = "/".join(keys[0]), self.adapter.title
        for each, scrape in self._serving(now):
            pod = f"{title} pod {each.pod.namespace}/{each.pod.name}"
            if scrape and not scrape.keys.issuperset(keys):
                return f"{pod} has not been read for {name} yet"
            odd = next((scrape.strange[key] for key in keys if key in scrape.strange), "") if scrape else ""
            if odd:
                return f"{pod} {odd}"
            if scrape and self.adapter.lists_all and each.pod.ready and not has_any(scrape, keys):
                return f"{pod} does not list {name}; check that {title} serves this route"
        if any(scrape and has_any(scrape, keys) for _, scrape in self._serving(now)):
            return ""
        provable = not any(map(self.adapter.unproved, keys))
        for each, _ in self._serving(now):
            pod = f"{title} pod {each.pod.namespace}/{each.pod.name}"
            if each.names.wrong:
                other = "/".join(min(each.names.keys))
                why = f"{pod} does not count waker's own requests as {other}, so nobody knows whether it has counted {name}"
                return f"{why}; visit the app once through its ingress, or set controller.CLASS.adapter or metric"
            if not (self.adapter.names_proven or (each.names.given and provable)):
                why = (
                    f"{pod} has counted nothing as {name} yet, and it is not proved yet that it counts under such names"
                )
                return f"{why}; visit the app once through its ingress"
        return ""

    def read_until(self, now: datetime) -> datetime | None:
        """Up to when all pods have been read; None if one of them has not."""
        asked = [each.asked_at for each, _ in self._serving(now)]
        return None if None in asked else min((at for at in asked if at), default=None)

    def _serving(self, now: datetime) -> Iterator[tuple[ControllerPod, Scrape | None]]:
        """The pods that may serve visitors now, each with its last scrape."""
        ignored = self.ignored(now)
        found = ((uid, each) for uid, each in self.pods.items() if uid not in ignored)
        return ((each, self.ledger.last(uid)) for uid, each in found if each.may_serve(self.adapter, now))


def has_any(scrape: Scrape, keys: Iterable[SeriesKey]) -> bool:
    """Whether any of these series was on the metrics page."""
    return not scrape.tallies.keys().isdisjoint(keys)
