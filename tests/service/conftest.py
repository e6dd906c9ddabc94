"""The service in a hurry: the same code, with the pauses that are there for big clusters and slow controllers cut short."""

from datetime import timedelta

import pytest
from tenacity import wait_fixed

MOMENT = timedelta(milliseconds=20)


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    hasten(monkeypatch)


def hasten(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes seconds takes milliseconds."""
    for name, value in {
        "waker.plan.decide.SOON": MOMENT,
        "waker.plan.way_up.SOON": MOMENT,
        "waker.plan.way_down.SOON": MOMENT,
        "waker.plan.way_down.CHECK_EVERY": MOMENT,
        "waker.plan.way_down.SETTLE": MOMENT * 2,
        "waker.plan.drift.BACKOFF": MOMENT,
        "waker.reconcile.attempts.ERROR_AGAIN": (0.02, 0.1),
        "waker.reconcile.gather.WAY_BACK_AGAIN": (MOMENT, MOMENT * 5),
        "waker.reconcile.namespace.UNKNOWN_AGAIN": 0.02,
        "waker.reconcile.namespace.ERROR_AGAIN": 0.05,
        "waker.reconcile.namespace.KEEPER_CHANGE_EVERY": MOMENT,
        "waker.observe.following.REACH_FIRST": MOMENT,
        "waker.observe.following.REACH_LAST": MOMENT * 2,
        "waker.cluster.writes.EVERY": MOMENT,
        "waker.observe.refusals.FIRST_AGAIN": MOMENT * 10,
        "waker.cluster.informer.PAUSE": 0.01,
        "waker.cluster.informer.BACKOFF": wait_fixed(0.02),
        "waker.cluster.lease.RETRY_PERIOD": 0.2,
        "waker.commands.restore.PASS_EVERY": 0.02,
        "waker.reconcile.report.SECOND_LOOK": MOMENT * 3,
        "waker.web.connections.DRAIN": 0.1,
        "waker.web.open_doors.OPEN_AFTER": MOMENT * 10,
        "waker.reconcile.gather.CLOSED_AGAIN": MOMENT * 11,
        "waker.reconcile.app.CLOSED_AGAIN": MOMENT * 11,
    }.items():
        monkeypatch.setattr(name, value)
