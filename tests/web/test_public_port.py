"""The public port: which app a request is for, and what a browser and an ownership check get."""

import asyncio

import pytest

from tests.web.conftest import APP, ASLEEP, BROWSER, HOST, PortUnderTest, app_answer, until
from waker import names
from waker.plan.model import Phase
from waker.plan.page_transport import PageTransport
from waker.web import public_port


async def test_an_ownership_check_is_answered_and_looks_nothing_up(rig: PortUnderTest) -> None:
    for method in ("HEAD", "GET", "POST"):
        check = {names.MARKER: names.MARK_OWNERSHIP_CHECK, "Host": "demo.kubesleeper.invalid"}
        async with rig.client.request(method, "/a", headers=check) as answer:
            assert (answer.status, answer.headers[names.MARKER]) == (204, names.MARK_PAGE)
    assert not rig.apps.lookups
    assert not rig.apps.knocks


async def test_an_unknown_host_wakes_nothing(rig: PortUnderTest) -> None:
    async with rig.client.get("/", headers={"Host": "other.example", **BROWSER}) as answer:
        assert (answer.status, answer.content_type) == (404, "text/plain")
        assert answer.headers[names.MARKER] == names.MARK_PAGE
        assert "other.example" not in await answer.text()
    assert not rig.apps.knocks


@pytest.mark.parametrize(
    ("headers", "known"),
    [
        ({"Host": "SHOP.Example.com:80"}, True),
        ({"Host": "waker.internal", "X-Forwarded-Host": "shop.example.com, inner"}, True),
        ({"Host": HOST, "X-Forwarded-Host": "other.example"}, True),
        ({"Host": "other.example", "X-Forwarded-Host": "another.example"}, False),
    ],
)
async def test_which_host_counts(rig: PortUnderTest, headers: dict[str, str], known: bool) -> None:
    async with rig.client.get("/a%20b?q=1", headers=headers | BROWSER) as answer:
        assert answer.status == (503 if known else 404)
    assert bool(rig.apps.knocks) is known
    assert {path for _, path in rig.apps.lookups} == {"/a b"}


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
    assert rig.apps.waits == [public_port.FLASH_GUARD]
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
    def broken(_host: str, _path: str) -> None:
        raise RuntimeError("broken inside")

    rig.apps.find = broken  # type: ignore[assignment, method-assign]
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
    assert rig.apps.view == ASLEEP
