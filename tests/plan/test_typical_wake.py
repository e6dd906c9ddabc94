from datetime import timedelta
from typing import Any

import pytest

from tests.plan.building import NOW
from tests.plan.neighbours import workload
from waker import names
from waker.plan import workload_patches
from waker.plan.actions import Forget, ScaleToZero
from waker.plan.notes import Notes, read_notes, readable
from waker.plan.times import format_time


def woken(seconds: float, **more: str) -> dict[str, Any]:
    return {"saved_replicas": "2", "wake_requested_at": format_time(NOW - timedelta(seconds=seconds))} | more


@pytest.mark.parametrize(
    ("annotations", "learnt"),
    [
        pytest.param(woken(12), "12s", id="the first wake"),
        pytest.param(woken(0.2), "200ms", id="to the millisecond"),
        pytest.param(woken(20, typical_wake="10s"), "15s", id="half new, half old"),
        pytest.param(woken(0.5, typical_wake="700ms"), "600ms", id="half new, half old, within a second"),
        pytest.param(woken(20.1), "21s", id="a long one in whole seconds"),
        pytest.param(woken(20, typical_wake="soon"), "20s", id="what cannot be read is not there"),
        pytest.param(woken(7200, typical_wake="10s"), None, id="it was repaired: not usual"),
        pytest.param(woken(-5), None, id="clocks of two machines"),
        pytest.param({"wake_requested_at": woken(9)["wake_requested_at"]}, None, id="it was never scaled down"),
        pytest.param({"saved_replicas": "2"}, None, id="nobody asked"),
        pytest.param(woken(9) | {"wake_requested_at": "now"}, None, id="an unreadable time"),
    ],
)
def test_learnt_in_the_patch_that_ends_a_wake(annotations: dict[str, Any], learnt: str | None) -> None:
    patch = workload_patches.patch(workload(**annotations), Forget(), NOW)
    assert patch["metadata"]["annotations"].get(names.TYPICAL_WAKE) == learnt


def test_kept_over_sleep_and_gone_with_kubesleeper() -> None:
    known = workload(typical_wake="10s")
    assert names.TYPICAL_WAKE not in workload_patches.patch(known, ScaleToZero(2), NOW)["metadata"]["annotations"]
    assert workload_patches.patch(known, Forget(clean=True), NOW)["metadata"]["annotations"] == {
        names.TYPICAL_WAKE: None
    }


def test_read() -> None:
    def typical(found: Notes) -> timedelta | None:
        return readable(found.typical_wake)

    assert typical(read_notes({names.TYPICAL_WAKE: "1m5s"})) == timedelta(seconds=65)
    assert typical(read_notes({})) is None
    assert typical(read_notes({names.TYPICAL_WAKE: "x"})) is None
