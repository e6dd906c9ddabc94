"""Redirect mode, on both hosts: the app's, which sends browsers away, and waker's own, which sends them back."""

import asyncio
import json
import re
from datetime import timedelta
from urllib.parse import quote

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.web.browser import goes_to
from tests.web.conftest import APP, HOST, NOW, PAGE, WAIT_HOST, PortUnderTest
from tests.web.test_return_url import near
from tests.web.tricks import TRICKS
from waker import names
from waker.plan.model import Phase, VisitorPolicy
from waker.plan.progress import Step
from waker.settings.live import Live
from waker.web import public_port
from waker.web.wait_host import WaitHost

BROWSER = {"Sec-Fetch-Mode": "navigate", "Accept": "text/html"}
WAITING = BROWSER | {"Host": WAIT_HOST}
API = {"Host": WAIT_HOST}
DEEP = f"https://{HOST}/deep/link?a=1&b=%22x%22"


def where(path: str, url: str = DEEP) -> str:
    return f"{path}?url={quote(url, safe='', errors='surrogatepass')}"


@pytest.fixture
def sending(stand: PortUnderTest) -> PortUnderTest:
    """Its app wants its browsers redirected."""
    stand.apps.is_(Phase.ASLEEP, visitors=VisitorPolicy(while_asleep="redirect"))
    return stand


async def get(stand: PortUnderTest, path: str, **headers: str) -> aiohttp.ClientResponse:
    async with stand.client.get(path, headers=headers, allow_redirects=False) as answer:
        await answer.read()
        return answer


# --- the app's host -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "setting", "to"),
    [
        pytest.param({}, "wait.example.com", ("http://wait.example.com", f"http://{HOST}"), id="as it came"),
        pytest.param(
            {"X-Forwarded-Proto": "https"}, "wait.example.com", ("https://wait.example.com", f"https://{HOST}"), id="TLS"
        ),
        pytest.param({}, "https://wait.example.com", ("https://wait.example.com", f"http://{HOST}"), id="a scheme"),
        pytest.param(
            {"Host": f"{HOST}:8000"}, "wait.example.com:8000", ("http://wait.example.com:8000", f"http://{HOST}:8000"),
            id="a port",
        ),
        pytest.param(
            {"Host": "inner", "X-Forwarded-Host": f"{HOST}, inner"}, "wait.example.com",
            ("http://wait.example.com", f"http://{HOST}"), id="behind a proxy",
        ),
        pytest.param(
            {"X-Forwarded-Proto": "javascript"}, "wait.example.com", ("http://wait.example.com", f"http://{HOST}"),
            id="no scheme of the web",
        ),
    ],
)  # fmt: skip
async def test_a_navigation_is_sent_to_the_wait_host(
    sending: PortUnderTest, headers: dict[str, str], setting: str, to: tuple[str, str]
) -> None:
    sending.port.live = lambda: Live(wait_host=setting)
    answer = await get(sending, "/deep/link?a=1&b=%22x%22", **BROWSER, **headers)
    assert answer.status == 302
    assert answer.headers["Location"] == f"{to[0]}/?url={quote(to[1] + '/deep/link?a=1&b=%22x%22', safe='')}"
    assert answer.headers["Cache-Control"] == "no-store"
    assert names.MARKER in answer.headers
    assert sending.apps.knocks == [APP]


@pytest.mark.parametrize(
    ("setting", "headers", "path"),
    [
        pytest.param("", {}, "/", id="no wait host"),
        pytest.param(HOST, {}, "/", id="the app has the wait host's name"),
        pytest.param("wait.example.com", {"Host": f"{HOST}:8000"}, "/", id="a port that could not be gone back to"),
        pytest.param("wait.example.com", {}, "/" + "a" * 3000, id="too long"),
    ],
)
async def test_the_page_where_nobody_could_be_sent_back(
    sending: PortUnderTest, setting: str, headers: dict[str, str], path: str
) -> None:
    sending.port.live = lambda: Live(wait_host=setting)
    answer = await get(sending, path, **BROWSER, **headers)
    assert (answer.status, answer.content_type) == (503, "text/html")
    assert "Location" not in answer.headers


