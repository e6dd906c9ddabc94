"""The service in a hurry, as in tests/service; doors that stay open, and a clock of the waiting page that stands still."""

from datetime import timedelta
from typing import Any

import pytest

from tests.isolation.neighbourhood import PATIENCE
from tests.service.conftest import hasten


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    hasten(monkeypatch)

    def stands_still(*_: Any) -> int:
        return 7

    for name, value in {
        "waker.web.open_doors.OPEN_AFTER": timedelta(minutes=5),
        "waker.web.page.seconds_waited": stands_still,
        "waker.web.wait_host.seconds_waited": stands_still,
        "waker.web.hold_times.POLL_HOLD": timedelta(milliseconds=20),
        "waker.web.hold_times.POLL_HOLD_ALONE": timedelta(milliseconds=20),
        "waker.web.public_port.POLL_HOLD_ALONE": timedelta(milliseconds=20),
        "tests.service.scene.WITHIN": PATIENCE,
        "waker.reconcile.doors.ERROR_AGAIN": 0.1,
    }.items():
        monkeypatch.setattr(name, value)
