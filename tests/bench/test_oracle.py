"""The oracle of a soak: it has to see what is wrong, or a soak proves nothing."""

from dataclasses import replace

import pytest

from bench.soak import oracle, verdict
from bench.soak.oracle import Log, SoakChange, SoakFault, SoakVisit

IDLE = 5.0
QUIET = Log(
    {"shop": IDLE}, 0, 100, changes={"shop": [SoakChange(60, "swapped"), SoakChange(63, "down"), SoakChange(90, "up")]}
)


def visit(ended: float, failed: str = "", pod: str = "t-1") -> SoakVisit:
    return SoakVisit("shop", pod, ended - 0.1, ended, not failed, failed)


@pytest.mark.parametrize(
    ("visits", "wrong"),
    [
        pytest.param([visit(50)], 0, id="idle for longer"),
        pytest.param([visit(50), visit(58.5)], 1, id="visited less than idle-after before"),
        pytest.param([visit(50), visit(59.5)], 1, id="visited in the second before the swap"),
        pytest.param([visit(50), visit(61)], 1, id="visited during the swap"),
        pytest.param([visit(50), visit(58.5, "nobody timeout")], 0, id="a request that failed is no visit"),
        pytest.param([visit(50), visit(63.1)], 0, id="answered later"),
    ],
)
def test_wrong_sleeps(visits: list[SoakVisit], wrong: int) -> None:
    assert len(oracle.wrong(replace(QUIET, visits=visits))) == wrong


@pytest.mark.parametrize(
    ("faults", "late"),
    [
        pytest.param([], [8.0], id="all was well"),
        pytest.param([SoakFault("pod cut off", "t-2", 52, 53)], [], id="a fault of any pod may make it wait"),
        pytest.param([SoakFault("nginx reloads", "", 52, 53)], [8.0], id="what no visitor sees is no fault"),
        pytest.param([SoakFault("pod cut off", "t-2", 10, 20)], [8.0], id="long over"),
    ],
)
def test_lateness(faults: list[SoakFault], late: list[float]) -> None:
    assert oracle.lateness(replace(QUIET, visits=[visit(50)], faults=faults)) == late


@pytest.mark.parametrize(
    ("changes", "faults", "overdue"),
    [
        pytest.param([], [], 1, id="nobody came, and it stayed up"),
        pytest.param([SoakChange(20, "down")], [], 0, id="it slept"),
        pytest.param(
            [], [SoakFault("waker killed", "waker", at, at + 1) for at in range(0, 100, 20)], 0, id="never well"
        ),
    ],
)
def test_overdue(changes: list[SoakChange], faults: list[SoakFault], overdue: int) -> None:
    assert len(oracle.overdue(replace(QUIET, changes={"shop": changes}, faults=faults))) == overdue


@pytest.mark.parametrize(
    ("faults", "unready", "excused"),
    [
        pytest.param([], {}, 0, id="nothing happened"),
        pytest.param([SoakFault("pod cut off", "t-1", 45, 49, 6)], {}, 1, id="that pod was cut off"),
        pytest.param([SoakFault("pod cut off", "t-1", 43, 49, 6)], {}, 0, id="longer ago than that allows"),
        pytest.param([SoakFault("pod cut off", "t-2", 45, 49, 6)], {}, 0, id="another pod was"),
        pytest.param([SoakFault("waker killed", "waker", 45, 49, 6)], {}, 1, id="waker was killed"),
        pytest.param([SoakFault("app rolled out", "shop", 45, 49, 6)], {}, 1, id="the app was rolled out"),
        pytest.param([SoakFault("etcd killed", "cluster", 49, 51)], {}, 0, id="what no visitor may notice"),
        pytest.param([SoakFault("nginx reloads", "", 49, 51)], {}, 0, id="a reload is no excuse"),
        pytest.param([], {"t-1": [(49.0, 52.0)]}, 1, id="the pod was not ready"),
    ],
)
def test_failures(faults: list[SoakFault], unready: dict[str, list[tuple[float, float]]], excused: int) -> None:
    log = replace(QUIET, visits=[visit(50, "nobody reset")], faults=faults, unready=unready)
    assert [len(each) for each in oracle.failures(log)] == [1 - excused, excused]


@pytest.mark.parametrize("wrong", [{"lost": ["replicas are 0"]}, {"stolen": ["somebody else's page"]}])
def test_what_is_lost_or_stolen_is_no_good_run(wrong: dict[str, list[str]]) -> None:
    assert verdict.good(QUIET)
    assert not verdict.good(replace(QUIET, **wrong))  # type: ignore[arg-type]
    assert next(iter(wrong.values()))[0] in verdict.evidence(replace(QUIET, **wrong))  # type: ignore[arg-type]
