"""Apps whose activity a query shows: idle, in use, unknown, and one tenant's queries beside another's."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from waker.errors import ScrapeError
from waker.plan.model import AppId, Kind
from waker.traffic import queries
from waker.traffic.controller_pod import FRESH_INTERVALS
from waker.traffic.queries import NO_URL, ActivityQueries, QueryDependencies
from waker.traffic.query_tries import MOST_FORMER

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
INTERVAL = timedelta(seconds=15)
SHOP = AppId(Kind.DEPLOYMENT, "demo", "shop")
QUERY = "sum(rate(requests[5m]))"


@dataclass
class QueryScene:
    """A Prometheus that answers what the test says."""

    answers: dict[str, float | ScrapeError | None] = field(default_factory=dict)
    now: datetime = NOW
    asked: list[str] = field(default_factory=list)
    visits: list[AppId] = field(default_factory=list)
    known: list[AppId] = field(default_factory=list)
    reachable: bool = True
    takes: float = 0.0

    def __post_init__(self) -> None:
        self.queries = ActivityQueries(
            QueryDependencies(
                lambda: self.now, lambda: INTERVAL, lambda: timedelta(minutes=1), self._ask,
                self.visits.append, self.known.append,
            )
        )  # fmt: skip

    def _ask(self) -> Callable[[str], Awaitable[float | None]] | None:
        return self.answer if self.reachable else None

    async def answer(self, query: str) -> float | None:
        self.asked.append(query)
        await asyncio.sleep(self.takes)
        found = self.answers.get(query, 0.0)
        if isinstance(found, ScrapeError):
            raise found
        return found

    async def after(self, length: timedelta) -> None:
        self.now += length
        await self.queries.round()

    def visited_at(self, app: AppId = SHOP) -> datetime | None:
        found = self.queries.traffic(app)
        assert found
        return found.visited_at

    def unknown(self, app: AppId = SHOP) -> str:
        found = self.queries.traffic(app)
        assert found
        return found.unknown


@pytest.fixture
def it() -> QueryScene:
    scene = QueryScene()
    scene.queries.watch(SHOP, [QUERY])
    return scene


async def test_above_zero_is_a_visit_now_and_zero_is_none(it: QueryScene) -> None:
    assert "has not been answered yet" in it.unknown()
    await it.after(INTERVAL)
    began = it.now
    assert (it.visited_at(), it.unknown()) == (began, ""), "the clock begins with the first answer"
    await it.after(INTERVAL)
    assert it.visited_at() == began
    it.answers[QUERY] = 0.01
    await it.after(INTERVAL)
    assert it.visited_at() == it.now
    assert it.visits[-1] == SHOP
    it.answers[QUERY] = -1.0
    await it.after(INTERVAL)
    assert it.visited_at() == it.now - INTERVAL


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        pytest.param(None, "has no data; if that means that nobody is there, append `or vector(0)`", id="no data"),
        pytest.param(ScrapeError("cannot be read from Prometheus"), "its activity cannot be read", id="no answer"),
    ],
)
async def test_no_answer_is_unknown_and_a_gap_may_hide_a_visit(
    it: QueryScene, answer: float | ScrapeError | None, why: str
) -> None:
    await it.after(INTERVAL)
    began = it.visited_at()
    it.answers[QUERY] = answer
    await it.after(INTERVAL)
    assert why in it.unknown()
    assert it.visited_at() == began, "unknown is never a time"
    asked = len(it.asked)
    await it.after(INTERVAL)
    assert len(it.asked) == asked, "what fails is not tried all the time"
    it.answers[QUERY] = 0.0
    await it.after(queries.RETRY)
    assert it.unknown() == ""
    assert it.visited_at() == it.now, "somebody may have been there meanwhile"


async def test_without_a_prometheus_nobody_knows(it: QueryScene) -> None:
    await it.after(INTERVAL)
    it.reachable = False
    assert it.unknown() == NO_URL


async def test_late_answers_are_told(it: QueryScene) -> None:
    await it.after(INTERVAL)
    it.now += 4 * INTERVAL
    assert "has not been answered lately" in it.unknown()


async def test_what_is_shown_late_is_waited_for(it: QueryScene) -> None:
    await it.after(INTERVAL)
    assert it.queries.certainty(SHOP).until == it.now - timedelta(minutes=1)


async def test_all_queries_of_an_app_count(it: QueryScene) -> None:
    it.queries.watch(SHOP, [QUERY, "other"])
    it.answers["other"] = None
    await it.after(INTERVAL)
    assert "no data" in it.unknown()
    it.answers["other"] = 1.0
    it.queries.await_known(SHOP)
    await it.after(queries.RETRY)
    assert it.unknown() == ""
    assert it.known == [SHOP]
    it.queries.watch(SHOP, [])
    assert it.queries.traffic(SHOP) is None


async def test_a_namespace_has_its_share(it: QueryScene, monkeypatch: pytest.MonkeyPatch) -> None:
    """One tenant's thousand queries are spread over many rounds; another's is asked in each."""
    monkeypatch.setattr(queries, "SHARE", 0.0)
    many = [AppId(Kind.DEPLOYMENT, "crowd", f"app-{number}") for number in range(5)]
    for app in many:
        it.queries.watch(app, [f"of {app.name}"])
    monkeypatch.setattr(queries, "SHARE", 1e-9)
    for _ in range(5):
        await it.after(INTERVAL)
    assert it.asked.count(QUERY) == 5
    assert sorted(each for each in it.asked if each != QUERY) == [f"of {app.name}" for app in many], "in turn"


# --- users who edit their queries all the time ---

CROWD = AppId(Kind.DEPLOYMENT, "crowd", "app")


async def until(said: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not said():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.001)


async def test_edits_of_one_tenant_make_nobody_elses_queries_run(it: QueryScene) -> None:
    running = asyncio.create_task(it.queries.run())
    await until(lambda: QUERY in it.asked)
    for number in range(20):
        it.queries.watch(CROWD, [f"edit {number}"])
        await until(lambda number=number: f"edit {number}" in it.asked)  # type: ignore[misc]
    running.cancel()
    assert it.asked.count(QUERY) == 1


async def test_edits_do_not_widen_the_share_of_a_namespace(it: QueryScene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "SHARE", 0.05)
    it.takes = 0.02
    running = asyncio.create_task(it.queries.run())
    for number in range(20):
        it.queries.watch(CROWD, [f"edit {number}"])
        await asyncio.sleep(0.03)
    running.cancel()
    assert len([each for each in it.asked if each != QUERY]) <= 4


@pytest.mark.parametrize(
    "between", [pytest.param(["another"], id="another query"), pytest.param([], id="none for a moment")]
)
async def test_what_fails_is_not_tried_again_because_of_an_edit(it: QueryScene, between: list[str]) -> None:
    it.answers[QUERY] = ScrapeError("is down")
    for _ in range(3):
        await it.after(timedelta(seconds=1))
        it.queries.watch(SHOP, between)
        await it.after(timedelta(seconds=1))
        it.queries.watch(SHOP, [QUERY])
    assert it.asked.count(QUERY) == 1
    await it.after(queries.RETRY)
    assert it.asked.count(QUERY) == 2


async def test_what_was_tried_is_remembered_for_a_while(it: QueryScene) -> None:
    for number in range(100):
        it.queries.watch(SHOP, [f"edit {number}"])
        await it.after(timedelta(seconds=1))
    assert len(it.queries._tries._by_app[SHOP]) <= MOST_FORMER + 1
    it.queries.watch(SHOP, [])
    await it.after(queries.RETRY)
    await it.after(queries.RETRY)
    assert it.queries._tries._by_app == {}


# --- over random histories ---

ANSWERS = st.sampled_from([0.0, 0.0, 1.0, None, ScrapeError("is down")])
HISTORY = st.lists(st.tuples(ANSWERS, st.integers(1, 200), st.booleans()), max_size=40)


@settings(max_examples=200, deadline=None)
@given(HISTORY)
def test_who_is_in_use_is_never_idle_and_what_was_not_answered_is_not_known(
    history: list[tuple[float | ScrapeError | None, int, bool]],
) -> None:
    async def lives() -> None:
        scene, answered, used = QueryScene(), None, None
        scene.queries.watch(SHOP, [QUERY])
        for answer, seconds, reachable in history:
            scene.answers[QUERY], scene.reachable, asked = answer, reachable, len(scene.asked)
            await scene.after(timedelta(seconds=seconds))
            if len(scene.asked) > asked and isinstance(answer, float):
                answered = scene.now
                used = scene.now if answer > 0 else used
            fresh = answered is not None and answered >= scene.now - FRESH_INTERVALS * INTERVAL
            assert bool(scene.unknown()) or (fresh and reachable), "what was not answered is not known"
            if not scene.unknown():
                visited = scene.visited_at()
                assert visited, "its clock has begun"
                assert used is None or visited >= used

    asyncio.run(lives())
