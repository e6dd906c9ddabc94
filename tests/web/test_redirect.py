"""Redirect mode on an app's own host: browsers are sent to the wait host, but only if they could be sent back."""

from urllib.parse import quote

import pytest
from aiohttp import web

from tests.web.conftest import APP, BROWSER, DOOR, HOST, WAIT_HOST, PortUnderTest
from tests.web.wait_host import WAITING, get, path_with
from waker import names
from waker.plan.doors import port_name
from waker.plan.model import Phase, VisitorPolicy
from waker.settings.configmap import Live


@pytest.fixture
def redirecting(rig: PortUnderTest) -> PortUnderTest:
    """Its app wants its browsers redirected."""
    rig.apps.set_phase(Phase.ASLEEP, visitors=VisitorPolicy(while_asleep="redirect"))
    return rig


@pytest.mark.parametrize(
    ("headers", "setting", "origins"),
    [
        pytest.param({}, "wait.example.com", ("http://wait.example.com", f"http://{HOST}"), id="the scheme of the request"),
        pytest.param(
            {"X-Forwarded-Proto": "https"}, "wait.example.com", ("https://wait.example.com", f"https://{HOST}"), id="TLS"
        ),
        pytest.param({}, "https://wait.example.com", ("https://wait.example.com", f"http://{HOST}"), id="a scheme"),
        pytest.param(
            {"Host": f"{HOST}:8000"}, "wait.example.com:8000", ("http://wait.example.com:8000", f"http://{HOST}:8000"),
            id="a port",
        ),
        pytest.param(
            {"X-Forwarded-Host": "evil.example"}, "wait.example.com",
            ("http://wait.example.com", f"http://{HOST}"), id="what a proxy may have passed on does not count",
        ),
        pytest.param(
            {"X-Forwarded-Proto": "javascript"}, "wait.example.com", ("http://wait.example.com", f"http://{HOST}"),
            id="not a scheme of the web",
        ),
    ],
)  # fmt: skip
async def test_a_navigation_is_redirected_to_the_wait_host(
    redirecting: PortUnderTest, headers: dict[str, str], setting: str, origins: tuple[str, str]
) -> None:
    redirecting.port.live = lambda: Live(wait_host=setting)
    answer = await get(redirecting, "/deep/link?a=1&b=%22x%22", **BROWSER, **headers)
    assert answer.status == 302
    url = quote(origins[1] + "/deep/link?a=1&b=%22x%22", safe="")
    assert answer.headers["Location"] == f"{origins[0]}/?app={port_name(DOOR)}&url={url}"
    assert answer.headers["Cache-Control"] == "no-store"
    assert names.MARKER in answer.headers
    assert redirecting.apps.knocks == [APP]


@pytest.mark.parametrize(
    ("setting", "headers", "path"),
    [
        pytest.param("", {}, "/", id="no wait host"),
        pytest.param(HOST, {}, "/", id="the app has the wait host's name"),
        pytest.param(
            "wait.example.com", {"Host": f"{HOST}:8000"}, "/", id="a port that is not accepted on the way back"
        ),
        pytest.param("wait.example.com", {}, "/" + "a" * 3000, id="too long"),
    ],
)
async def test_a_browser_that_could_not_be_sent_back_gets_the_page(
    redirecting: PortUnderTest, setting: str, headers: dict[str, str], path: str
) -> None:
    redirecting.port.live = lambda: Live(wait_host=setting)
    answer = await get(redirecting, path, **BROWSER, **headers)
    assert (answer.status, answer.content_type) == (503, "text/html")
    assert "Location" not in answer.headers


@pytest.mark.parametrize("rule", ["*.com", "*.example.com", "", "other.example.com"])
async def test_a_rule_that_does_not_name_the_host_redirects_nobody(redirecting: PortUnderTest, rule: str) -> None:
    """Anybody may write a rule for `*.com`, and would have waker send people to each of its hosts."""
    redirecting.apps.rule_hosts = frozenset({rule})
    assert (await get(redirecting, "/", **BROWSER)).content_type == "text/html"
    assert (await get(redirecting, path_with("/"), **WAITING)).status == 400


@pytest.mark.parametrize(
    ("domains", "rule", "may"),
    [
        pytest.param(("example.com",), "*.example.com", True, id="a wildcard within"),
        pytest.param(("example.com",), "*.com", False, id="a wildcard that is one label"),
        pytest.param(("example.com",), "", True, id="any host, within"),
        pytest.param(("example.com", "example.org"), HOST, True, id="the host itself"),
        pytest.param(("example.org",), HOST, False, id="the host itself, outside"),
        pytest.param(("ample.com",), HOST, False, id="a domain ends at a dot"),
    ],
)
async def test_the_setting_wait_domains(
    redirecting: PortUnderTest, domains: tuple[str, ...], rule: str, may: bool
) -> None:
    redirecting.port.live = lambda: Live(wait_host=WAIT_HOST, wait_domains=domains)
    redirecting.apps.rule_hosts = frozenset({rule})
    assert (await get(redirecting, "/", **BROWSER)).status == (302 if may else 503)
    assert (await get(redirecting, path_with("/"), **WAITING)).status == (503 if may else 400)


@pytest.mark.parametrize("app", ["", "d-0000000000000", "shop", "../x"])
async def test_an_address_is_an_apps_only_together_with_that_app(redirecting: PortUnderTest, app: str) -> None:
    """The id of another app, or none, does not open the hosts of this one."""
    query = path_with("/").replace(port_name(DOOR), app)
    assert (await get(redirecting, query, **WAITING)).status == 400
    assert (await get(redirecting, path_with("/") + f"&app={port_name(DOOR)}", **WAITING)).status == 400, "two apps"


async def test_only_navigations_are_redirected(redirecting: PortUnderTest) -> None:
    for headers in ({}, {"Sec-Fetch-Mode": "cors", "Accept": "text/html"}):
        assert (await get(redirecting, "/", **headers)).content_type == "application/problem+json"
    async with redirecting.client.post("/", data=b"x", headers=BROWSER, allow_redirects=False) as answer:
        assert answer.content_type == "application/problem+json"
    async with redirecting.client.head("/", headers=BROWSER, allow_redirects=False) as answer:
        assert answer.status == 503
    assert (await get(redirecting, "/", **BROWSER, **{"User-Agent": "Googlebot/2.1"})).status == 503


async def test_a_request_that_can_be_forwarded_is_not_redirected(redirecting: PortUnderTest) -> None:
    async def app(_request: web.Request) -> web.Response:
        return web.Response(text="the app")

    await redirecting.upstream(app)
    redirecting.apps.set_phase(Phase.RESTORING_ROUTES, open=True, visitors=VisitorPolicy(while_asleep="redirect"))
    assert (await get(redirecting, "/", **BROWSER)).status == 200
