"""`waker wake --wait` and `waker sleep --wait`: the stages on the way, the end, and why there is none."""

import asyncio
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest

from tests.service.scene import SHOP, ServiceScene, scene
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
    assert str(caught.value.exceptions[0]) == "default/shop does not fall asleep: somebody has asked for it meanwhile"


def test_a_bar_on_a_terminal() -> None:
    out = StringIO()
    stages = Stages(Terminal(out, forced=True, width=100), "shop wakes", 6)
    with stages.shown():
        stages.advance(2, "Downloading its files")
        stages.advance(6, "[b]awake\x1b[2J")
    assert "shop wakes: [b]awake\\u001b[2J" in out.getvalue()
    assert "━" in out.getvalue()