async def test_a_rule_for_any_host_redirects_nobody(sending: PortUnderTest) -> None:
    """Its app has every host, so no host is proof of anything."""
    sending.apps.serves_host = lambda host: False  # type: ignore[method-assign]
    assert (await get(sending, "/", **BROWSER)).content_type == "text/html"
    assert (await get(sending, where("/"), **WAITING)).status == 400


async def test_only_navigations_are_sent_away(sending: PortUnderTest) -> None:
    for headers in ({}, {"Sec-Fetch-Mode": "cors", "Accept": "text/html"}):
        assert (await get(sending, "/", **headers)).content_type == "application/problem+json"
    async with sending.client.post("/", data=b"x", headers=BROWSER, allow_redirects=False) as answer:
        assert answer.content_type == "application/problem+json"
    async with sending.client.head("/", headers=BROWSER, allow_redirects=False) as answer:
        assert answer.status == 503
    assert (await get(sending, "/", **BROWSER, **{"User-Agent": "Googlebot/2.1"})).status == 503


async def test_an_open_way_is_taken_and_not_announced(sending: PortUnderTest) -> None:
    async def app(_request: web.Request) -> web.Response:
        return web.Response(text="the app")

    await sending.upstream(app)
    sending.apps.is_(Phase.RESTORING_ROUTES, open=True, visitors=VisitorPolicy(while_asleep="redirect"))
    assert (await get(sending, "/", **BROWSER)).status == 200


# --- the wait host ------------------------------------------------------------------------------------------------


async def test_the_page_wakes_and_knows_the_way_back(stand: PortUnderTest) -> None:
    for path in ("/", "/back"):
        stand.apps.knocks.clear()
        answer = await get(stand, where(path), **WAITING)
        html = await answer.text()
        assert (answer.status, answer.content_type) == (503, "text/html")
        assert "The shop is waking up" in html
        assert f'url=/back?url={quote(DEEP, safe="")}"></noscript>' in html
        assert '"push":false,"api":"/api/v1/app","back":"/back"' in html
        assert stand.apps.knocks == [APP]
    assert stand.apps.found[-1] == (HOST, "/deep/link")


async def test_its_page_is_the_apps_page(stand: PortUnderTest) -> None:
    stand.apps.is_(Phase.WAKING, step=Step.PULLED)
    answer = await get(stand, where("/"), **WAITING, **{"Accept-Language": "de"})
    html = await answer.text()
    assert answer.headers["Content-Language"] == "de"
    assert "The shop wacht gerade auf" in html
    assert 'data-stage="started" data-state="current"' in html
    assert stand.apps.looks == [APP]


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"User-Agent": "Slackbot 1.0"}, id="a link preview"),
        pytest.param({"Sec-Purpose": "prefetch"}, id="a prefetch"),
        pytest.param({names.MARKER: names.MARK_POLL}, id="a question of the page"),
        pytest.param({names.MARKER: names.MARK_OWNERSHIP_CHECK}, id="a question of ours"),
    ],
)
async def test_who_does_not_wait_wakes_nothing(stand: PortUnderTest, headers: dict[str, str]) -> None:
    assert (await get(stand, where("/"), **WAITING, **headers)).status == 503
    assert not stand.apps.knocks


async def test_a_program_is_told_why(stand: PortUnderTest) -> None:
    answer = await get(stand, where("/"), **API)
    assert (answer.status, answer.content_type) == (503, "application/problem+json")
    assert stand.apps.knocks == [APP]


async def test_pinned_asleep_is_said(stand: PortUnderTest) -> None:
    stand.apps.is_(Phase.ASLEEP, pinned=True)
    assert "switched off" in await (await get(stand, where("/"), **WAITING)).text()
    assert not stand.apps.knocks


FREE = pytest.mark.parametrize(
    ("phase", "is_open"), [(Phase.RESTORING_ROUTES, True), (Phase.AWAKE, False), (Phase.NOT_MANAGED, False)]
)


