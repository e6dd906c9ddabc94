"""The wait host: its page wakes the app, its redirect leads back to the app, and to nowhere else."""

import asyncio
from urllib.parse import quote

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from tests.web.conftest import APP, BROWSER, DOOR, HOST, NOW, PAGE, WAIT_HOST, PortUnderTest
from tests.web.tricks import TRICKS
from tests.web.wait_host import DEEP, MAY_GO_BACK, PROGRAM, WAITING, get, path_with
from waker import names
from waker.plan.doors import port_name
from waker.plan.model import AppId, Phase, VisitorPolicy
from waker.plan.progress import Step
from waker.settings.configmap import Live
from waker.web.apps import View
from waker.web.public_port import no_logo
from waker.web.wait_host import WaitHost


async def test_its_page_wakes_the_app_and_leads_back(rig: PortUnderTest) -> None:
    for path in ("/", "/back"):
        rig.apps.knocks.clear()
        answer = await get(rig, path_with(path), **WAITING)
        html = await answer.text()
        assert (answer.status, answer.content_type) == (503, "text/html")
        assert "The shop is waking up" in html
        back = f'url=/back?app={port_name(DOOR)}&amp;url={quote(DEEP, safe="")}"></noscript>'
        assert back in html
        assert '"push":false,"api":"/api/v1/app","back":"/back"' in html
        assert rig.apps.knocks == [APP]


async def test_who_comes_before_it_is_known_how_the_app_stands_waits_for_that(rig: PortUnderTest) -> None:
    rig.apps.decided = False
    answer = await get(rig, path_with("/"), **WAITING)
    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    rig.apps.gate = asyncio.Event()
    rig.apps.gate.set()
    assert "The shop" in await (await get(rig, path_with("/"), **WAITING)).text()


async def test_its_page_is_the_apps_page(rig: PortUnderTest) -> None:
    rig.apps.set_phase(Phase.WAKING, step=Step.PULLED)
    answer = await get(rig, path_with("/"), **WAITING, **{"Accept-Language": "de"})
    html = await answer.text()
    assert answer.headers["Content-Language"] == "de"
    assert "The shop wacht gerade auf" in html
    assert 'data-stage="started" data-state="current"' in html
    assert rig.apps.page_views == [APP]


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"User-Agent": "Slackbot 1.0"}, id="a link preview"),
        pytest.param({"Sec-Purpose": "prefetch"}, id="a prefetch"),
        pytest.param({names.MARKER: names.MARK_POLL}, id="a poll of the page"),
        pytest.param({names.MARKER: names.MARK_OWNERSHIP_CHECK}, id="an ownership check"),
    ],
)
async def test_requests_that_wake_nothing(rig: PortUnderTest, headers: dict[str, str]) -> None:
    assert (await get(rig, path_with("/"), **WAITING, **headers)).status == 503
    assert not rig.apps.knocks


async def test_a_program_gets_the_reason(rig: PortUnderTest) -> None:
    answer = await get(rig, path_with("/"), **PROGRAM)
    assert (answer.status, answer.content_type) == (503, "application/problem+json")
    assert rig.apps.knocks == [APP]


async def test_an_app_that_is_pinned_asleep_is_not_woken(rig: PortUnderTest) -> None:
    rig.apps.set_phase(Phase.ASLEEP, pinned=True)
    assert "switched off" in await (await get(rig, path_with("/"), **WAITING)).text()
    assert not rig.apps.knocks


@MAY_GO_BACK
async def test_back_redirects_when_the_app_can_be_reached(rig: PortUnderTest, phase: Phase, is_open: bool) -> None:
    rig.apps.set_phase(phase, open=is_open)
    answer = await get(rig, path_with("/back"), **WAITING)
    assert (answer.status, answer.headers["Location"]) == (302, DEEP)
    assert (await get(rig, path_with("/"), **WAITING)).status == 503, "a page between any two redirects"
    assert not rig.apps.knocks


async def test_there_is_a_page_between_any_two_redirects(rig: PortUnderTest) -> None:
    """Followed as by a browser without JavaScript, while the app's host and the wait host never agree."""
    policy = VisitorPolicy(while_asleep="redirect")
    host, path, pages = HOST, "/deep", 0
    for _ in range(30):
        rig.apps.set_phase(Phase.WAKING, open=host == WAIT_HOST, visitors=policy)
        answer = await get(rig, path, **BROWSER, Host=host)
        if answer.status == 302:
            host, _, rest = answer.headers["Location"].removeprefix("http://").partition("/")
            path = f"/{rest}"
        else:
            pages += 1
            path = path.replace("/?", "/back?")
    assert pages == 10


@pytest.mark.parametrize("path", ["/", "/back", "/api/v1/app"])
@pytest.mark.parametrize("text", TRICKS.values(), ids=TRICKS.keys())
async def test_nobody_is_sent_elsewhere(rig: PortUnderTest, path: str, text: str) -> None:
    rig.apps.set_phase(Phase.AWAKE)
    answer = await get(rig, path_with(path, text), **WAITING)
    text_of_answer = await answer.text()
    assert answer.status == 400
    assert answer.content_type == ("application/problem+json" if path == "/api/v1/app" else "text/plain")
    assert "Location" not in answer.headers
    assert "evil" not in text_of_answer + str(answer.raw_headers)
    assert not rig.apps.knocks


@pytest.mark.parametrize("path", ["/deep", "/favicon.ico", "/api/v1/apps", "/back/"])
async def test_no_other_path_exists(rig: PortUnderTest, path: str) -> None:
    assert (await get(rig, path_with(path), **WAITING)).status == 421


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
async def test_other_methods_are_not_allowed(rig: PortUnderTest, method: str) -> None:
    async with rig.outside.request(method, path_with("/"), headers=WAITING) as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
    assert not rig.apps.knocks


async def no_hold(_view: View) -> None:
    """Holds nobody."""


async def is_known(_request: web.Request, _app: AppId) -> bool:
    """It is known of every app how it stands."""
    return True


@pytest.mark.parametrize(("setting", "expected"), [("", False), (WAIT_HOST, True), (f"https://{WAIT_HOST}:8443", True)])
def test_without_a_setting_there_is_no_wait_host(rig: PortUnderTest, setting: str, expected: bool) -> None:
    live = Live(wait_host=setting)
    host = WaitHost(
        rig.apps, PAGE, lambda: live, lambda: NOW, no_hold, rig.port.door_named, lambda view: 1, no_logo, is_known
    )
    assert host.is_for(make_mocked_request("GET", "/", headers={"Host": f"{WAIT_HOST.upper()}:80"})) is expected
    forwarded = {"Host": "inner", "X-Forwarded-Host": WAIT_HOST}
    assert not host.is_for(make_mocked_request("GET", "/", headers=forwarded)), "a visitor may have written it"
    assert not host.is_for(make_mocked_request("GET", "/", headers={"Host": ""}))
