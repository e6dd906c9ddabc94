import asyncio
import json
from datetime import timedelta

import pytest
from aiohttp import web

from tests.web.conftest import APP, ASLEEP, HOST, LIVE, PAGE, PortUnderTest, until
from waker import names
from waker.plan.model import Address, Phase, VisitorPolicy
from waker.plan.page_transport import PageTransport
from waker.plan.progress import Step, Trouble
from waker.web import public_port

BROWSER = {"Sec-Fetch-Mode": "navigate", "Accept": "text/html"}
EN = PAGE.languages["en"]
POLL = {names.MARKER: names.MARK_POLL}


async def app_answer(request: web.Request) -> web.Response:
    return web.Response(text=f"app: {request.method} {request.path_qs} {await request.text()}")


async def test_a_probe_of_ours_is_told_who_answers_and_touches_nothing(stand: PortUnderTest) -> None:
    for method in ("HEAD", "GET", "POST"):
        probe = {names.MARKER: names.MARK_OWNERSHIP_CHECK, "Host": "demo.kubesleeper.invalid"}
        async with stand.client.request(method, "/a", headers=probe) as answer:
            assert (answer.status, answer.headers[names.MARKER]) == (204, names.MARK_PAGE)
    assert not stand.apps.found
    assert not stand.apps.knocks


async def test_the_page_is_in_the_visitors_language_and_says_so(stand: PortUnderTest) -> None:
    async with stand.client.get("/", headers=BROWSER | {"Accept-Language": "de-CH, en;q=0.5"}) as answer:
        assert (answer.headers["Content-Language"], answer.headers["Vary"]) == ("de", "Accept-Language")
        assert '<html lang="de"' in await answer.text()


async def test_the_page_gets_through_where_503_does_not(stand: PortUnderTest) -> None:
    stand.apps.is_(Phase.ASLEEP, transport=PageTransport(frozenset({503})))
    async with stand.client.get("/", headers=BROWSER) as answer:
        assert answer.status == 202
        assert answer.headers["Cache-Control"] == "no-store"


async def test_an_unknown_host_wakes_nothing(stand: PortUnderTest) -> None:
    async with stand.client.get("/", headers={"Host": "other.example", **BROWSER}) as answer:
        assert (answer.status, answer.content_type) == (404, "text/plain")
        assert answer.headers[names.MARKER] == names.MARK_PAGE
        assert "other.example" not in await answer.text()
    assert not stand.apps.knocks


@pytest.mark.parametrize(
    ("headers", "known"),
    [
        ({"Host": "SHOP.Example.com:80"}, True),
        ({"Host": "waker.internal", "X-Forwarded-Host": "shop.example.com, inner"}, True),
        ({"Host": HOST, "X-Forwarded-Host": "other.example"}, True),
        ({"Host": "other.example", "X-Forwarded-Host": "another.example"}, False),
    ],
)
async def test_which_host_counts(stand: PortUnderTest, headers: dict[str, str], known: bool) -> None:
    async with stand.client.get("/a%20b?q=1", headers=headers | BROWSER) as answer:
        assert answer.status == (503 if known else 404)
    assert bool(stand.apps.knocks) is known
    assert {path for _, path in stand.apps.found} == {"/a b"}


async def test_a_browser_gets_the_page_at_once(stand: PortUnderTest) -> None:
    async with stand.client.get("/deep?x=1", headers=BROWSER) as answer:
        assert answer.status == 503
        assert answer.headers[names.MARKER] == "waiting; phase=Asleep"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Robots-Tag"] == "noindex"
        assert int(answer.headers["Retry-After"]) > 0
        assert "Server" not in answer.headers
        assert "The shop is waking up" in await answer.text()
    assert stand.apps.knocks == [APP]
    assert not stand.apps.waits


@pytest.mark.parametrize("phase", [Phase.FALLING_ASLEEP, Phase.RESTORING_ROUTES, Phase.AWAKE])
async def test_a_browser_waits_a_moment_where_pods_may_be_up(stand: PortUnderTest, phase: Phase) -> None:
    stand.apps.is_(phase)
    async with stand.client.get("/", headers=BROWSER) as answer:
        assert (answer.status, answer.content_type) == (503, "text/html")
    assert stand.apps.waits == [public_port.FLASH_GUARD]
    await stand.upstream(app_answer)
    async with stand.client.get("/", headers=BROWSER) as answer:
        assert (answer.status, await answer.text()) == (200, "app: GET / ")
        assert names.MARKER not in answer.headers


