"""Each way in which a watch can end, for each kind of object that waker watches: a life of an app comes out right."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest

from waker.cluster import client
from waker.demo.faults import Fault, broken, forbidden, unavailable
from waker.demo.refusals import ApiRefusal, expired, too_large

from .scene import ServiceScene, scene
from .test_every_write import comes_until_served, hasten, life, stage


def line(code: int, **more: Any) -> bytes:
    """An ERROR in the stream, which has begun with 200."""
    return json.dumps({"type": "ERROR", "object": {"kind": "Status", "code": code, **more}}).encode() + b"\n"


LARGE: Final = {"details": {"causes": [{"reason": "ResourceVersionTooLarge"}]}}
BACK: Final = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "1"}}}
ENDS: Final = {
    "410": Fault(refusal=expired("too old resource version")),
    "410 in the stream": Fault(line=line(410, reason="Expired")),
    "half a line": Fault(line=b'{"type": "MODIFIED", "object": {"metad'),
    "silence": Fault(hangs=True),
    "cut": Fault(cuts=True),
    "403": Fault(refusal=forbidden("it")),
    "500": Fault(refusal=broken()),
    "503": Fault(refusal=unavailable()),
    "500 in the stream": Fault(line=line(500)),
    "no code in the stream": Fault(line=line(0)),
    "a version from the future": Fault(refusal=too_large(1000, 500)),
    "a version from the future, in the stream": Fault(line=line(504, **LARGE)),
    "a version that goes back": Fault(line=json.dumps(BACK).encode() + b"\n"),
    "429": Fault(refusal=ApiRefusal(429, "TooManyRequests", "Too many requests, please try again later.")),
}
WATCHES: Final = (
    "deployments",
    "statefulsets",
    "services",
    "ingresses",
    "ingressclasses",
    "endpointslices",
    "configmaps",
    "pods",
)
POINTS: Final = len(ENDS) * len(WATCHES)
OFTEN: Final = 3
BUSY: Final = 100_000  # versions that others use up; what is written after a restore does not come near them


@pytest.fixture(autouse=True)
def _hasty_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    """A watch that is silent is given up after a moment; bookmarks come every 200 ms here."""
    hasten(monkeypatch)
    monkeypatch.setattr(client, "WATCH_TIMEOUT", aiohttp.ClientTimeout(total=None, sock_read=0.5))
    monkeypatch.setattr("tests.service.scene.LONGEST", 90)


@pytest.mark.parametrize("end", ENDS)
async def test_every_watch_ends_like_that(tmp_path: Path, end: str) -> None:
    """The first ones of each kind, and each one of those that are opened later on."""
    async with stage(tmp_path) as it:
        faults = {
            what: it.cluster.api.faults.order(
                replace(ENDS[end], verb="watch", resource=what, times=OFTEN, reached=asyncio.Event())
            )
            for what in WATCHES
        }
        async with it.waker():
            breaking = asyncio.create_task(break_all(it))
            await life(it)
            breaking.cancel()
        assert {what: fault.met for what, fault in faults.items()} == dict.fromkeys(WATCHES, OFTEN)


async def break_all(it: ServiceScene) -> None:
    """Watches that go well are broken off now and then, so that others begin."""
    while True:
        await asyncio.sleep(0.3)
        it.cluster.api.drop_watches()


@pytest.mark.parametrize("then", ["asleep", "awake"])
async def test_etcd_is_restored_from_a_backup(tmp_path: Path, then: str) -> None:
    """The cluster is as it was then, versions included; waker believes that, whatever it has seen since."""
    async with scene(tmp_path) as it, it.waker():
        before = it.wish()
        await it.put_to_sleep()
        if then == "awake":
            await wakes(it, before)
        backup = it.cluster.store.snapshot()
        it.cluster.store.version += BUSY
        if then == "asleep":
            await wakes(it, before)
        else:
            await it.put_to_sleep()
        it.cluster.store.restore(backup)
        it.cluster.api.drop_watches()
        await wakes(it, before)
        await it.put_to_sleep()
        await wakes(it, before)


async def wakes(it: ServiceScene, wish: Any) -> None:
    """Somebody comes until the app itself answers, and then all is as its user had it."""
    await comes_until_served(it)
    await it.until(lambda: it.wish() == wish)
    await it.awake()
