"""The doors: that a request is for the app at whose door it arrives, and what a browser and an ownership check get."""

import asyncio

import pytest
from yarl import URL

from tests.web.conftest import APP, ASLEEP, BROWSER, DOOR, HOST, PortUnderTest, app_answer, until
from waker import names
from waker.plan.doors import DoorKey
from waker.plan.model import AppId, Phase
from waker.plan.page_transport import PageTransport
from waker.plan.routes.route import Backend
from waker.web import hold_times
from waker.web.samples import LOGO

NONCE = "0" * 32


async def test_an_ownership_check_is_answered_with_the_doors_proof_and_looks_nothing_up(rig: PortUnderTest) -> None:
    for method in ("HEAD", "GET", "POST"):
        check = {names.MARKER: names.MARK_OWNERSHIP_CHECK, names.NONCE: NONCE, "Host": "anything.example"}
        async with rig.client.request(method, "/a", headers=check) as answer:
            assert (answer.status, answer.headers[names.MARKER]) == (204, names.MARK_PAGE)
            assert answer.headers[names.PROOF] == f"{rig.address.port} {NONCE}"
    assert not rig.apps.lookups
    assert not rig.apps.knocks


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Host": "other.example"},
        {"Host": ""},
        {"Host": HOST, "X-Forwarded-Host": "other.example"},
        {"Host": "wait.example.com"},
        {"Forwarded": "host=other.example"},
        {"X-Original-Url": "/other"},
    ],
)
@pytest.mark.parametrize(
    "path", ["/", "/deep/link", "/admin/..%2fpublic", "//other", "/a%0Ab", "/a%0D%0Ab", "/%00", "/..;/x"]
)
async def test_a_request_at_a_door_is_for_its_app_whatever_it_says(
    rig: PortUnderTest, headers: dict[str, str], path: str
) -> None:
    await rig.upstream(app_answer)
    rig.apps.set_phase(Phase.RESTORING_ROUTES, open=True)
    async with rig.client.get(
        URL(f"http://127.0.0.1:{rig.address.port}{path}", encoded=True), headers=headers
    ) as answer:
        assert answer.status == 200
        assert (await answer.text()).startswith("app: GET /")
    assert set(rig.apps.knocks) == {APP}


async def test_who_comes_before_it_is_known_how_the_app_stands_waits_for_that(rig: PortUnderTest) -> None:
    rig.apps.decided, rig.apps.gate = False, asyncio.Event()
    visit = asyncio.create_task(_visited(rig))
    await rig.apps.waiting.wait()
    assert rig.port.held.taken[APP], "who waits takes a slot"
    assert not rig.apps.lookups
    rig.apps.gate.set()
    assert await visit == (503, "The shop")
    assert set(rig.apps.knocks) == {APP}


async def test_an_app_of_which_nothing_gets_known_is_not_called_unknown(rig: PortUnderTest) -> None:
    rig.apps.decided = False
    async with rig.client.get("/", headers=BROWSER) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
        assert names.MARKER in answer.headers
    with rig.port.held.slots(APP, rig.port.held.counts.per_app) as all_taken:
        assert all_taken
        rig.apps.waits.clear()
        async with rig.client.get("/", headers=BROWSER) as answer:
            assert answer.status == 503
        assert not rig.apps.waits, "nobody waits without a slot"
    check = {names.MARKER: names.MARK_OWNERSHIP_CHECK, names.NONCE: NONCE}
    async with rig.client.get("/", headers=check) as answer:
        assert answer.headers[names.PROOF] == f"{rig.address.port} {NONCE}"


async def _visited(rig: PortUnderTest) -> tuple[int, str]:
    """What a browser gets: the status, and the app's name if it is on the page."""
    async with rig.client.get("/", headers=BROWSER) as answer:
        return answer.status, "The shop" if "The shop" in await answer.text() else ""


@pytest.mark.parametrize(
    "headers", [BROWSER, {}, {"Host": "other.example"}, {names.MARKER: names.MARK_OWNERSHIP_CHECK, names.NONCE: NONCE}]
)
async def test_at_the_public_port_there_is_no_app(rig: PortUnderTest, headers: dict[str, str]) -> None:
    """It serves the wait host only, whatever Host a pod of the cluster sends there."""
    await rig.upstream(app_answer)
    rig.apps.set_phase(Phase.RESTORING_ROUTES, open=True)
    async with rig.outside.get("/", headers=headers) as answer:
        assert (answer.status, answer.content_type) == (421, "text/plain")
        assert answer.headers[names.MARKER] == names.MARK_PAGE
        assert names.PROOF not in answer.headers
    assert not rig.apps.knocks


async def test_a_closed_door_answers_421_and_wakes_nothing(rig: PortUnderTest) -> None:
    await rig.upstream(app_answer)
    rig.apps.set_phase(Phase.AWAKE, open=True)
    rig.apps.open_door = False
    for headers in ({}, BROWSER, {names.MARKER: names.MARK_POLL}):
        async with rig.client.get("/", headers=headers) as answer:
            assert (answer.status, answer.headers[names.MARKER]) == (421, names.MARK_PAGE)
    assert not rig.apps.knocks


async def test_before_a_door_turns_somebody_away_the_api_server_is_asked(rig: PortUnderTest) -> None:
    asked: list[tuple[int, DoorKey]] = []

    async def leads_there(number: int, key: DoorKey) -> bool:
        asked.append((number, key))
        return True

    rig.apps.open_door = False
    rig.port.route_leads_to = leads_there
    async with rig.client.get("/", headers=BROWSER) as answer:
        assert answer.status == 503
    assert asked == [(rig.address.port, DOOR)]
    assert rig.apps.knocks == [APP]


