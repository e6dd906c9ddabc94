"""Counters and queries together: idle only for both, unknown for one of them, and what each is good for."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from waker.plan.model import AppId, Kind
from waker.plan.snapshot import Certainty, Traffic
from waker.traffic.controllers import Interest
from waker.traffic.visits import IN_USE, VisitSources

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
EARLIER = NOW - timedelta(minutes=5)
SHOP = AppId(Kind.DEPLOYMENT, "demo", "shop")
SERIES = frozenset({Interest("k8s.io/ingress-nginx", ("a", "b", "c"))})


@dataclass
class OneSource:
    """Stands for the scraper, or for the queries."""

    of_app: Traffic | None
    until: datetime = NOW
    calls: list[str] = field(default_factory=list)

    def traffic(self, _app: AppId) -> Any:
        return self.of_app

    def certainty(self, _app: AppId) -> Certainty:
        return Certainty(self.until, EARLIER, loses_counts=True)

    def because(self, _app: AppId) -> str:
        return "counted"

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
    assert alone.because(SHOP) == IN_USE
    assert alone.unanswered(SHOP) == ""
    assert alone.scraper.calls == ["unwatch"]  # type: ignore[attr-defined]


def test_what_is_certain_is_certain_for_both() -> None:
    assert both(Traffic(NOW), Traffic(NOW)).certainty(SHOP) == Certainty(EARLIER, EARLIER, loses_counts=True)
    assert both(Traffic(NOW), None).certainty(SHOP).until == NOW


def test_who_says_it() -> None:
    assert both(Traffic(NOW), Traffic(EARLIER)).because(SHOP) == "counted"
    assert both(Traffic(EARLIER), Traffic(NOW)).because(SHOP) == IN_USE
    assert both(Traffic(EARLIER), Traffic(NOW, lost=True)).because(SHOP) == "counted", "nobody was seen"
    assert both(Traffic(EARLIER), Traffic(None, "no data")).unanswered(SHOP) == "no data"


def test_both_are_told() -> None:
    found = both(Traffic(NOW), Traffic(NOW))
    found.await_known(SHOP)
    found.forget(SHOP)
    assert found.scraper.calls == ["watch 1", "await", "unwatch", "forget"]  # type: ignore[attr-defined]
