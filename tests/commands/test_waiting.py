"""`waker wake --wait` and `waker sleep --wait`: the stages on the way, the end, and why there is none."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest

from tests.service.scene import SHOP, ServiceScene, scene
from waker import names
from waker.commands import pin, waiting
from waker.commands.terminal import Stages, Terminal
from waker.errors import WakerError

SLOW = replace(SHOP, ready_after="400ms")
APP = "default", "shop"


def said(out: StringIO) -> list[str]:
    """The stages, without their times."""
    return [line.split("s  ", 1)[1] for line in out.getvalue().splitlines()]


async def asleep(it: ServiceScene, out: StringIO, longest: str = "10s") -> str:
    await pin.sleep(it.settings(), *APP, pin=False)
    return await waiting.until_asleep(it.settings(), *APP, longest, Terminal(out))


async def awake(it: ServiceScene, out: StringIO, longest: str = "10s") -> str:
    await pin.wake(it.settings(), *APP, pin=False)
    return await waiting.until_awake(it.settings(), *APP, longest, Terminal(out))


async def test_there_and_back(tmp_path: Path) -> None:
    down, up = StringIO(), StringIO()
    async with scene(tmp_path, SLOW) as it, it.waker():
        slept = await asleep(it, down)
        assert (it.replicas(), it.held()) == (0, True)
        woken = await awake(it, up)
        assert (it.replicas(), it.held()) == (2, False)
    assert slept.startswith("deployment/shop in default is asleep after ")
    assert woken.startswith("deployment/shop in default is awake after ")
    assert said(down)[-1] == "asleep"
    stages = said(up)
    assert stages[-1] == "awake"
    assert stages[0] != "awake"
    assert set(stages) <= {
        "Asking it to start", "Finding a place to run", "Downloading its files", "Starting", "Getting ready",
        "Connecting you", "awake",
    }  # fmt: skip
    assert len(stages) == len(set(stages)), "each is said once"


async def test_without_the_service_it_says_why_after_a_while(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        for wait, state in ((asleep, "asleep"), (awake, "awake")):
            with pytest.raises(ExceptionGroup) as caught:
                await wait(it, StringIO(), "1s")
            (error,) = caught.value.exceptions
            assert isinstance(error, WakerError)
            assert str(error).startswith(f"default/shop is not {state} after 1s: default/shop is ")


async def test_a_sleep_that_somebody_undoes(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        await pin.sleep(it.settings(), *APP, pin=False)
        waits = asyncio.create_task(waiting.until_asleep(it.settings(), *APP, "10s", Terminal(StringIO())))
        await asyncio.sleep(0.3)
        await pin.wake(it.settings(), *APP, pin=False)
        with pytest.raises(ExceptionGroup) as caught:
            await waits
    told = str(caught.value.exceptions[0])
    assert told.startswith("default/shop does not fall asleep: a visitor or `waker wake` asked for it at ")
    assert told.endswith("; `waker sleep deployment/shop -n default` asks for its sleep again")


async def test_a_request_that_is_gone_though_nobody_asked_is_written_again_once(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        await pin.sleep(it.settings(), *APP, pin=False)
        waits = asyncio.create_task(waiting.until_asleep(it.settings(), *APP, "10s", Terminal(StringIO())))
        for _ in range(2):
            await it.until(lambda: names.SLEEP_REQUESTED_AT in it.noted())
            await asyncio.sleep(0.3)
            it.annotate(names.SLEEP_REQUESTED_AT, None)
        with pytest.raises(ExceptionGroup) as caught:
            await waits
        assert names.SLEEP_REQUESTED_AT not in it.noted()
    told = str(caught.value.exceptions[0])
    assert told == "default/shop does not fall asleep: its request to sleep was removed twice, and nothing says by whom"


PAUSES = [
    pytest.param(lambda it: it.annotate(names.PAUSED, "true"), "it", "deployment/shop -n default", id="the app"),
    pytest.param(
        lambda it: it.configure(paused_namespaces="default"), "its namespace", "-n default", id="its namespace"
    ),
    pytest.param(
        lambda it: it.configure(paused_until="2999-01-01T00:00:00Z"), "KubeSleeper", "--all", id="all for now"
    ),
    pytest.param(lambda it: it.configure(paused="true"), "KubeSleeper", "--all", id="all"),
]


@pytest.mark.parametrize(("pause", "what", "which"), PAUSES)
async def test_while_paused_a_sleep_is_refused_with_the_way_out(
    tmp_path: Path, pause: Callable[[ServiceScene], None], what: str, which: str
) -> None:
    async with scene(tmp_path) as it:
        pause(it)
        with pytest.raises(ExceptionGroup) as caught:
            await pin.sleep(it.settings(), *APP, pin=False)
        assert not it.noted().keys() & {names.SLEEP_REQUESTED_AT}
        pinned = await pin.sleep(it.settings(), *APP, pin=True)
        out = StringIO()
        with pytest.raises(ExceptionGroup) as waited:
            await waiting.until_asleep(it.settings(), *APP, "10s", Terminal(out))
    told = str(caught.value.exceptions[0])
    assert told.startswith(f"Deployment default/shop is not put to sleep: {what} is paused")
    assert told.endswith(f"; `waker resume {which}` ends that")
    assert pinned.endswith(f"; `waker resume {which}` ends that)")
    assert str(waited.value.exceptions[0]).startswith(f"default/shop does not fall asleep: {what} is paused")
    assert not out.getvalue(), "no stage was reached"


async def test_what_asks_for_no_sleep_is_not_refused_while_paused(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        it.annotate(names.PAUSED, "2000-01-01T00:00:00Z")
        await pin.sleep(it.settings(), *APP, pin=False)
        it.annotate(names.PAUSED, "true")
        await pin.wake(it.settings(), *APP, pin=False)


async def test_no_route_is_said_to_move_before_one_has(tmp_path: Path) -> None:
    out = StringIO()
    async with scene(tmp_path) as it:
        with pytest.raises(ExceptionGroup):
            await asleep(it, out, "1s")
    assert said(out) == ["it is asked to sleep"]


def test_a_bar_on_a_terminal() -> None:
    out = StringIO()
    stages = Stages(Terminal(out, forced=True, width=100), "shop wakes", 6)
    with stages.shown():
        stages.advance(2, "Downloading its files")
        stages.advance(6, "[b]awake\x1b[2J")
    assert "shop wakes: [b]awake\\u001b[2J" in out.getvalue()
    assert "━" in out.getvalue()
