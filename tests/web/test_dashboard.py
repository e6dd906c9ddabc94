"""The page for operators over HTTP: for whom it is, what it sends, and what its buttons may do."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest

from tests.web.conftest import serve
from tests.web.dashboard_states import app, at, state
from tests.web.test_callers import ANOTHER, ScriptedReview
from waker.errors import Unavailable, WakerError
from waker.metrics import Metrics
from waker.plan.access import Credential, Right, Verdict
from waker.plan.model import Address
from waker.web import dashboard, private_port

TOKEN = {"Authorization": "Bearer secret"}
WANTED = {"namespace": "shops", "kind": "Deployment", "name": "kiosk", "action": "sleep"}


@dataclass
class DashboardUnderTest:
    """The private port with a page for operators, whose data the test changes."""

    address: Address
    review: ScriptedReview
    state: dict[str, Any]
    filters: list[tuple[str, str]] = field(default_factory=list)
    acts: list[tuple[str, ...]] = field(default_factory=list)
    fails: Exception | None = None

    def look(self, words: str, tile: str) -> Mapping[str, Any]:
        self.filters.append((words, tile))
        return self.state

    async def act(self, *asked: str) -> str:
        if self.fails:
            raise self.fails
        self.acts.append(asked)
        return "done."

    def session(self, caller: str = "127.0.0.1") -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            f"http://127.0.0.1:{self.address.port}", connector=aiohttp.TCPConnector(local_addr=(caller, 0))
        )

    async def post(
        self, body: Any = WANTED, headers: Mapping[str, str] = TOKEN, caller: str = "127.0.0.1"
    ) -> tuple[int, Any]:
        async with (
            self.session(caller) as session,
            session.post("/dashboard/act", json=body, headers=headers) as answer,
        ):
            return answer.status, await answer.json(content_type=None)

    async def get(
        self, path: str, headers: Mapping[str, str] | None = None, caller: str = "127.0.0.1"
    ) -> tuple[int, str, Any]:
        async with self.session(caller) as session, session.get(path, headers=headers) as answer:
            return answer.status, await answer.text(), answer.headers


async def served(stack: AsyncExitStack, *, actions: bool = True) -> DashboardUnderTest:
    found = DashboardUnderTest(Address("", 0), ScriptedReview(), state())
    reports = private_port.ServiceReports(look=found.look, act=found.act if actions else None)
    application = private_port.private_port(Metrics("test"), reports, found.review)
    found.address = await serve(stack, private_port.runner(application))
    return found


@pytest.fixture
async def page() -> AsyncIterator[DashboardUnderTest]:
    async with AsyncExitStack() as stack:
        yield await served(stack)


# --- the page -----------------------------------------------------------------------------------------------------


async def test_the_page_needs_nothing_else_and_runs_under_its_policy(page: DashboardUnderTest) -> None:
    status, text, headers = await page.get("/dashboard?q=kiosk&phase=awake")
    assert (status, page.filters) == (200, [("kiosk", "awake")])
    assert "kiosk" in text
    assert 'value="kiosk"' in text
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    assert "http" not in text.replace("http-equiv", "").split("<body>")[1].split("<script")[0]


async def test_who_has_not_been_visited_yet_has_no_last_visit(page: DashboardUnderTest) -> None:
    page.state["apps"] = [app("new", visitedAt=None, unseenSince="2026-01-31T11:57:00Z")]
    _, text, _ = await page.get("/dashboard")
    assert '<span class="soft" title="watched since 2026-01-31T11:57:00Z">nobody seen yet</span>' in text
    assert "<time datetime" not in text.split('id="rows"')[1].split("</td>")[1]


@pytest.mark.parametrize(
    ("amounts", "top", "heights"),
    [
        pytest.param([], "0.01", [], id="nothing yet"),
        pytest.param([0.001], "0.01", ["10.0"], id="next to nothing"),
        pytest.param([1.0, 4.0], "4.00", ["25.0", "100.0"], id="something"),
    ],
)
async def test_the_chart_of_savings_says_how_high_it_is(
    page: DashboardUnderTest, amounts: list[float], top: str, heights: list[str]
) -> None:
    page.state["hours"] = [{"at": at(hours=1), "coreHours": each, "replicaHours": 0.0} for each in amounts]
    _, text, _ = await page.get("/dashboard")
    chart = text.split('<div class="chart">')[1].split("</svg>")[0]
    assert chart.startswith(f'<span class="soft">{top}</span><span class="soft">0</span>')
    assert re.findall(r'height="([^"]*)"><title>', chart) == heights


@pytest.mark.parametrize(
    ("count", "apps", "wakes"),
    [(1, "1 app<", "1 wake took 3.0 s."), (2, "2 apps<", "2 wakes took 3.0 s together, ")],
)
async def test_numbers_have_their_words(page: DashboardUnderTest, count: int, apps: str, wakes: str) -> None:
    page.state["apps"] = [app(f"shop-{number}") for number in range(count)]
    page.state["savings"]["wakes"] = {"count": count, "seconds": 3.0, "median": 1.5}
    _, text, _ = await page.get("/dashboard")
    assert apps in text
    assert wakes in text


async def test_nothing_that_others_wrote_is_markup(page: DashboardUnderTest) -> None:
    page.state["apps"] = [app("evil", reason="<script>alert(1)</script>", namespace='"><b>')]
    page.state["controllers"][0]["problem"] = "<img src=x>"
    _, text, _ = await page.get('/dashboard?q="><i>')
    assert "<script>alert" not in text
    assert not {"<b>", "<img", "<i>"} & set(text.replace(">", "> ").split())


@pytest.mark.parametrize("path", ["/dashboard", "/dashboard/events"])
async def test_who_is_not_the_pod_itself_needs_the_right_to_list(page: DashboardUnderTest, path: str) -> None:
    assert (await page.get(path, caller=ANOTHER))[0] == 401
    page.review.verdict = Verdict.FORBIDDEN
    assert (await page.get(path, TOKEN, caller=ANOTHER))[0] == 403
    assert page.review.asked == [(Credential("secret", ""), Right("list", "deployments"))]
    assert page.filters == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"Host": "evil.example.com"}, 421, id="a name that leads here (DNS rebinding)"),
        pytest.param({"Origin": "https://evil.example.com"}, 403, id="a page of another origin"),
        pytest.param({"Sec-Fetch-Site": "cross-site"}, 403, id="a page of another site"),
        pytest.param({"Sec-Fetch-Site": "same-site"}, 403, id="another port of this machine"),
        pytest.param({"Host": "localhost:1234"}, 200, id="a forwarded port"),
        pytest.param({"Host": "[::1]:9090"}, 200, id="by IPv6"),
        pytest.param({"Sec-Fetch-Site": "none"}, 200, id="typed in"),
    ],
)
async def test_no_other_site_reads_it_or_acts(
    page: DashboardUnderTest, headers: Mapping[str, str], status: int
) -> None:
    assert (await page.get("/dashboard", headers))[0] == status
    assert (await page.post(headers=TOKEN | dict(headers)))[0] == status
    assert len(page.acts) == (status == 200)


# --- events -------------------------------------------------------------------------------------------------------


async def news(stream: aiohttp.StreamReader) -> dict[str, Any]:
    """The next event."""
    async with asyncio.timeout(10):
        while not (line := await stream.readline()).startswith(b"data: "):
            pass
    found: dict[str, Any] = json.loads(line[6:])
    return found


async def test_only_what_has_changed_is_sent(page: DashboardUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard, "LOOK_EVERY", 0.01)
    async with page.session() as session, session.get("/dashboard/events?q=x") as answer:
        assert answer.content_type == "text/event-stream"
        first = await news(answer.content)
        assert len(first["rows"]) == len(first["order"]) == len(page.state["apps"])
        assert first["parts"].keys() == {"tiles", "causes", "wakes", "controllers", "savings"}
        page.state["apps"][4] = app("kiosk", "Asleep", "Asleep", "asleep until visited")
        page.state["tiles"]["asleep"] += 1
        second = await news(answer.content)
        assert list(second["rows"]) == ["shops/Deployment/kiosk"]
        assert list(second["parts"]) == ["tiles"]
        assert "order" not in second
        del page.state["apps"][4]
        third = await news(answer.content)
        assert (list(third), len(third["order"])) == (["order"], len(page.state["apps"]))
    assert set(page.filters) == {("x", "")}


async def test_pages_share_a_look(page: DashboardUnderTest) -> None:
    async with page.session() as session, AsyncExitStack() as stack:
        for _ in range(3):
            answer = await stack.enter_async_context(session.get("/dashboard/events"))
            await news(answer.content)
        await page.get("/dashboard?q=x")
    assert page.filters == [("", ""), ("x", "")]


async def test_only_so_many_pages_are_open_at_once(page: DashboardUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard, "LOOK_EVERY", 0.01)
    monkeypatch.setattr(dashboard, "ALIVE_EVERY", 0.02)
    async with page.session() as session, AsyncExitStack() as stack:
        for _ in range(dashboard.MOST_PAGES):
            answer = await stack.enter_async_context(session.get("/dashboard/events"))
            await news(answer.content)
        assert (await page.get("/dashboard/events"))[0] == 503
        assert (await page.get("/dashboard"))[0] == 200, "it is shown, and not live"
        answer.close()
        async with asyncio.timeout(10):
            while True:  # until the server has noticed
                async with session.get("/dashboard/events") as again:
                    if again.status == 200:
                        break


# --- buttons ------------------------------------------------------------------------------------------------------


async def test_a_button_needs_the_right_to_patch_that_workload_from_the_pod_itself_too(
    page: DashboardUnderTest,
) -> None:
    assert (await page.post(headers={}))[0] == 401
    page.review.verdict = Verdict.FORBIDDEN
    assert (await page.post())[0] == 403
    assert page.acts == []
    page.review.verdict = Verdict.ALLOWED
    assert await page.post() == (200, {"detail": "done."})
    assert page.acts == [("shops", "Deployment", "kiosk", "sleep")]
    assert {right for _, right in page.review.asked} == {Right("patch", "deployments", "shops", "kiosk")}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param({**WANTED, "action": "delete"}, 400, id="no such action"),
        pytest.param({**WANTED, "kind": "Secret"}, 400, id="no such kind"),
        pytest.param({"name": "kiosk"}, 400, id="half of it"),
        pytest.param([], 400, id="no object"),
        pytest.param({**WANTED, "name": "x" * 5000}, 415, id="too long"),
    ],
)
async def test_what_is_no_request_is_refused(page: DashboardUnderTest, body: Any, status: int) -> None:
    assert (await page.post(body))[0] == status
    assert page.review.asked == []


async def test_a_form_of_another_page_cannot_send_it(page: DashboardUnderTest) -> None:
    async with page.session() as session, session.post("/dashboard/act", data=WANTED, headers=TOKEN) as answer:
        assert answer.status == 415


@pytest.mark.parametrize(
    ("error", "status"),
    [
        pytest.param(WakerError("it is pinned"), 409, id="it cannot be done"),
        pytest.param(Unavailable("no answer"), 502, id="the API server does not answer"),
    ],
)
async def test_what_goes_wrong_is_said(page: DashboardUnderTest, error: Exception, status: int) -> None:
    page.fails = error
    answered, problem = await page.post()
    assert answered == status
    assert str(error) in problem["detail"]


@pytest.mark.parametrize(
    ("row", "buttons"),
    [
        pytest.param(app("shop"), ["sleep", "pause"], id="awake"),
        pytest.param(app("shop", "Asleep", "Asleep"), ["wake", "pause"], id="asleep"),
        pytest.param(app("shop", code="Paused", paused=True), ["resume"], id="paused by an annotation of its own"),
        pytest.param(app("shop", code="Paused"), ["pause"], id="its namespace is paused"),
        pytest.param(app("shop", code="PinnedAwake"), ["auto"], id="pinned"),
        pytest.param(app("shop", "NotManaged", "NotEnabled"), [], id="not managed"),
    ],
)
async def test_the_buttons_of_a_row(page: DashboardUnderTest, row: dict[str, Any], buttons: list[str]) -> None:
    page.state["apps"] = [row]
    shown = (await page.get("/dashboard"))[1].split("<script")[0]
    assert re.findall('data-do="([a-z]+)"', shown) == buttons


async def test_without_the_flag_there_are_no_buttons() -> None:
    async with AsyncExitStack() as stack:
        page = await served(stack, actions=False)
        assert "data-do" not in (await page.get("/dashboard"))[1].split("<script")[0]
        assert (await page.post())[0] == 404


# --- what it costs who never asks for it --------------------------------------------------------------------------


ONLY_WHEN_ASKED = (
    "dashboard",
    "waker.explain.savings",
    "waker.explain.causes",
    "webbrowser",
    "waker.reconcile.by_hand",
)
LOADED = "import sys, waker.cli, waker.process; print(*sys.modules)"


def test_nothing_of_it_is_loaded_before_the_first_request() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, timeout=60, check=True)
    assert "waker.web.private_port" in done.stdout.split()
    assert [each for each in done.stdout.split() if any(word in each for word in ONLY_WHEN_ASKED)] == []
