"""Says that a controller pod cannot be read: as a metric of pods by state at once, as an Event when it goes on.

One such pod may be the one that visitors use, so nothing behind its controller falls asleep meanwhile. `scraping` makes it the
scraper's `on_round`; `waker explain` says the same of one app. The subtle thing: the scraper follows only controllers that
count for an awake app, so a controller that is not in a round any more must leave the metrics, too.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from waker import names
from waker.metrics import Metrics
from waker.observe.class_names import class_of, with_class
from waker.traffic.pod_states import PodState, count_states, state_of
from waker.traffic.scraped_controller import ScrapedController

REPORT_AFTER: Final = timedelta(minutes=5)  # longer than the start of a pod, or a node that is replaced


@dataclass(slots=True)
class UnreadPods:
    """Looks at all controllers after each round. `report` writes an Event, if this replica may."""

    metrics: Metrics
    clock: Callable[[], datetime]
    interval: Callable[[], timedelta]
    served_by: Callable[[], Mapping[str, str]]  # the controllers by class
    report: Callable[[names.EventReason, str], None]
    _shown: set[str] = field(default_factory=set)  # the controllers in the metrics
    _podless_since: dict[str, datetime] = field(default_factory=dict)

    def look(self, controllers: Sequence[ScrapedController]) -> None:
        """After a round of scrapes of these controllers, which are all."""
        found = {each.adapter.controller: each for each in controllers}
        for name in self._shown - found.keys():
            self._remove(name)
        self._shown = set(found)
        self._podless_since = {
            name: self._podless_since.get(name, self.clock()) for name, each in found.items() if not each.pods
        }
        for name, controller in found.items():
            self._show(name, controller)
            self._report(name, controller)

    def _show(self, name: str, controller: ScrapedController) -> None:
        counts = count_states(controller, self.clock(), self.interval())
        for state in PodState:
            self.metrics.controller_pods.labels(name, state).set(counts[state])

    def _remove(self, name: str) -> None:
        for state in PodState:
            self.metrics.controller_pods.remove(name, state)
        with suppress(KeyError):  # none of its pods was ever read
            self.metrics.scraped_at.remove(name)

    def _report(self, name: str, controller: ScrapedController) -> None:
        now, interval = self.clock(), self.interval()
        unread = [
            each
            for each in controller.pods.values()
            if state_of(controller, each, now, interval) is PodState.UNREAD and each.unread_since + REPORT_AFTER <= now
        ]
        podless = name in self._podless_since and self._podless_since[name] + REPORT_AFTER <= now
        why = controller.why_unknown(now, interval)
        if (unread or podless) and why:
            title = controller.adapter.title
            more = f" ({len(unread) - 1} more of its pods cannot be read)" if len(unread) > 1 else ""
            sentence = with_class(why, class_of(name, self.served_by()))
            message = f"nothing behind {title} falls asleep by itself: {sentence}{more}"
            self.report(names.EventReason.CONTROLLER_UNREAD, message)
