"""What a scrape means for the clocks of the apps: a visit, a loss, or nothing.

Pure but for the clock. `rounds` hands each complete scrape in, `scrape` what Kubernetes says of a controller's pods.
"""

import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from waker.plan.model import AppId, Pod
from waker.traffic.controller_pod import ControllerPod
from waker.traffic.controllers import LostCounts
from waker.traffic.ledger import Scrape
from waker.traffic.scraped_controller import ScrapedController
from waker.traffic.watched_apps import WatchedApps

log = logging.getLogger(__name__)


class Conclusions:
    """Draws them for all apps. `lasting`: have had connections that are not seen while they last."""

    def __init__(self, apps: WatchedApps, clock: Callable[[], datetime], on_visit: Callable[[AppId], None]) -> None:
        self.lasting: set[AppId] = set()
        self._apps = apps
        self._clock = clock
        self._on_visit = on_visit

    def take_over(self, controller: ScrapedController, departed: Iterable[Pod], pods: Iterable[Pod]) -> None:
        """The controller has these pods now. One that went away may have served visitors that nobody read."""
        now = self._clock()
        for pod in departed:
            if controller.baselined and pod.uid not in controller.pods:
                self._lose(controller, controller.lost(pod, "came and went before it was read", now), now)
        for why in controller.update(pods, now):
            self._lose(controller, why, now)

    def receive(self, controller: ScrapedController, source: ControllerPod, scrape: Scrape, asked_at: datetime) -> None:
        """A pod has been read."""
        pod, now, name = source.pod, self._clock(), controller.adapter.controller
        first = not controller.ledger.last(pod.uid)
        if not controller.baselined:
            controller.ledger.baseline(pod.uid, scrape)
        movement = controller.ledger.observe(pod.uid, scrape, asked_at)
        began = scrape.started_at(asked_at)
        since = datetime.fromtimestamp(began, UTC) if began and movement.lost else source.last_asked_at or now
        unread = began if first and controller.baselined else None
        if (movement.lost and not source.loss_told) or (unread and source.began_while_ready(unread)):
            self._lose(controller, controller.lost(pod, "began to count anew", now), since)
            controller.note_reload(source, now)
        elif movement.doubted:
            why = f"visits of the second before may have been lost: {controller.adapter.title} pod {pod.name} reloaded"
            self._lose(controller, why, since)
        source.loss_told = False
        self.lasting |= self._apps.counted_under(name, scrape.lasting).keys()
        where = f"{controller.adapter.title} pod {pod.namespace}/{pod.name}"
        for id, app in self._apps.counted_under(name, movement.visits.keys()).items():
            keys = {key for each in app.interests if each.controller == name for key in each.keys}
            seen = keys & movement.visits.keys()
            unseen = seen <= movement.hidden
            because = f"perhaps still open at {where} since before it reloaded" if unseen else f"counted by {where}"
            if app.requested(sum(movement.visits[key] for key in seen), now, because):
                self._on_visit(id)

    def _lose(self, controller: ScrapedController, why: str, since: datetime) -> None:
        """Visits of anybody may have gone uncounted, at `since` or later.

        If that came of a move of waker's own, it is no visit, whatever the user wants.
        """
        now = self._clock()
        may_reload = controller.adapter.reloads_on_move or controller.adapter.reloads
        own = may_reload and controller.follows_a_move(since, now)
        lost_counts = controller.adapter.lost_counts
        if own and lost_counts is LostCounts.STRICT:
            lost_counts = LostCounts.ONCE
        log.info("%s", why, extra={"controller": controller.adapter.controller})
        for id, app in self._apps.counted_by(controller.adapter.controller):
            app.lose(now, why, lost_counts)
            if lost_counts is LostCounts.STRICT:
                self._on_visit(id)