async def test_a_client_is_held_and_passed_on_once(stand: PortUnderTest) -> None:
    await stand.upstream(app_answer)
    stand.apps.gate = asyncio.Event()
    asked = asyncio.create_task(stand.client.post("/order?n=1", data=b"one book"))
    await stand.apps.waiting.wait()
    assert stand.apps.knocks == [APP]
    assert stand.port.held.waiting[APP] == 1
    stand.apps.gate.set()
    async with await asked as answer:
        assert (answer.status, await answer.text()) == (200, "app: POST /order?n=1 one book")
    assert stand.apps.waits == [LIVE.hold_for]
    assert (stand.apps.carried, stand.apps.most_carried) == (0, 1)
    assert not stand.port.held.waiting


async def test_a_client_that_was_held_too_long_is_told_why(stand: PortUnderTest) -> None:
    stand.apps.is_(Phase.WAKING, trouble=Trouble.IMAGE)
    async with stand.client.post("/order", data=b"x") as answer:
        assert (answer.status, answer.content_type) == (503, "application/problem+json")
        assert int(answer.headers["Retry-After"]) > 0
        told = json.loads(await answer.text())
        assert (told["status"], told["detail"], told["phase"]) == (503, EN["say.image"], "Waking")


async def test_a_client_that_leaves_is_no_longer_held(stand: PortUnderTest) -> None:
    await stand.upstream(app_answer)
    stand.apps.gate = asyncio.Event()
    asked = asyncio.create_task(stand.client.post("/order", data=b"x"))
    await stand.apps.waiting.wait()
    asked.cancel()
    await until(lambda: not stand.port.held.waiting)
    assert stand.apps.most_carried == 0


async def test_a_crowd_beyond_the_places_is_answered_at_once(stand: PortUnderTest) -> None:
    stand.port.held.per_app = 1
    stand.apps.gate = asyncio.Event()
    held = asyncio.create_task(stand.client.get("/"))
    await stand.apps.waiting.wait()
    async with stand.client.get("/") as answer:
        assert (answer.status, answer.content_type) == (503, "application/problem+json")
    stand.apps.gate.set()
    (await held).close()


@pytest.mark.parametrize("probe", [{"User-Agent": "kube-probe/1.34"}, {"User-Agent": "Googlebot/2.1", **BROWSER}])
async def test_a_probe_wakes_nothing_until_the_app_is_open(stand: PortUnderTest, probe: dict[str, str]) -> None:
    async with stand.client.get("/", headers=probe) as answer:
        assert (answer.status, await answer.read()) == (503, b"")
        assert int(answer.headers["Retry-After"]) > 0
    assert not stand.apps.knocks
    stand.apps.is_(Phase.RESTORING_ROUTES, open=True)
    await stand.upstream(app_answer)
    async with stand.client.get("/", headers=probe) as answer:
        assert answer.status == 200
    assert not stand.apps.knocks


PREFLIGHT = {"Origin": "https://other.example", "Access-Control-Request-Method": "DELETE"}


async def test_a_preflight_waits_for_the_app_and_nobody_else_grants_it(stand: PortUnderTest) -> None:
    async def grants(request: web.Request) -> web.Response:
        return web.Response(status=204, headers={"Access-Control-Allow-Origin": request.headers["Origin"]})

    await stand.upstream(grants)
    stand.apps.gate = asyncio.Event()
    asked = asyncio.create_task(stand.client.options("/order", headers=PREFLIGHT))
    await stand.apps.waiting.wait()
    assert stand.apps.knocks == [APP]
    stand.apps.gate.set()
    async with await asked as answer:
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (204, "https://other.example")


async def test_a_preflight_that_waited_too_long_is_not_granted(stand: PortUnderTest) -> None:
    async with stand.client.options("/order", headers=PREFLIGHT) as answer:
        assert (answer.status, answer.content_type) == (503, "application/problem+json")
        assert not [name for name in answer.headers if name.startswith("Access-Control")]


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        pytest.param({"User-Agent": "UptimeRobot/2.0"}, 200, id="a monitor stays green"),
        pytest.param({"User-Agent": "nightly/1"}, 200, id="an agent of the app's own list too"),
        pytest.param({"User-Agent": "Googlebot/2.1", **BROWSER}, 503, id="a crawler must not index it"),
        pytest.param({"Sec-Purpose": "prefetch", **BROWSER}, 503, id="a prefetch must not be shown"),
    ],
)
async def test_what_probes_hear_where_monitors_should_stay_green(
    stand: PortUnderTest, asked: dict[str, str], status: int
) -> None:
    stand.apps.is_(Phase.ASLEEP, visitors=VisitorPolicy(health_check_response=200, ignore_agents=("Nightly",)))
    async with stand.client.get("/", headers=asked) as answer:
        assert (answer.status, await answer.read()) == (status, b"")
        assert answer.headers[names.MARKER] == "waiting; phase=Asleep"
    assert not stand.apps.knocks


