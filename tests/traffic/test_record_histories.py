"""A record never makes an app look idle for longer than it is, tried over random histories.

Controller pods come, go, restart and drop series, visits come at any time, wakers record, crash and start.
"""

import asyncio
from collections.abc import Iterable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.traffic.waker_restarts import APPS, IDLE_AFTER, RecordScene
from waker.plan.model import AppId
from waker.traffic.controllers import CONTOUR, TRAEFIK, Adapter

STEP = st.tuples(
    st.sampled_from(
        ["visit", "visit", "round", "round", "round", "write", "write", "crash", "restart", "drop", "silence", "come", "go",
         "wake"]
    ),
    st.integers(0, 2),
    st.sampled_from(APPS),
)  # fmt: skip


@pytest.mark.parametrize("adapter", [TRAEFIK, CONTOUR], ids=["start time", "uptime"])
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=st.lists(STEP, max_size=40))
def test_nobody_sleeps_before_an_idle_period_has_passed(adapter: Adapter, steps: list[tuple[str, int, AppId]]) -> None:
    """A visit may be too late for the scrapes of this very round; every earlier one is known."""

    async def lives(steps: Iterable[tuple[str, int, AppId]]) -> None:
        scene = RecordScene(adapter)
        for what, which, app in steps:
            await scene.do(what, which, app)
            for each, visited in scene.visits.items():
                if what == "round" and all(pod.answers for pod in scene.pods):
                    assert not scene.sleeps(each) or scene.now - visited >= IDLE_AFTER

    asyncio.run(lives(steps))
