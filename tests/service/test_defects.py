"""A defect of waker's own stops nothing that is not concerned, and an API server that comes back is asked at once."""

from pathlib import Path
from typing import Any

import pytest

from waker.cluster.served_ports import ServedNow, ServedPorts
from waker.demo.faults import Fault, unavailable
from waker.errors import Refused
from waker.observe.app import snapshot
from waker.plan.actions import Plan
from waker.plan.codes import Code
from waker.plan.decide import decide
from waker.plan.model import Phase
from waker.reconcile import attempts, dispatch
from waker.reconcile.report import Reporter

from .scene import BLOG, SHOP, SHOP_ID, scene


def break_for(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """`decide` raises for these apps."""

    def broken(seen: Any, now: Any) -> Any:
        if seen.workload.id.name in names:
            raise ZeroDivisionError("a defect")
        return decide(seen, now)

    monkeypatch.setattr("waker.reconcile.app.decide", broken)


async def test_a_defect_at_one_app_stops_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with scene(tmp_path, SHOP, BLOG) as it:
        with monkeypatch.context() as broken:
            break_for(broken, "shop")
            async with it.waker() as running:
                told = "waker fails at this app and tries again later; its log has the details: ZeroDivisionError: a defect"
                await it.until(lambda: ("InternalError", told) in it.events())
                assert "kubesleeper_reconcile_errors_total 0.0" not in (await it.private(running, "/metrics")).body
                assert running.service.unready() == [], "visitors of other apps get in"
                await it.put_to_sleep("blog")
                await it.served("blog")
                await it.awake("blog")


async def test_an_app_at_which_a_new_waker_fails_keeps_its_door(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scene(tmp_path, SHOP, BLOG) as it:
        async with it.waker():
            await it.put_to_sleep()
        with monkeypatch.context() as broken:
            break_for(broken, "shop")
            async with it.waker():
                await it.until(lambda: "InternalError" in dict(it.events()))
                door = it.ingress()["spec"]
                await it.put_to_sleep("blog")
                assert it.ingress()["spec"] == door
                service = it.cluster.get("Service", "default", "kubesleeper-waker")
                assert service
                assert len(service["spec"]["ports"]) == 2
        async with it.waker():
            await it.served()


async def test_if_nothing_goes_well_the_process_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that Kubernetes starts another one."""
    monkeypatch.setattr(dispatch, "FIRST_AGAIN", 0.001)
    monkeypatch.setattr(dispatch, "LAST_AGAIN", 0.001)
    monkeypatch.setattr(dispatch, "MOST_IN_A_ROW", 5)

    async def broken(*_: Any) -> None:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(dispatch.Dispatcher, "_reconciled", broken)
    with pytest.raises(ExceptionGroup) as caught:
        async with scene(tmp_path) as it, it.waker():
            await it.until(lambda: False)
    assert caught.group_contains(ZeroDivisionError)


async def test_what_failed_is_tried_when_the_api_server_answers_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "ERROR_AGAIN", (60.0, 60.0))
    monkeypatch.setattr(attempts, "WANTED_AGAIN", 60.0)
    async with scene(tmp_path) as it, it.waker():
        it.cluster.api.faults.order(Fault("patch", "ingresses", "shop", times=1, refusal=unavailable()))
        await it.put_to_sleep()


async def test_the_reason_of_a_wake_may_become_a_problem(tmp_path: Path) -> None:
    """An app whose Ingress is gone is woken for that; if what was saved goes too, the same words say what is wrong."""
    async with scene(tmp_path) as it, it.waker() as running:
        service, app = running.service, SHOP_ID
        observed = service.cluster.observe(app, service.config.live)
        assert observed
        seen = snapshot(observed, service.runtime.facts(observed))
        reporter = Reporter(service.context(it.tasks))
        reporter.report(observed, seen, Plan(Phase.WAKING, Code.CANNOT_SLEEP, "no Ingress route leads to its pods"))
        reporter.report(
            observed,
            seen,
            Plan(Phase.NOT_MANAGED, Code.CANNOT_SLEEP, "no Ingress route leads to its pods", warning=True),
        )


async def test_a_question_that_fails_keeps_nobody_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The app is awake, and known to be: else nobody would be answered at its door, and no namespace looked after."""
    answers = ServedPorts.ask

    async def refused(*_about: object) -> ServedNow:
        raise Refused("not on my watch")

    monkeypatch.setattr(ServedPorts, "ask", refused)
    async with scene(tmp_path, state="asleep") as it:
        for _ in range(2):
            async with it.waker() as running:
                await it.until(lambda: any("not on my watch" in message for _, message in it.events()))
                registered = running.service.registry.get(SHOP_ID)
                assert registered
                assert (registered.plan.open, it.replicas(), it.held()) == (True, 2, False)
        monkeypatch.setattr(ServedPorts, "ask", answers)
        async with it.waker():
            await it.asleep()