async def test_where_everybody_is_held_browsers_are_too_and_get_the_page_at_last(stand: PortUnderTest) -> None:
    hold = VisitorPolicy(while_asleep="hold", hold_for=timedelta(seconds=7))
    stand.apps.is_(Phase.ASLEEP, visitors=hold)
    async with stand.client.get("/", headers=BROWSER) as answer:
        assert (answer.status, answer.content_type) == (503, "text/html")
    await stand.upstream(app_answer)
    async with stand.client.get("/a", headers=BROWSER) as answer:
        assert (answer.status, await answer.text()) == (200, "app: GET /a ")
    assert stand.apps.waits == [hold.hold_for, hold.hold_for]
    assert stand.apps.knocks == [APP, APP]


async def test_where_everybody_gets_the_page_only_who_would_lose_something_is_held(stand: PortUnderTest) -> None:
    stand.apps.is_(Phase.ASLEEP, visitors=VisitorPolicy(while_asleep="page"))
    async with stand.client.get("/", headers={"Accept": "*/*"}) as answer:
        assert (answer.status, answer.content_type) == (503, "text/html")
    assert not stand.apps.waits
    async with stand.client.post("/", data=b"x", headers={"Accept": "*/*"}) as answer:
        assert (answer.status, answer.content_type) == (503, "application/problem+json")
    assert stand.apps.waits == [LIVE.hold_for]


async def test_who_is_passed_on_keeps_its_place_until_it_is_answered(stand: PortUnderTest) -> None:
    arrived, go = asyncio.Event(), asyncio.Event()

    async def slow(_request: web.Request) -> web.Response:
        arrived.set()
        await go.wait()
        return web.Response()

    await stand.upstream(slow)
    stand.apps.is_(Phase.RESTORING_ROUTES, open=True)
    stand.port.held.per_app = 1
    first = asyncio.create_task(stand.client.get("/"))
    await arrived.wait()
    async with stand.client.get("/") as answer:
        assert (answer.status, answer.content_type) == (503, "application/problem+json")
    go.set()
    async with await first as answer:
        assert answer.status == 200
    assert not stand.port.held.waiting


