"""A controller pod that cannot be read: a metric at once, an Event when it goes on."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from waker.metrics import Metrics
from waker.names import EventReason
from waker.observe.class_names import class_of, with_class
from waker.observe.unread_pods import UnreadPods
from waker.plan.model import Pod
from waker.traffic.controllers import CONTOUR, TRAEFIK, Adapter
from waker.traffic.ledger import Scrape
from waker.traffic.scraped_controller import ScrapedController

INTERVAL = timedelta(seconds=15)
NAME = TRAEFIK.controller


@dataclass
class UnreadScene:
    """Controllers whose pods are read or not, and what is said of them."""

    now: datetime = datetime(2026, 1, 31, 12, tzinfo=UTC)
    metrics: Metrics = field(default_factory=lambda: Metrics("test"))
    classes: dict[str, str] = field(default_factory=lambda: {"edge": NAME})
    said: list[tuple[EventReason, str]] = field(default_factory=list)
    controllers: list[ScrapedController] = field(default_factory=list)
    unread: UnreadPods = field(init=False)

    def __post_init__(self) -> None:
        self.unread = UnreadPods(
            self.metrics, lambda: self.now, lambda: INTERVAL, lambda: self.classes, lambda *said: self.said.append(said)
        )

    def controller(self, adapter: Adapter, *pods: str) -> ScrapedController:
        found = ScrapedController(adapter)
        found.update([Pod("edge", name, name, f"10.0.0.{at}", True, {}) for at, name in enumerate(pods)], self.now)
        self.controllers.append(found)
        return found

    def read(self, controller: ScrapedController, *pods: str) -> None:
        for name in pods:
            controller.pods[name].read_at = controller.pods[name].counted_at = self.now
            controller.ledger.observe(name, Scrape(proven=True), self.now)

    def look(self, *, after: timedelta = INTERVAL) -> None:
        self.now += after
        self.unread.look(self.controllers)

    def shown(self) -> dict[str, float]:
        """The samples of the metric."""
        found = (line.partition("} ") for line in self.metrics.exposition().decode().splitlines())
        return {labels: float(value) for labels, _, value in found if labels.startswith("kubesleeper_controller_pods{")}


def series(state: str, controller: str = NAME) -> str:
    return f'kubesleeper_controller_pods{{controller="{controller}",state="{state}"'


def test_pods_by_state_and_a_controller_that_is_gone() -> None:
    it = UnreadScene()
    traefik = it.controller(TRAEFIK, "t-1", "t-2", "t-3")
    it.controller(CONTOUR, "e-1")
    it.look()
    it.read(traefik, "t-1", "t-2")
    it.metrics.scraped_at.labels(NAME).set(1)
    it.look(after=timedelta())
    assert {key: value for key, value in it.shown().items() if NAME in key} == {
        series("read"): 2, series("unread"): 1, series("ignored"): 0, series("not_serving"): 0,
    }  # fmt: skip
    assert it.shown()[series("unread", CONTOUR.controller)] == 1
    it.controllers.remove(traefik)
    it.look()
    assert not [key for key in it.shown() if NAME in key]
    assert f'scrape_timestamp_seconds{{controller="{NAME}"}}' not in it.metrics.exposition().decode()
    it.controllers.clear()
    it.look()
    assert it.shown() == {}


def test_an_event_after_five_minutes_names_the_pod_the_fix_and_the_class() -> None:
    it = UnreadScene()
    traefik = it.controller(TRAEFIK, "t-1", "t-2", "t-3")
    for each in traefik.pods.values():
        each.problem = "asks for a token (HTTP 401); set controller.CLASS.token-file"
    for _ in range(19):
        it.look()
        it.read(traefik, "t-1")
    assert it.said == [], "a pod that starts"
    it.look()
    ((reason, sentence),) = it.said
    assert reason is EventReason.CONTROLLER_UNREAD
    assert sentence == (
        "nothing behind Traefik falls asleep by itself: Traefik pod edge/t-2 asks for a token (HTTP 401); "
        "set controller.edge.token-file (1 more of its pods cannot be read)"
    )
    it.said.clear()
    it.read(traefik, "t-1", "t-2", "t-3")
    it.look()
    assert it.said == []


def test_an_event_for_a_controller_without_pods() -> None:
    it = UnreadScene()
    it.controller(TRAEFIK)
    it.look()
    it.look(after=timedelta(minutes=4))
    assert it.said == []
    it.look(after=timedelta(minutes=1))
    ((reason, sentence),) = it.said
    assert reason is EventReason.CONTROLLER_UNREAD
    assert sentence.startswith("nothing behind Traefik falls asleep by itself: no pod of Traefik has the labels ")
    assert "set controller.edge.selector" in sentence


@pytest.mark.parametrize(
    ("controller", "served_by", "name"),
    [
        pytest.param("c", {"a": "c", "b": "d"}, "a", id="one class"),
        pytest.param("c", {"a": "c", "b": "c"}, "", id="two classes"),
        pytest.param("c@b.x", {"a": "c", "b.x": "c"}, "b.x", id="a class with settings"),
        pytest.param("c", {}, "", id="none"),
    ],
)
def test_the_class_of_a_controller(controller: str, served_by: dict[str, str], name: str) -> None:
    assert class_of(controller, served_by) == name
    assert with_class("set controller.CLASS.port", name) == f"set controller.{name or 'CLASS'}.port"
