"""The wait host's API: the state of an app, for its page and for pages of the apps."""

import asyncio
import json
from datetime import timedelta

import pytest

from tests.web.conftest import HOST, NOW, PortUnderTest
from tests.web.wait_host import DEEP, MAY_GO_BACK, PROGRAM, get, path_with
from waker import names
from waker.plan.model import Phase
from waker.plan.progress import Step
from waker.web import hold_times


async def test_the_state_of_an_app(rig: PortUnderTest) -> None:
    rig.apps.set_phase(Phase.WAKING, since=NOW - timedelta(seconds=42), step=Step.SCHEDULED)
    answer = await get(rig, path_with("/api/v1/app"), **PROGRAM)
    assert (answer.status, answer.content_type) == (200, "application/json")
    assert answer.headers[names.MARKER] == "waiting; phase=Waking; mood=waking; step=2; say=scheduled"
    assert json.loads(await answer.text()) == {
        "title": "The shop",
        "phase": "Waking",
        "ready": False,
        "elapsed": 42,
        "sentence": "Downloading what it needs to start.",
    }
    assert not rig.apps.knocks
    assert not rig.apps.waits


@MAY_GO_BACK
async def test_ready_means_that_a_visitor_may_go_back(rig: PortUnderTest, phase: Phase, is_open: bool) -> None:
    rig.apps.set_phase(phase, open=is_open)
    answer = await get(rig, path_with("/api/v1/app"), **PROGRAM)
    assert json.loads(await answer.text())["ready"] is True
    assert names.MARKER not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"


async def test_a_poll_is_held_until_the_app_can_be_reached(rig: PortUnderTest) -> None:
    rig.apps.set_phase(Phase.WAKING)
    rig.apps.gate = asyncio.Event()
    pending = asyncio.create_task(
        rig.outside.head(path_with("/api/v1/app"), headers=PROGRAM | {names.MARKER: names.MARK_POLL})
    )
    await rig.apps.waiting.wait()
    assert rig.apps.waits == [hold_times.POLL_HOLD_ALONE]
    rig.apps.set_phase(Phase.RESTORING_ROUTES, open=True)
    rig.apps.gate.set()
    async with await pending as answer:
        assert answer.status == 200
        assert names.MARKER not in answer.headers
    assert not rig.apps.knocks


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        pytest.param(f"https://{HOST}", True, id="an app's"),
        pytest.param(f"http://{HOST}", True, id="an app's, without TLS"),
        pytest.param(f"https://{HOST}:8443", False, id="another port"),
        pytest.param(f"https://{HOST}/", False, id="not an origin"),
        pytest.param(f"HTTPS://{HOST}", False, id="not as browsers write it"),
        pytest.param(f"https://{HOST}.evil.example", False, id="a suffix"),
        pytest.param(f"https://evil{HOST}", False, id="a prefix"),
        pytest.param("https://evil.example", False, id="another site"),
        pytest.param("null", False, id="null"),
        pytest.param("*", False, id="all"),
        pytest.param("", False, id="nothing"),
    ],
)
async def test_which_pages_may_read_it(rig: PortUnderTest, origin: str, allowed: bool) -> None:
    for url, status in ((DEEP, 200), ("https://evil.example/", 400)):
        answer = await get(rig, path_with("/api/v1/app", url), **PROGRAM, Origin=origin)
        assert answer.status == status
        assert answer.headers["Vary"] == "Origin"
        assert answer.headers.get("Access-Control-Allow-Origin") == (origin if allowed and status == 200 else None)
    async with rig.outside.options(path_with("/api/v1/app"), headers=PROGRAM | {"Origin": origin}) as answer:
        assert answer.status == 204
        assert answer.headers.get("Access-Control-Allow-Origin") == (origin if allowed else None)
        assert "Access-Control-Allow-Credentials" not in answer.headers
    assert not rig.apps.knocks