async def test_a_big_body_takes_more_places_than_a_small_one(stand: PortUnderTest) -> None:
    stand.apps.gate = asyncio.Event()
    for size, places in (
        (100, 1),
        (public_port.BODY_AHEAD * 100, 1 + public_port.BODY_AHEAD // public_port.SLOT_BYTES),
    ):
        _, writer = await asyncio.open_connection(*stand.address)
        writer.write(f"PUT / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {size}\r\n\r\n".encode())
        await stand.apps.waiting.wait()
        assert stand.port.held.waiting[APP] == places
        writer.close()
        await writer.wait_closed()
        await until(lambda: not stand.port.held.waiting)
        stand.apps.waiting.clear()


@pytest.mark.parametrize(("headers", "kind"), [(BROWSER, "text/html"), ({}, "application/problem+json")])
async def test_pinned_asleep_is_said_at_once(stand: PortUnderTest, headers: dict[str, str], kind: str) -> None:
    stand.apps.is_(Phase.ASLEEP, pinned=True)
    async with stand.client.get("/", headers=headers) as answer:
        assert (answer.status, answer.content_type) == (503, kind)
        assert "Its owner has put it to sleep" in await answer.text()
    assert not stand.apps.knocks
    assert not stand.apps.waits


async def test_the_pages_poll_never_knocks_and_tells_the_phase(stand: PortUnderTest) -> None:
    stand.apps.is_(Phase.WAKING, step=Step.PULLED)
    async with stand.client.head("/deep", headers=POLL) as answer:
        assert answer.status == 202
        assert answer.headers[names.MARKER] == "waiting; phase=Waking; mood=waking; step=3; say=pulled"
    assert not stand.apps.knocks
    assert stand.apps.looks == [APP]
    assert stand.apps.waits == [public_port.POLL]


async def test_a_poll_is_answered_sooner_where_nothing_else_tells_the_page(stand: PortUnderTest) -> None:
    stand.apps.is_(Phase.WAKING, transport=PageTransport(push=False))
    async with stand.client.head("/", headers=POLL) as answer:
        assert answer.status == 202
    assert stand.apps.waits == [public_port.POLL_ALONE]


async def test_the_pages_poll_is_answered_when_the_way_opens_and_the_app_is_not_asked(stand: PortUnderTest) -> None:
    asked: list[str] = []

    async def counting(request: web.Request) -> web.Response:
        asked.append(request.method)
        return web.Response()

    await stand.upstream(counting)
    stand.apps.gate = asyncio.Event()
    poll = asyncio.create_task(stand.client.head("/", headers=POLL))
    await stand.apps.waiting.wait()
    assert not poll.done()
    stand.apps.gate.set()
    async with await poll as answer:
        assert answer.status == 204
        assert names.MARKER not in answer.headers
    assert not asked
    assert not stand.apps.knocks


async def test_polls_take_no_clients_place_and_have_places_of_their_own(stand: PortUnderTest) -> None:
    stand.port.polls.per_app = 0
    async with stand.client.head("/", headers=POLL) as answer:
        assert answer.status == 202
    assert [wait.total_seconds() for wait in stand.apps.waits] == [0]


async def test_a_pod_that_refuses_is_replaced_by_another(
    stand: PortUnderTest, unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(public_port, "PAUSES", (0, 0))
    good, nobody = await stand.upstream(app_answer), Address("127.0.0.1", unused_tcp_port)
    stand.apps.ways = [nobody, nobody, good]
    async with stand.client.post("/order", data=b"one book") as answer:
        assert (answer.status, await answer.text()) == (200, "app: POST /order one book")
    stand.apps.ways = [nobody]
    for headers, kind in (({}, "application/problem+json"), (BROWSER, "text/html")):
        stand.apps.is_(Phase.RESTORING_ROUTES, open=True)
        async with stand.client.get("/", headers=headers) as answer:
            assert (answer.status, answer.content_type) == (503, kind)
            assert answer.headers[names.MARKER] == "waiting; phase=RestoringRoutes"
    assert stand.apps.carried == 0


async def test_a_request_is_never_sent_twice(stand: PortUnderTest) -> None:
    asked: list[str] = []

    async def dies(request: web.Request) -> web.Response:
        asked.append(request.method)
        assert request.transport
        request.transport.abort()
        return web.Response()

    await stand.upstream(dies)
    for method in ("GET", "PUT", "POST"):
        async with stand.client.request(method, "/", data=None if method == "GET" else b"x") as answer:
            assert (answer.status, answer.content_type) == (502, "application/problem+json")
            assert names.MARKER in answer.headers
    assert asked == ["GET", "PUT", "POST"]
    assert stand.apps.carried == 0


async def test_a_failure_in_here_is_no_500(stand: PortUnderTest, caplog: pytest.LogCaptureFixture) -> None:
    def broken(_host: str, _path: str) -> None:
        raise RuntimeError("broken inside")

    stand.apps.find = broken  # type: ignore[assignment, method-assign]
    async with stand.client.get("/secret-path") as answer:
        assert (answer.status, answer.headers[names.MARKER]) == (503, names.MARK_PAGE)
        assert "broken" not in await answer.text()
    assert "a request could not be answered" in caplog.text
    assert "secret-path" not in caplog.text


async def test_answers_are_counted(stand: PortUnderTest) -> None:
    async with stand.client.get("/", headers=BROWSER), stand.client.head("/"):
        pass
    text = stand.port.metrics.exposition().decode()
    assert 'kubesleeper_answers_total{kind="page"} 1.0' in text
    assert 'kubesleeper_answers_total{kind="background"} 1.0' in text


async def test_many_browsers_and_clients_at_once_end_at_the_app(stand: PortUnderTest) -> None:
    await stand.upstream(app_answer)
    stand.apps.gate = asyncio.Event()
    held = [asyncio.create_task(stand.client.post("/", data=str(n))) for n in range(90)]
    await until(lambda: stand.port.held.waiting[APP] == 90)
    async with stand.client.get("/", headers=BROWSER) as page:
        assert page.status == 503
    stand.apps.gate.set()
    texts = []
    for each in held:
        async with await each as answer:
            texts.append(await answer.text())
    assert texts == [f"app: POST / {n}" for n in range(90)]
    assert stand.apps.view == ASLEEP
