"""How the visits of one app are counted: by which controllers, in which of their pods, under which series. Reads only.

Called by `facts` alone. Everything is of this moment: what the scraper has last read of each pod, never a request of its own.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from waker.explain.shape import PodFacts, SeriesFacts, Spelling, Value
from waker.explain.times import json_time
from waker.observe.class_names import class_of, with_class
from waker.observe.observed_app import ObservedApp
from waker.settings.durations import format_duration
from waker.traffic.controller_pod import ControllerPod
from waker.traffic.controllers import Adapter, Interest
from waker.traffic.controllers.configured import configured_adapter
from waker.traffic.pod_states import state_of
from waker.traffic.scraped_controller import ScrapedController, has_any


@dataclass(frozen=True, slots=True)
class Counting:
    """One app. `at`: under which series, and the controller if somebody reads it. `served_by`: the controllers by class."""

    observed: ObservedApp
    at: tuple[tuple[Interest, ScrapedController | None], ...]
    served_by: Mapping[str, str]
    now: datetime

    def unread(self) -> Iterator[str]:
        """Why visits may be unknown, a sentence for each pod."""
        interval = self.observed.live.scrape_interval
        watched = self.observed.policy is not None
        for interest, controller in self.at:
            if controller:
                unknowns = list(controller.unknowns(self.now, interval))
                yield from (self._with_class(each, controller) for each in unknowns)
                unlisted = controller.why_not_listed(interest.keys, self.now)
                if watched and unlisted and not unknowns:
                    yield self._with_class(unlisted, controller)

    def unused(self) -> list[str]:
        """The titles of its controllers that nobody reads yet."""
        names = {interest.controller for interest, controller in self.at if not controller}
        return sorted(each.title for name in names if (each := configured_adapter(name, self.observed.live)))

    def pods(self) -> Iterator[PodFacts]:
        """The pods of its controllers."""
        interval = self.observed.live.scrape_interval
        for controller, each in self._pods():
            yield PodFacts(
                controller=controller.adapter.controller,
                pod=_name(each),
                ready=each.pod.ready,
                readAt=json_time(each.read_at) if each.read_at else None,
                bytes=each.size,
                problem=each.problem,
                state=str(state_of(controller, each, self.now, interval)),
                namesProved=self._names_proved(controller, each),
            )

    def ignored(self) -> Iterator[str]:
        """A sentence for each pod that cannot be read and is ignored."""
        for controller, each in self._pods():
            if each.pod.uid in controller.ignored(self.now):
                setting = self._with_class("controller.CLASS.unreadable", controller)
                yield (
                    f"{controller.adapter.title} pod {_name(each)} has not been read for "
                    f"{format_duration(self.now - each.unread_since)} and is ignored, as {setting} says: visits that only it "
                    "counts are not seen"
                )

    def series(self) -> Iterator[SeriesFacts]:
        """The series that count it."""
        for interest, controller in self.at:
            adapter = configured_adapter(interest.controller, self.observed.live)
            if adapter:
                yield SeriesFacts(
                    controller=interest.controller,
                    metric=adapter.requests.metric,
                    labels=dict(zip(adapter.requests.labels, interest.key, strict=True)),
                    values=list(_values(interest, controller)) if controller else [],
                    spellings=list(_spellings(interest, controller, adapter)) if controller else [],
                )

    def _pods(self) -> Iterator[tuple[ScrapedController, ControllerPod]]:
        found = {each.adapter.controller: each for _, each in self.at if each}
        for controller in found.values():
            yield from ((controller, each) for each in controller.pods.values())

    def _names_proved(self, controller: ScrapedController, each: ControllerPod) -> bool:
        """By a request of waker's own; where all names are listed before their first visit, by the app's own being there."""
        if each.names.given or not controller.adapter.lists_all:
            return each.names.given
        scrape = controller.ledger.last(each.pod.uid)
        return scrape is not None and any(
            has_any(scrape, interest.keys) for interest, at in self.at if at is controller
        )

    def _with_class(self, sentence: str, controller: ScrapedController) -> str:
        return with_class(sentence, class_of(controller.adapter.controller, self.served_by))


def _name(each: ControllerPod) -> str:
    return f"{each.pod.namespace}/{each.pod.name}"


def _values(interest: Interest, controller: ScrapedController) -> Iterator[Value]:
    for uid, each in controller.pods.items():
        scrape = controller.ledger.last(uid)
        found = [scrape.tallies[key].total for key in interest.keys if key in scrape.tallies] if scrape else []
        used = scrape is not None and not scrape.open.isdisjoint(interest.keys)
        yield Value(pod=_name(each), requests=sum(found) if found else None, open=used)


def _spellings(interest: Interest, controller: ScrapedController, adapter: Adapter) -> Iterator[Spelling]:
    """The typical one first. Those that no page has are left out."""
    scrapes = controller.ledger.scrapes().values()
    for key in interest.keys:
        found = [scrape.tallies[key].total for scrape in scrapes if key in scrape.tallies]
        if found:
            yield Spelling(labels=dict(zip(adapter.requests.labels, key, strict=True)), requests=sum(found))
