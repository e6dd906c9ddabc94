"""Counters and queries together: idle only for both, unknown for one of them, and what each is good for."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from waker.plan.model import AppId, Kind
from waker.plan.snapshot import Certainty, Traffic
from waker.traffic.controllers import Interest
from waker.traffic.visits import IGNORED, IN_USE, VisitSources
from waker.traffic.watched_apps import Loss, LostVisits, WatchedApp

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
EARLIER = NOW - timedelta(minutes=5)
SHOP = AppId(Kind.DEPLOYMENT, "demo", "shop")
SERIES = frozenset({Interest("k8s.io/ingress-nginx", ("a", "b", "c"))})


@dataclass
class OneSource:
    """Stands for the scraper, or for the queries."""

    of_app: Traffic | None
    until: datetime = NOW
    loss: Loss | None = None
    ignored: Loss | None = None
    calls: list[str] = field(default_factory=list)

    def traffic(self, _app: AppId) -> Any:
        return self.of_app

    def certainty(self, _app: AppId) -> Certainty:
        return Certainty(self.until, EARLIER, loses_counts=True, ignored_at=EARLIER)

    def watched(self, _app: AppId) -> WatchedApp | None:
        at = self.of_app.visited_at if self.of_app else None
        if at is None:
            return None
        return WatchedApp(
            frozenset(), visited_at=at, seen_at=at, seen_by="counted", loss=self.loss, ignored=self.ignored
        )

    def watch(self, _app: AppId, what: Any, *_more: Any) -> None:
        self.calls.append(f"watch {len(what)}")

    def unwatch(self, _app: AppId) -> None:
        self.calls.append("unwatch")

    def forget(self, _app: AppId) -> None:
        self.calls.append("forget")

    def await_known(self, _app: AppId) -> None:
        self.calls.append("await")


def both(counted: Traffic, asked: Traffic | None, *, series: bool = True) -> VisitSources:
    found = VisitSources(OneSource(counted), OneSource(asked, EARLIER))  # type: ignore[arg-type]
    found.watch(SHOP, SERIES if series else frozenset(), ["up"] if asked else [], "")
    return found


@pytest.mark.parametrize(
    ("counted", "asked", "together"),
    [
        pytest.param(Traffic(NOW), None, Traffic(NOW), id="no query"),
        pytest.param(Traffic(EARLIER), Traffic(NOW), Traffic(NOW), id="a query saw it later"),
        pytest.param(
            Traffic(NOW, lasting=True), Traffic(EARLIER), Traffic(NOW, lasting=True), id="a counter saw it later"
        ),
        pytest.param(Traffic(NOW, "lost"), Traffic(EARLIER), Traffic(NOW, "lost"), id="a counter is unknown"),
        pytest.param(Traffic(NOW), Traffic(None, "no data"), Traffic(NOW, "no data"), id="a query is unknown"),
    ],
)
def test_the_later_visit_and_any_doubt_count(counted: Traffic, asked: Traffic | None, together: Traffic) -> None:
    assert both(counted, asked).traffic(SHOP) == together


def test_where_nothing_else_counts_the_query_is_all() -> None:
    alone = both(Traffic(unknown="its traffic is not watched yet"), Traffic(NOW), series=False)
    assert alone.traffic(SHOP) == Traffic(NOW)
    assert alone.signs(SHOP) == [(NOW, IN_USE)]
    assert alone.unanswered(SHOP) == ""
    assert alone.scraper.calls == ["unwatch"]  # type: ignore[attr-defined]


def test_what_is_certain_is_certain_for_both() -> None:
    together = Certainty(EARLIER, EARLIER, loses_counts=True, ignored_at=EARLIER)
    assert both(Traffic(NOW), Traffic(NOW)).certainty(SHOP) == together
    assert both(Traffic(NOW), None).certainty(SHOP).until == NOW


def test_who_says_it() -> None:
    assert both(Traffic(NOW), Traffic(EARLIER)).signs(SHOP) == [(NOW, "counted"), (EARLIER, IN_USE)]
    assert both(Traffic(EARLIER), Traffic(NOW, lost=True)).signs(SHOP) == [(EARLIER, "counted")], "nobody was seen"
    assert both(Traffic(EARLIER), Traffic(None, "no data")).unanswered(SHOP) == "no data"


@pytest.mark.parametrize(
    ("asked", "clock"),
    [
        pytest.param(None, True, id="nothing else is known"),
        pytest.param(Traffic(EARLIER), True, id="a query has shown nobody since"),
        pytest.param(Traffic(NOW + timedelta(minutes=1)), False, id="a query has shown somebody since"),
    ],
)
def test_what_may_be_lost_counts_until_somebody_is_seen(asked: Traffic | None, clock: bool) -> None:
    loss = Loss(NOW, "a pod went away")
    found = both(Traffic(EARLIER), asked)
    found.scraper.loss = loss  # type: ignore[attr-defined]
    assert found.lost(SHOP) == (LostVisits(loss, EARLIER) if clock else None)
    assert found.signs(SHOP)[0] == (NOW, "a pod went away")


def test_what_is_ignored_moves_no_clock_and_is_shown() -> None:
    found = both(Traffic(EARLIER), None)
    found.scraper.ignored = Loss(NOW, "a pod went away")  # type: ignore[attr-defined]
    assert found.lost(SHOP) is None
    assert found.signs(SHOP)[0] == (NOW, f"a pod went away ({IGNORED})")


def test_both_are_told() -> None:
    found = both(Traffic(NOW), Traffic(NOW))
    found.await_known(SHOP)
    found.forget(SHOP)
    assert found.scraper.calls == ["watch 1", "await", "unwatch", "forget"]  # type: ignore[attr-defined]