async def test_a_browser_gets_the_page_at_once(rig: PortUnderTest) -> None:
    async with rig.client.get("/deep?x=1", headers=BROWSER) as answer:
        assert answer.status == 503
        assert answer.headers[names.MARKER] == "waiting; phase=Asleep"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Robots-Tag"] == "noindex"
        assert int(answer.headers["Retry-After"]) > 0
        assert "Server" not in answer.headers
        assert "The shop is waking up" in await answer.text()
    assert rig.apps.knocks == [APP]
    assert not rig.apps.waits


async def test_the_page_is_in_the_visitors_language(rig: PortUnderTest) -> None:
    async with rig.client.get("/", headers=BROWSER | {"Accept-Language": "de-CH, en;q=0.5"}) as answer:
        assert (answer.headers["Content-Language"], answer.headers["Vary"]) == ("de", "Accept-Language")
        assert '<html lang="de"' in await answer.text()


async def test_the_page_is_sent_as_202_where_a_controller_replaces_503(rig: PortUnderTest) -> None:
    rig.apps.set_phase(Phase.ASLEEP, transport=PageTransport(frozenset({503})))
    async with rig.client.get("/", headers=BROWSER) as answer:
        assert answer.status == 202
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("phase", [Phase.FALLING_ASLEEP, Phase.RESTORING_ROUTES, Phase.AWAKE])
async def test_a_browser_waits_a_moment_where_pods_may_be_up(rig: PortUnderTest, phase: Phase) -> None:
    rig.apps.set_phase(phase)
    async with rig.client.get("/", headers=BROWSER) as answer:
        assert (answer.status, answer.content_type) == (503, "text/html")
    assert rig.apps.waits == [hold_times.FLASH_GUARD]
    await rig.upstream(app_answer)
    async with rig.client.get("/", headers=BROWSER) as answer:
        assert (answer.status, await answer.text()) == (200, "app: GET / ")
        assert names.MARKER not in answer.headers


@pytest.mark.parametrize(("headers", "content_type"), [(BROWSER, "text/html"), ({}, "application/problem+json")])
async def test_an_app_that_is_pinned_asleep_is_reported_at_once(
    rig: PortUnderTest, headers: dict[str, str], content_type: str
) -> None:
    rig.apps.set_phase(Phase.ASLEEP, pinned=True)
    async with rig.client.get("/", headers=headers) as answer:
        assert (answer.status, answer.content_type) == (503, content_type)
        assert "Its owner has put it to sleep" in await answer.text()
    assert not rig.apps.knocks
    assert not rig.apps.waits


async def test_an_error_inside_waker_is_not_a_500(rig: PortUnderTest, caplog: pytest.LogCaptureFixture) -> None:
    def broken(_app: AppId, _backend: Backend) -> None:
        raise RuntimeError("broken inside")

    rig.apps.view = broken  # type: ignore[assignment, method-assign]
    async with rig.client.get("/secret-path") as answer:
        assert (answer.status, answer.headers[names.MARKER]) == (503, names.MARK_PAGE)
        assert "broken" not in await answer.text()
    assert "a request could not be answered" in caplog.text
    assert "secret-path" not in caplog.text


async def test_answers_are_counted(rig: PortUnderTest) -> None:
    async with rig.client.get("/", headers=BROWSER), rig.client.head("/"):
        pass
    text = rig.port.metrics.exposition().decode()
    assert 'kubesleeper_responses_total{kind="page"} 1.0' in text
    assert 'kubesleeper_responses_total{kind="background"} 1.0' in text


async def test_many_clients_at_once_reach_the_app_and_a_browser_meanwhile_gets_the_page(rig: PortUnderTest) -> None:
    await rig.upstream(app_answer)
    rig.apps.gate = asyncio.Event()
    held = [asyncio.create_task(rig.client.post("/", data=str(n))) for n in range(90)]
    await until(lambda: rig.port.held.taken[APP] == 90)
    async with rig.client.get("/", headers=BROWSER) as page:
        assert page.status == 503
    rig.apps.gate.set()
    texts = []
    for each in held:
        async with await each as answer:
            texts.append(await answer.text())
    assert texts == [f"app: POST / {n}" for n in range(90)]
    assert rig.apps.app_view == ASLEEP


async def test_whoever_arrives_while_it_leaves_is_answered_on_a_connection_that_ends(rig: PortUnderTest) -> None:
    """Its controller must not send the next request on it."""
    async with rig.client.get("/") as before:
        assert before.headers.get("Connection") != "close"
    rig.port.leaving = True
    async with rig.client.get("/") as answer:
        assert (answer.status, answer.headers["Connection"]) == (503, "close")
    await until(lambda: not rig.connections())
    assert rig.port.arrived_at <= asyncio.get_running_loop().time()


async def test_a_page_has_the_apps_picture_if_it_has_one(rig: PortUnderTest) -> None:
    asked: list[AppId] = []

    async def logo(app: AppId) -> str:
        asked.append(app)
        return LOGO

    rig.port.logo = logo
    for has_logo in (False, True):
        rig.apps.set_phase(Phase.ASLEEP, has_logo=has_logo)
        async with rig.client.get("/", headers=BROWSER) as answer:
            assert (f'src="{LOGO}"' in await answer.text()) is has_logo
            assert "img-src data:" in answer.headers["Content-Security-Policy"]
    assert asked == [APP], "the API is asked only where there is one"