@FREE
async def test_back_when_the_way_is_open(stand: PortUnderTest, phase: Phase, is_open: bool) -> None:
    stand.apps.is_(phase, open=is_open)
    answer = await get(stand, where("/back"), **WAITING)
    assert (answer.status, answer.headers["Location"]) == (302, DEEP)
    assert (await get(stand, where("/"), **WAITING)).status == 503, "a page between any two redirects"
    assert not stand.apps.knocks


async def test_no_two_redirects_without_a_page_between(sending: PortUnderTest) -> None:
    """As a browser without JavaScript follows them, while the app's host and the wait host never agree."""
    reception = VisitorPolicy(while_asleep="redirect")
    host, path, pages = HOST, "/deep", 0
    for _ in range(30):
        sending.apps.is_(Phase.WAKING, open=host == WAIT_HOST, visitors=reception)
        answer = await get(sending, path, **BROWSER, Host=host)
        if answer.status == 302:
            to = answer.headers["Location"].removeprefix("http://")
            host, path = to.split("/", 1)[0], "/" + to.split("/", 1)[1]
        else:
            pages += 1
            path = path.replace("/?", "/back?")
    assert pages == 10


@pytest.mark.parametrize("path", ["/", "/back", "/api/v1/app"])
@pytest.mark.parametrize("text", TRICKS.values(), ids=TRICKS.keys())
async def test_nobody_is_sent_elsewhere(stand: PortUnderTest, path: str, text: str) -> None:
    stand.apps.is_(Phase.AWAKE)
    answer = await get(stand, where(path, text), **WAITING)
    told = await answer.text()
    assert answer.status == 400
    assert answer.content_type == ("application/problem+json" if path == "/api/v1/app" else "text/plain")
    assert "Location" not in answer.headers
    assert "evil" not in told + str(answer.raw_headers)
    assert not stand.apps.knocks


@pytest.mark.parametrize("path", ["/deep", "/favicon.ico", "/api/v1/apps", "/back/"])
async def test_no_other_path_is_anything(stand: PortUnderTest, path: str) -> None:
    assert (await get(stand, where(path), **WAITING)).status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
async def test_it_only_answers_questions(stand: PortUnderTest, method: str) -> None:
    async with stand.client.request(method, where("/"), headers=WAITING) as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
    assert not stand.apps.knocks


@pytest.mark.parametrize(("setting", "meant"), [("", False), (WAIT_HOST, True), (f"https://{WAIT_HOST}:8443", True)])
def test_without_a_setting_there_is_no_wait_host(stand: PortUnderTest, setting: str, meant: bool) -> None:
    host = WaitHost(stand.apps, PAGE, lambda: Live(wait_host=setting), lambda: NOW, stand.apps.wait_for_address)  # type: ignore[arg-type]
    for headers in ({"Host": f"{WAIT_HOST.upper()}:80"}, {"Host": "inner", "X-Forwarded-Host": WAIT_HOST}):
        assert host.is_for(make_mocked_request("GET", "/", headers=headers)) is meant
    assert not host.is_for(make_mocked_request("GET", "/", headers={"Host": ""}))


# --- its API ------------------------------------------------------------------------------------------------------


async def test_how_an_app_stands(stand: PortUnderTest) -> None:
    stand.apps.is_(Phase.WAKING, since=NOW - timedelta(seconds=42), step=Step.SCHEDULED)
    answer = await get(stand, where("/api/v1/app"), **API)
    assert (answer.status, answer.content_type) == (200, "application/json")
    assert answer.headers[names.MARKER] == "waiting; phase=Waking; mood=waking; step=2; say=scheduled"
    assert json.loads(await answer.text()) == {
        "title": "The shop",
        "phase": "Waking",
        "ready": False,
        "elapsed": 42,
        "sentence": "Fetching what it needs to start.",
    }
    assert not stand.apps.knocks
    assert not stand.apps.waits


@FREE
async def test_ready_is_when_one_may_go(stand: PortUnderTest, phase: Phase, is_open: bool) -> None:
    stand.apps.is_(phase, open=is_open)
    answer = await get(stand, where("/api/v1/app"), **API)
    assert json.loads(await answer.text())["ready"] is True
    assert names.MARKER not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"


