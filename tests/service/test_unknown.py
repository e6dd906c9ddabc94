"""An app whose visits nobody can see: it costs nothing, and what it waits for is noticed at once."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from waker import names
from waker.demo.metrics import DemoMetrics
from waker.explain.causes import overview
from waker.observe import unread_pods

from .scene import QUICK, SHOP_ID, WITHIN, RunningWaker, scene

ROUNDS = 10
LONG = 30  # seconds; the Event about it comes after 60
READ_OFTEN = replace(QUICK, scrape_interval=timedelta(milliseconds=50))


def unreadable(_: DemoMetrics) -> str:
    """A metrics page of somebody else."""
    return "nothing is counted here\n"


def scrapes(running: RunningWaker) -> int:
    """How many there were."""
    return int(running.service.metrics.scrapes.labels("traefik.io/ingress-controller")._value.get())


def next_pass(running: RunningWaker) -> float:
    """In how many seconds the shop is reconciled again if nothing happens."""
    due = running.service.queue._due.get(SHOP_ID)
    return due.at - asyncio.get_running_loop().time() if due else float("inf")


async def eventually(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(WITHIN.total_seconds()):
        while not holds():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.005)


async def test_an_app_that_nobody_counts_is_not_reconciled_until_it_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scene(tmp_path) as it, AsyncExitStack() as stack:
        with monkeypatch.context() as page:
            page.setattr(DemoMetrics, "exposition", unreadable)
            running = await stack.enter_async_context(it.waker(READ_OFTEN))
            await eventually(
                lambda: scrapes(running) > 1 and "cannot tell" in running.service.status_rows()[0]["reason"]
            )
            before = scrapes(running)
            await eventually(lambda: scrapes(running) > before + ROUNDS)
            assert next_pass(running) > LONG
        await it.asleep()


def broken(_: DemoMetrics) -> str:
    """A page that is no metrics page at all."""
    return "traefik_service_requests_total{ 1\n"


async def test_status_says_why_at_this_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason changes while nobody looks at the app."""
    async with scene(tmp_path) as it:
        monkeypatch.setattr(DemoMetrics, "exposition", unreadable)
        async with it.waker(READ_OFTEN) as running:
            await eventually(lambda: "shows no traefik_service_requests_total" in reason(running))
            (cause,) = overview(running.service.status_rows())["causes"]
            assert cause["cause"].endswith(" shows no traefik_service_requests_total yet")
            assert cause["fix"].startswith("if that stays, run Traefik with")
            monkeypatch.setattr(DemoMetrics, "exposition", broken)
            await eventually(lambda: "cannot tell" in reason(running) and "shows no" not in reason(running))
            shown = running.service.metrics.exposition().decode()
    assert 'kubesleeper_controller_pods{controller="traefik.io/ingress-controller",state="unread"} 1.0' in shown


async def test_an_event_about_the_settings_when_a_controller_pod_stays_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unread_pods, "REPORT_AFTER", timedelta(0))
    monkeypatch.setattr(DemoMetrics, "exposition", unreadable)
    async with scene(tmp_path) as it:
        it.configure(scrape_interval="1s")
        async with it.waker():
            await it.until(lambda: any("shows no" in message for _, message in it.events(names.CONFIG_MAP)))
            told = it.events(names.CONFIG_MAP)
    assert {each for each, _ in told} == {"ControllerUnread"}
    assert told[-1][1].startswith(
        "nothing behind Traefik falls asleep by itself: Traefik pod traefik/traefik shows no "
    )


def reason(running: RunningWaker) -> str:
    (row,) = running.service.status_rows()
    return str(row["reason"])
