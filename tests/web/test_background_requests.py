"""Requests that wake nothing: health checks, and those that nobody waits for."""

import pytest

from tests.web.conftest import BROWSER, PortUnderTest, app_answer
from waker import names
from waker.plan.model import Phase, VisitorPolicy


@pytest.mark.parametrize("headers", [{"User-Agent": "kube-probe/1.34"}, {"User-Agent": "Googlebot/2.1", **BROWSER}])
async def test_they_wake_nothing_and_are_forwarded_once_the_app_is_open(
    rig: PortUnderTest, headers: dict[str, str]
) -> None:
    async with rig.client.get("/", headers=headers) as answer:
        assert (answer.status, await answer.read()) == (503, b"")
        assert int(answer.headers["Retry-After"]) > 0
    assert not rig.apps.knocks
    rig.apps.set_phase(Phase.RESTORING_ROUTES, open=True)
    await rig.upstream(app_answer)
    async with rig.client.get("/", headers=headers) as answer:
        assert answer.status == 200
    assert not rig.apps.knocks


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"User-Agent": "UptimeRobot/2.0"}, 200, id="a monitor stays green"),
        pytest.param({"User-Agent": "nightly/1"}, 200, id="so does an agent in the app's own list"),
        pytest.param({"User-Agent": "Googlebot/2.1", **BROWSER}, 503, id="a crawler must not index it"),
        pytest.param({"Sec-Purpose": "prefetch", **BROWSER}, 503, id="a prefetched page must not be shown"),
    ],
)
async def test_what_they_get_where_monitors_should_stay_green(
    rig: PortUnderTest, headers: dict[str, str], status: int
) -> None:
    rig.apps.set_phase(Phase.ASLEEP, visitors=VisitorPolicy(health_check_response=200, ignore_agents=("Nightly",)))
    async with rig.client.get("/", headers=headers) as answer:
        assert (answer.status, await answer.read()) == (status, b"")
        assert answer.headers[names.MARKER] == "waiting; phase=Asleep"
    assert not rig.apps.knocks
