"""An app that turns back on its way down though nobody came: counted on its workload, reported, tried ever more seldom."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from tests.plan.building import NOW, AppBuilder, app, at_waker, check, route
from tests.plan.small_cluster import SmallCluster, SmallWaker, Visits, deployment, ingress, service
from waker import names
from waker.plan import workload_patches
from waker.plan.actions import Forget, Redirect, RequestWake, ScaleToZero
from waker.plan.codes import Code
from waker.plan.model import Phase
from waker.plan.notes import read_notes
from waker.plan.turned_back import TurnedBack

ANSWER = "pod edge/traefik-1 has shop.example.org/ answered by somebody else than waker (HTTP 200)"
NOT_FOLLOWED = "an ingress controller pod has not followed within 30s"
KEPT_BACK = "somebody keeps pointing its routes back"


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        pytest.param(app(2).redirected(seconds=31), NOT_FOLLOWED, id="a controller pod never follows"),
        pytest.param(
            app(2).redirected(seconds=31).unfollowed(ANSWER), f"{NOT_FOLLOWED}: {ANSWER}", id="and it is known how"
        ),
        pytest.param(
            app(2).sleep_requested(seconds=40).redirected(seconds=31), NOT_FOLLOWED, id="though it was asked to sleep"
        ),
        pytest.param(
            app(2).redirected(minutes=3).blind(),
            "cannot tell whether it is visited: Traefik pod does not answer",
            id="unknown for two minutes",
        ),
        pytest.param(
            app(2).redirected().lost(seconds=3),
            "visits may have been lost on its way down, as its controller restarted or began to count anew",
            id="its counters began anew",
        ),
        pytest.param(app(2).pointed_back(swaps=3), KEPT_BACK, id="somebody undoes it"),
    ],
)
def test_a_try_in_vain_is_noted_with_what_stood_in_the_way(seen: AppBuilder, why: str) -> None:
    check(seen, Phase.FALLING_ASLEEP, RequestWake(why))
    assert not seen.plan().warning, "once may be chance"
    again = seen.turned_back(1, hours=9).plan()
    assert again.warning
    assert again.reason.startswith(f"{why}: turning back, 2 times in a row though nobody came")


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(app(2).redirected().request_arrived(seconds=5), id="a visitor came to waker"),
        pytest.param(app(2).redirected().visited(seconds=3), id="a visitor came to the app"),
        pytest.param(app(2).redirected().pinned("awake"), id="pinned awake"),
        pytest.param(app(2).redirected().paused(), id="paused"),
        pytest.param(app(2).redirected().unobserved(), id="waker was started again"),
        pytest.param(app(2).redirected(seconds=31).request_arrived(seconds=5), id="a visitor, and nobody follows"),
        pytest.param(app(2).redirected().blind().request_arrived(seconds=5), id="a visitor, and nobody counts"),
    ],
)
def test_who_turns_back_for_somebody_has_not_tried_in_vain(seen: AppBuilder) -> None:
    for each in (seen, seen.turned_back(5, days=2)):
        check(each, Phase.FALLING_ASLEEP, RequestWake())
        assert not each.plan().warning


@pytest.mark.parametrize(("times", "hours"), [(2, 6), (3, 12), (4, 24), (5, 24), (400, 24)], ids=str)
def test_tries_become_rare(times: int, hours: int) -> None:
    early = app(2).turned_back(times, ANSWER, hours=hours - 1)
    plan = early.plan()
    assert (plan.phase, plan.code, plan.actions) == (Phase.AWAKE, Code.SLEEP_PUT_OFF, ())
    assert plan.requeue_after == timedelta(hours=1)
    assert plan.open
    assert plan.reason == (
        f"{times} times in a row it turned back on its way down though nobody came, the last time because {ANSWER}: "
        "tried again at 2026-01-31 13:00 UTC, by `waker sleep` at once"
    )
    check(app(2).turned_back(times, hours=hours), Phase.FALLING_ASLEEP, Redirect((route(),)))


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(app(2).turned_back(1, hours=1), id="once is not often"),
        pytest.param(app(2).turned_back(9, hours=1).sleep_requested(), id="`waker sleep` is tried at once"),
        pytest.param(app(2).turned_back(9, hours=1).pinned("asleep"), id="so is a pin"),
        pytest.param(app(2).turned_back(9, hours=-1), id="a time to come is from a wrong clock"),
    ],
)
def test_who_is_tried_all_the_same(seen: AppBuilder) -> None:
    check(seen, Phase.FALLING_ASLEEP, Redirect((route(),)))


def test_who_is_on_the_way_down_by_right_goes_on() -> None:
    seen = app(2).turned_back(2, hours=6, seconds=10).routed(at_waker()).followed(seconds=5)
    check(seen, Phase.FALLING_ASLEEP, ScaleToZero(2))


def test_an_app_in_use_is_in_use() -> None:
    plan = app(2).visited(minutes=1).turned_back(2, hours=1).plan()
    assert (plan.code, plan.requeue_after) == (Code.IN_USE, timedelta(minutes=29))


UNREADABLE = (
    "",
    "2",
    "2 2026-01-31T12:00:00Z",
    "0 2026-01-31T12:00:00Z x",
    "9999999 2026-01-31T12:00:00Z x",
    "2 now x",
)


# --- the note ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "known"),
    [
        pytest.param("2 2026-01-31T12:00:00Z a pod lags", TurnedBack(2, NOW, "a pod lags"), id="as it is written"),
        pytest.param("1 2026-01-31T12:00:00Z é\n2 x", TurnedBack(1, NOW, "é\n2 x"), id="whatever the reason"),
        *(pytest.param(text, None, id=text or "nothing") for text in UNREADABLE),
    ],
)
def test_a_note_that_cannot_be_read_is_none(text: str, known: TurnedBack | None) -> None:
    note = read_notes({names.TURNED_BACK: text}).turned_back
    assert (note if isinstance(note, TurnedBack) else None) == known
    if known is None:
        check(app(2)._noted(names.TURNED_BACK, text), Phase.FALLING_ASLEEP, Redirect((route(),)))


@pytest.mark.parametrize(
    ("before", "after"), [(app(2), 1), (app(2).turned_back(1, hours=2), 2), (app(2).turned_back(7, hours=2), 8)]
)
def test_it_is_counted_in_the_patch_that_turns_back(before: AppBuilder, after: int) -> None:
    body = workload_patches.patch(before.seen.workload, RequestWake("x" * 400), NOW)
    assert body["metadata"]["annotations"][names.TURNED_BACK] == f"{after} 2026-01-31T12:00:00Z {'x' * 300}"
    assert names.TURNED_BACK not in workload_patches.patch(before.seen.workload, RequestWake(), NOW)["metadata"]


def test_a_sleep_that_succeeds_forgets_and_a_wake_does_not() -> None:
    workload = app(2).turned_back(3, hours=2).wake_requested().seen.workload
    forgotten = {names.TURNED_BACK: None}
    assert workload_patches.patch(workload, ScaleToZero(2), NOW)["metadata"]["annotations"].items() >= forgotten.items()
    assert names.TURNED_BACK not in workload_patches.patch(workload, Forget(), NOW)["metadata"]["annotations"]
    left = workload_patches.patch(workload, Forget(clean=True), NOW)["metadata"]["annotations"]
    assert left.items() >= forgotten.items(), "nothing stays behind where it is not managed any more"


# --- a week -----------------------------------------------------------------------------------------------------------

DAY = timedelta(days=1)


class Week:
    """A week of an app whose controller takes no change. Before each pass `happens` may do what it likes."""

    def __init__(self, happens: Callable[["Week"], None]) -> None:
        self.cluster = SmallCluster(
            deployments=[deployment("shop", 2)], services=[service("shop")], ingresses=[ingress("front", shop="/")]
        )
        self.cluster.follows = False
        self.visits = Visits()
        self.began = self.cluster.now
        self.swaps: list[datetime] = []
        self.restart()
        while self.cluster.now < self.began + 7 * DAY and self.cluster.replicas("shop"):
            happens(self)
            plan = self.waker.look("shop")
            self.swaps += [self.cluster.now for each in plan.actions if isinstance(each, Redirect)]
            again = plan.requeue_after or timedelta(minutes=10)
            self.cluster.now += max(timedelta(seconds=1), min(again, timedelta(minutes=10)))

    def restart(self) -> None:
        """With nothing in mind."""
        self.waker = SmallWaker(self.cluster, self.visits, lambda: None)

    def most_in_a_day(self) -> int:
        return max(sum(at <= other < at + DAY for other in self.swaps) for at in self.swaps)


def _nothing(_: Week) -> None: ...


def _restarts(it: Week) -> None:
    """Every few passes, while the routes are at the app."""
    if it.cluster.now.minute % 7 == 0 and not it.cluster.annotations("Ingress", "front"):
        it.restart()


def _visitors(it: Week) -> None:
    if it.cluster.now.hour % 2 and it.cluster.now.minute < 10:
        it.visits.at["shop"] = it.cluster.now


def _lost_counts(it: Week) -> None:
    """Its controller follows, and the move makes its counters begin anew."""
    it.cluster.follows = True
    it.visits.lost = bool(it.cluster.annotations("Ingress", "front"))


@pytest.mark.parametrize(
    "happens",
    [
        pytest.param(_nothing, id="nobody comes"),
        pytest.param(_restarts, id="waker is started again and again"),
        pytest.param(_visitors, id="visitors come every other hour"),
        pytest.param(_lost_counts, id="the move makes counters begin anew"),
    ],
)
def test_a_week_has_at_most_four_swings_in_a_day(happens: Callable[[Week], None]) -> None:
    week = Week(happens)
    assert week.cluster.replicas("shop") == 2
    assert 3 <= week.most_in_a_day() <= 4
    assert 8 <= len(week.swaps) <= 10, "and it is tried again and again"


def test_once_it_follows_it_sleeps_and_all_is_forgotten() -> None:
    def follows_on_the_third_day(week: Week) -> None:
        week.cluster.follows = week.cluster.now > week.began + 3 * DAY

    cluster = Week(follows_on_the_third_day).cluster
    assert cluster.replicas("shop") == 0
    assert names.TURNED_BACK not in cluster.annotations("Deployment", "shop")