async def test_the_pages_question_is_held_until_the_way_is_open(stand: PortUnderTest) -> None:
    stand.apps.is_(Phase.WAKING)
    stand.apps.gate = asyncio.Event()
    asked = asyncio.create_task(stand.client.head(where("/api/v1/app"), headers=API | {names.MARKER: names.MARK_POLL}))
    await stand.apps.waiting.wait()
    assert stand.apps.waits == [public_port.POLL_ALONE]
    stand.apps.is_(Phase.RESTORING_ROUTES, open=True)
    stand.apps.gate.set()
    async with await asked as answer:
        assert answer.status == 200
        assert names.MARKER not in answer.headers
    assert not stand.apps.knocks


@pytest.mark.parametrize(
    ("origin", "may"),
    [
        pytest.param(f"https://{HOST}", True, id="ours"),
        pytest.param(f"http://{HOST}", True, id="ours, without TLS"),
        pytest.param(f"https://{HOST}:8443", False, id="another port"),
        pytest.param(f"https://{HOST}/", False, id="no origin"),
        pytest.param(f"HTTPS://{HOST}", False, id="no browser writes it so"),
        pytest.param(f"https://{HOST}.evil.example", False, id="a suffix"),
        pytest.param(f"https://evil{HOST}", False, id="a prefix"),
        pytest.param("https://evil.example", False, id="another"),
        pytest.param("null", False, id="null"),
        pytest.param("*", False, id="all"),
        pytest.param("", False, id="nothing"),
    ],
)
async def test_which_pages_may_read_it(stand: PortUnderTest, origin: str, may: bool) -> None:
    for url, status in ((DEEP, 200), ("https://evil.example/", 400)):
        answer = await get(stand, where("/api/v1/app", url), **API, Origin=origin)
        assert answer.status == status
        assert answer.headers["Vary"] == "Origin"
        assert answer.headers.get("Access-Control-Allow-Origin") == (origin if may else None)
    async with stand.client.options(where("/api/v1/app"), headers=API | {"Origin": origin}) as answer:
        assert answer.status == 204
        assert answer.headers.get("Access-Control-Allow-Origin") == (origin if may else None)
        assert "Access-Control-Allow-Credentials" not in answer.headers
    assert not stand.apps.knocks


# --- anything ------------------------------------------------------------------------------------------------------


async def test_whatever_is_asked(stand: PortUnderTest, caplog: pytest.LogCaptureFixture) -> None:
    loop = asyncio.get_running_loop()
    stand.apps.is_(Phase.AWAKE)
    secret = "<Zq9xEcho>"

    async def ask(query: str, path: str, origin: str) -> None:
        headers = WAITING | {"Origin": re.sub(r"[^ -~]", "", origin)}
        answer = await get(stand, f"{path}?{query}", **headers)
        told = await answer.text()
        assert answer.status in (200, 302, 400, 503)
        assert secret not in told
        assert secret not in str(answer.raw_headers)
        if "Location" in answer.headers:
            assert goes_to(answer.headers["Location"]) in [("http", HOST), ("https", HOST)]
        allowed = answer.headers.get("Access-Control-Allow-Origin")
        assert allowed is None or goes_to(allowed)[1] == HOST

    @settings(max_examples=300, deadline=None, database=None)
    @given(
        near, st.sampled_from(["/", "/back", "/api/v1/app"]), st.sampled_from(["", secret]), st.booleans(),
        st.one_of(near, st.just(f"https://{HOST}")),
    )  # fmt: skip
    def fuzz(url: str, path: str, more: str, encoded: bool, origin: str) -> None:
        query = quote(url + more, safe="" if encoded else "/:@?&=%+;!", errors="surrogatepass")
        asyncio.run_coroutine_threadsafe(ask(f"url={query}", path, origin), loop).result(10)

    await asyncio.to_thread(fuzz)
    assert "could not be answered" not in caplog.text
