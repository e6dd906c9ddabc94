"""Each answer that an API server can give, at each kind of write: reported, never an outage, and later all is right.

One life of an app for each answer. Each of its writes meets the answer until the app's user could know of it; meanwhile a
visitor gets the app or waker's page. Then that write fares well, and the next kind of write meets the answer.
"""

import asyncio
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from waker.cluster import client
from waker.demo.faults import Fault, broken, throttled
from waker.demo.refusals import ApiRefusal, unpatchable

from .scene import RunningWaker, ServiceScene
from .test_every_write import BEST_EFFORT, OF_APP, OF_NAMESPACE, WRITES, Is, hasten, life, stage, write

POLICY: Final = "denied the request: not on my watch"
ANSWERS: Final = {
    "409": Fault(refusal=ApiRefusal(409, "Conflict", "the object has been modified")),
    "422 of a failed test": Fault(refusal=unpatchable()),
    "422 of an admission policy": Fault(refusal=ApiRefusal(422, "Invalid", POLICY)),
    "403": Fault(refusal=ApiRefusal(403, "Forbidden", POLICY)),
    "404": Fault(refusal=ApiRefusal(404, "NotFound", "not found")),
    "429": Fault(refusal=throttled()),
    "500": Fault(refusal=broken()),
    "504 after it took effect": Fault(refusal=ApiRefusal(504, "Timeout", "request timed out"), served=True),
    "silence": Fault(hangs=True),
    "silence after it took effect": Fault(hangs=True, served=True),
    "reset": Fault(cuts=True),
    "reset after it took effect": Fault(cuts=True, served=True),
}
REFUSALS: Final = {"422 of an admission policy", "403"}
# Times that a kind of write meets an answer, at least. Once where the server says when to come again, where it took effect,
# and where nobody tries again.
OFTEN: Final = 2
PROBE: Final = {"User-Agent": "kube-probe/1.37"}  # it wakes nothing


def writes(answer: str) -> dict[str, Is]:
    """The kinds of write that can get this answer. Where a deletion gets 404, nothing is left to do."""
    found = {kind: matches for kind, matches in WRITES.items() if (kind.split()[0], answer) != ("delete", "404")}
    # The Events that tell of refusals are needed; those of the phases meet the answer, too.
    return found | {"create an Event": write("create", "events", like=lambda body: body["type"] == "Normal")}


POINTS: Final = sum(len(writes(answer)) for answer in ANSWERS)


def order(it: ServiceScene, answer: str) -> dict[str, Fault]:
    """Every kind of write meets the answer, until it is withdrawn."""
    like = ANSWERS[answer]
    return {
        kind: it.cluster.api.faults.order(replace(like, times=None, only=matches, met=0, reached=asyncio.Event()))
        for kind, matches in writes(answer).items()
    }


async def told(it: ServiceScene, running: RunningWaker, kind: str, answer: str) -> bool:
    """Whether somebody could know."""
    metrics = (await it.private(running, "/metrics")).body
    if kind in OF_APP and not re.search(r"^kubesleeper_failed_writes_total\S* [1-9]", metrics, re.MULTILINE):
        return False
    if answer not in REFUSALS:
        return True
    said = [reason for reason, message in it.events() if POLICY in message]
    return ("WriteFailed" if kind in OF_APP else "CannotSleep") in said or kind not in OF_APP | OF_NAMESPACE


async def met(it: ServiceScene, running: RunningWaker, kind: str, answer: str, fault: Fault) -> None:
    """Once the write has failed often enough and somebody could know, it succeeds. Meanwhile the shop can be reached."""
    await fault.reached.wait()
    visit = await it.visit(**PROBE)
    assert visit.page or visit.status == 200, f"{kind}: {visit.status} {visit.body[:100]}"
    enough = 1 if answer == "429" or kind in BEST_EFFORT or fault.served else OFTEN
    end = asyncio.get_running_loop().time() + 20
    while fault.met < enough or not await told(it, running, kind, answer):
        assert asyncio.get_running_loop().time() < end, (
            f"{kind}: met {fault.met} times, and nobody could know: {it.events()}"
        )
        await asyncio.sleep(0.02)
    it.cluster.api.faults.withdraw(fault)


@pytest.mark.parametrize("answer", ANSWERS)
async def test_every_write_meets_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    hasten(monkeypatch)
    monkeypatch.setattr(client, "CALL_TIMEOUT", aiohttp.ClientTimeout(total=0.2))
    monkeypatch.setattr("tests.service.scene.LONGEST", 120)
    monkeypatch.setattr("tests.service.scene.WITHIN", timedelta(seconds=60))
    async with stage(tmp_path) as it:
        faults = order(it, answer)
        async with it.waker() as running, asyncio.TaskGroup() as tasks:
            for kind, fault in faults.items():
                tasks.create_task(met(it, running, kind, answer, fault), name=kind)
            await life(it)
            if ANSWERS[answer].served:  # some writes follow others that are answered
                await life(it)
            assert [kind for kind, fault in faults.items() if not fault.met] == []
