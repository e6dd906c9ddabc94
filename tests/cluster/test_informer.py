"""The reflector: whatever the API server does, the store follows it, and is never emptied by an error."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tenacity import RetryCallState

from waker.cluster import client, informer
from waker.cluster.client import Api, connect
from waker.cluster.informer import Informer, Source
from waker.cluster.resources import CONFIG_MAPS
from waker.demo import kinds
from waker.demo.cluster import DemoCluster, Options
from waker.demo.faults import Fault, broken, forbidden, throttled, unavailable
from waker.demo.kinds import Key
from waker.demo.refusals import ApiRefusal

from .scripted import Script, ScriptedAnswer, scripted

ALL = CONFIG_MAPS.everywhere()
PAUSES = informer.BACKOFF  # as nobody has changed it

pytestmark = pytest.mark.usefixtures("_hasty")


class Mirror:
    """A reflector of ConfigMaps' texts, what it told, and a way to wait for it."""

    def __init__(self, api: Api, parse: Callable[[Any], str | None], **selectors: str) -> None:
        self.told: list[tuple[str | None, str | None]] = []
        self._heard = asyncio.Event()
        source = Source(ALL, selectors)
        self.reflector: Informer[str] = Informer(api, source, parse, self._changed, self._clock)

    def _changed(self, old: str | None, new: str | None) -> None:
        self.told.append((old, new))
        self._heard.set()

    def _clock(self) -> datetime:
        self._heard.set()
        return datetime.now(UTC)

    @property
    def texts(self) -> set[str]:
        """All that is in the store."""
        return set(self.reflector.values())

    async def until(self, holds: Callable[[], object]) -> None:
        """Looks again whenever something was heard."""
        async with asyncio.timeout(5):
            while not holds():
                self._heard.clear()
                await self._heard.wait()

    async def hears_something(self) -> None:
        """Wait for an event or a bookmark."""
        before = self.reflector.heard_at
        await self.until(lambda: self.reflector.heard_at != before)

    async def shows(self, *texts: str) -> None:
        """Wait until the store has these and no others."""
        await self.until(lambda: self.texts == set(texts))


def text_of(found: Any) -> str | None:
    """Those without a text are of no interest."""
    text = (found.get("data") or {}).get("text")
    return None if text is None else str(text)


def put(cluster: DemoCluster, name: str, text: str | None, namespace: str = "default") -> None:
    """Write a ConfigMap."""
    data = {} if text is None else {"text": text}
    obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": data}
    if cluster.get("ConfigMap", namespace, name):
        cluster.verbs.replace(kinds.CONFIG_MAPS, Key(namespace, name), obj)
    else:
        cluster.load([obj])


def drop(cluster: DemoCluster, name: str) -> None:
    """Delete a ConfigMap."""
    cluster.verbs.delete(kinds.CONFIG_MAPS, Key("default", name))


def lists(cluster: DemoCluster) -> int:
    """How many pages were asked for."""
    return cluster.api.faults.counted(["list"], "configmaps")


def watches(cluster: DemoCluster) -> int:
    """How many watches were begun."""
    return cluster.api.faults.counted(["watch"], "configmaps")


@asynccontextmanager
async def following(
    api: Api, parse: Callable[[Any], str | None] | None = None, **selectors: str
) -> AsyncIterator[Mirror]:
    """A reflector at work."""
    mirror = Mirror(api, parse or text_of, **selectors)
    task = asyncio.create_task(mirror.reflector.run())
    try:
        yield mirror
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.wait([task])


@pytest.fixture
async def mirror(cluster: DemoCluster, api: Api) -> AsyncIterator[Mirror]:
    """Follows a cluster that has `a` and `b`, and has seen them."""
    put(cluster, "a", "A")
    put(cluster, "b", "B")
    async with following(api) as mirror:
        await mirror.shows("A", "B")
        yield mirror


# --- as it should be ----------------------------------------------------------------------------------------------


async def test_lists_in_pages(cluster: DemoCluster, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(informer, "CHUNK", 2)
    for name in "abcde":
        put(cluster, name, name)
    async with following(api) as mirror:
        assert not mirror.reflector.synced.is_set()
        await mirror.shows(*"abcde")
        assert lists(cluster) == 3
        assert mirror.reflector.synced.is_set()
        assert sorted(mirror.told) == [(None, name) for name in "abcde"]


async def test_nothing_there_is_known_too(cluster: DemoCluster, api: Api) -> None:
    async with following(api) as mirror:
        await mirror.until(mirror.reflector.synced.is_set)
        assert (mirror.texts, mirror.told) == (set(), [])


async def test_follows_every_change(cluster: DemoCluster, mirror: Mirror) -> None:
    mirror.told.clear()
    put(cluster, "c", "C")
    put(cluster, "a", "A2")
    drop(cluster, "b")
    await mirror.shows("A2", "C")
    assert mirror.told == [(None, "C"), ("A", "A2"), ("B", None)]
    assert dict(mirror.reflector.in_namespace("default")) == {"a": "A2", "c": "C"}
    assert mirror.reflector.in_namespace("elsewhere") == {}


async def test_same_names_in_other_namespaces_are_others(cluster: DemoCluster, mirror: Mirror) -> None:
    put(cluster, "a", "other", "kube-system")
    await mirror.shows("A", "B", "other")
    assert dict(mirror.reflector.in_namespace("kube-system")) == {"a": "other"}


async def test_what_is_of_no_interest_is_not_kept(cluster: DemoCluster, mirror: Mirror) -> None:
    mirror.told.clear()
    put(cluster, "c", None)
    put(cluster, "a", None)  # was of interest
    await mirror.shows("B")
    assert mirror.told == [("A", None)]


async def test_a_change_that_does_not_matter_is_not_told(cluster: DemoCluster, mirror: Mirror) -> None:
    mirror.told.clear()
    put(cluster, "a", "A")
    put(cluster, "b", "B2")
    await mirror.shows("A", "B2")
    assert mirror.told == [("B", "B2")]


async def test_bookmarks_move_it_on(cluster: DemoCluster, api: Api) -> None:
    """Without them the version of a quiet collection is soon too old to watch from."""
    put(cluster, "a", "A")
    async with following(api, fieldSelector="metadata.name=a") as mirror:
        await mirror.shows("A")
        await mirror.hears_something()
        for number in range(3):
            put(cluster, "noise", str(number))  # not seen
        cluster.store.forget()
        await mirror.hears_something()  # may have been on its way before
        await mirror.hears_something()
        cluster.api.drop_watches(kinds.CONFIG_MAPS)
        put(cluster, "a", "A2")
        await mirror.shows("A2")
        assert lists(cluster) == 1


# --- as it is -----------------------------------------------------------------------------------------------------


async def test_a_watch_that_breaks_goes_on_where_it_was(cluster: DemoCluster, mirror: Mirror) -> None:
    mirror.told.clear()
    cluster.api.drop_watches(kinds.CONFIG_MAPS)
    put(cluster, "a", "A2")
    drop(cluster, "b")
    await mirror.shows("A2")
    assert mirror.told == [("A", "A2"), ("B", None)]
    assert lists(cluster) == 1


async def test_a_watch_that_ends_by_itself(cluster: DemoCluster, mirror: Mirror) -> None:
    """As the server's timeout does."""
    for text in ("A2", "A3", "A4"):
        for stream in cluster.api._streams:
            stream.changes.close()
        put(cluster, "a", text)
        await mirror.shows(text, "B")
    assert lists(cluster) == 1


async def test_too_old_lists_again_and_tells_the_difference(cluster: DemoCluster, mirror: Mirror) -> None:
    mirror.told.clear()
    cluster.api.drop_watches(kinds.CONFIG_MAPS)
    put(cluster, "a", "A2")
    drop(cluster, "b")
    put(cluster, "c", "C")
    cluster.store.forget()  # the watch is told 410 in its stream
    await mirror.shows("A2", "C")
    assert sorted(mirror.told, key=str) == sorted([("A", "A2"), ("B", None), (None, "C")], key=str)
    assert lists(cluster) == 2


async def test_too_old_as_a_status(cluster: DemoCluster, mirror: Mirror) -> None:
    gone = cluster.api.faults.order(Fault("watch", "configmaps", refusal=ApiRefusal(410, "Expired", "too old")))
    cluster.api.drop_watches(kinds.CONFIG_MAPS)
    put(cluster, "a", "A2")
    await mirror.shows("A2", "B")
    assert (gone.met, lists(cluster)) == (1, 2)


async def test_too_old_in_the_middle_of_a_list(cluster: DemoCluster, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The continue token of a later page has expired."""
    monkeypatch.setattr(informer, "CHUNK", 1)
    put(cluster, "a", "A")
    put(cluster, "b", "B")
    cluster.api.faults.order(Fault("list", "configmaps"))  # the first page is served
    cluster.api.faults.order(Fault("list", "configmaps", refusal=ApiRefusal(410, "Expired", "too old")))
    async with following(api) as mirror:
        await mirror.shows("A", "B")
        assert lists(cluster) == 4


@pytest.mark.parametrize("verb", ["list", "watch"])
@pytest.mark.parametrize(
    "fault",
    [
        Fault(refusal=unavailable()),
        Fault(refusal=broken()),
        Fault(refusal=forbidden("configmaps")),
        Fault(refusal=ApiRefusal(401, "Unauthorized", "Unauthorized")),
        Fault(cuts=True),
    ],
    ids=["503", "500", "403", "401", "cut"],
)
async def test_it_never_gives_up_and_never_forgets(
    cluster: DemoCluster, mirror: Mirror, verb: str, fault: Fault
) -> None:
    """Through an outage of twenty tries; meanwhile the store is what it was."""
    mirror.told.clear()
    cluster.store.forget()
    outage = cluster.api.faults.order(Fault(verb, "configmaps", times=20, refusal=fault.refusal, cuts=fault.cuts))
    cluster.api.drop_watches(kinds.CONFIG_MAPS)
    put(cluster, "a", "A2")
    await outage.reached.wait()
    assert mirror.texts == {"A", "B"}
    await mirror.shows("A2", "B")
    assert outage.met == 20
    assert mirror.told == [("A", "A2")]


async def test_it_waits_as_long_as_the_server_says(
    cluster: DemoCluster, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Retry-After is 1 s there; nobody sleeps that long otherwise."""
    slept: list[float] = []
    really = asyncio.sleep

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await really(min(seconds, 0.001))

    monkeypatch.setattr(asyncio, "sleep", sleep)
    cluster.api.faults.order(Fault("watch", "configmaps", times=2, refusal=throttled()))
    cluster.api.faults.order(Fault("watch", "configmaps", times=2, refusal=unavailable()))
    cluster.api.drop_watches(kinds.CONFIG_MAPS)
    put(cluster, "a", "A2")
    await mirror.shows("A2", "B")
    assert [each for each in slept if each > 0.5] == [1.0, 1.0]


async def test_it_waits_longer_from_try_to_try(
    cluster: DemoCluster, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never 30 s or more; from the beginning again when it went well in between."""
    attempts: list[int] = []

    def no_time(state: RetryCallState) -> float:
        attempts.append(state.attempt_number)
        return 0

    monkeypatch.setattr(informer, "BACKOFF", no_time)
    for text in ("A2", "A3"):
        cluster.api.faults.order(Fault("watch", "configmaps", times=3, refusal=unavailable()))
        cluster.api.drop_watches(kinds.CONFIG_MAPS)
        put(cluster, "a", text)
        await mirror.shows(text, "B")
    assert attempts == [1, 2, 3, 1, 2, 3]


def test_the_longest_pause() -> None:
    assert PAUSES.max == 30


async def test_a_half_dead_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing comes any more and nobody hangs up: bookmarks would have come."""
    monkeypatch.setattr(client, "WATCH", aiohttp.ClientTimeout(total=None, sock_read=0.05))
    silent = Options(lag=timedelta(), bookmark_every=timedelta(hours=1))
    async with DemoCluster(silent) as cluster, connect(str(cluster.kubeconfig(tmp_path / "kubeconfig"))) as api:
        put(cluster, "a", "A")
        async with following(api) as mirror:
            await mirror.shows("A")
            dead = cluster.api.faults.order(Fault("watch", "configmaps", hangs=True, times=2))
            cluster.api.drop_watches(kinds.CONFIG_MAPS)
            put(cluster, "a", "A2")
            await mirror.shows("A2")
            assert dead.met == 2


async def test_a_list_that_hangs(cluster: DemoCluster, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "CALL", aiohttp.ClientTimeout(total=0.05))
    put(cluster, "a", "A")
    cluster.api.faults.order(Fault("list", "configmaps", hangs=True, times=2))
    async with following(api) as mirror:
        await mirror.shows("A")


@pytest.mark.parametrize("line", [b"no JSON\n", b'{"type": "MODIFIED", "object"', b'{"a": 1}\n', b"\xff\n"])
async def test_a_line_that_cannot_be_read(tmp_path: Path, line: bytes) -> None:
    """What it said is not known: so all is asked for again."""
    answers = (
        ScriptedAnswer(page("5", a="A")),
        ScriptedAnswer(event("MODIFIED", "6", a="A2") + line),
        ScriptedAnswer(page("7", a="A3")),
        ScriptedAnswer(event("MODIFIED", "8", a="A4")),
    )
    async with scripted(tmp_path, *answers) as (api, script), following(api) as mirror:
        await mirror.shows("A4")
        assert mirror.told == [(None, "A"), ("A", "A2"), ("A2", "A3"), ("A3", "A4")]
        assert versions(script)[:4] == ["", "5", "", "7"]


def page(version: str, **texts: str) -> bytes:
    """A list."""
    items = [{"metadata": {"name": name}, "data": {"text": text}} for name, text in texts.items()]
    return json.dumps({"metadata": {"resourceVersion": version}, "items": items}).encode()


def event(kind: str, version: str, **texts: str) -> bytes:
    """A line of a watch."""
    ((name, text),) = texts.items()
    metadata = {"name": name, "resourceVersion": version}
    return json.dumps({"type": kind, "object": {"metadata": metadata, "data": {"text": text}}}).encode() + b"\n"


def versions(script: Script) -> list[str]:
    """The version that each request began with; "" is a list."""
    return [each.query.get("resourceVersion", "") for each in script.asked]


class OddError(KeyError):
    """What a parser says of an object that is not as it should be."""


async def test_an_odd_object_costs_that_object_only(
    cluster: DemoCluster, api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody's object must not end waker, which looks after those of all others."""

    def parse(found: Any) -> str | None:
        if text_of(found) == "odd":
            raise OddError("port")
        return text_of(found)

    put(cluster, "a", "odd")
    put(cluster, "b", "B")
    async with following(api, parse=parse) as mirror:
        await mirror.shows("B")
        put(cluster, "b", "odd")
        await mirror.shows()
        put(cluster, "b", "B2")
        put(cluster, "a", "A")
        await mirror.shows("A", "B2")
    assert "default/a cannot be read" in caplog.text


async def test_a_defect_is_not_hidden(cluster: DemoCluster, api: Api) -> None:
    put(cluster, "a", "A")

    def defect(found: Any) -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await Mirror(api, defect).reflector.run()


async def test_readiness_can_tell_when_it_last_heard(cluster: DemoCluster, mirror: Mirror) -> None:
    await mirror.hears_something()  # a bookmark
    cluster.api.faults.order(Fault("watch", "configmaps", times=None, refusal=unavailable()))
    cluster.api.drop_watches(kinds.CONFIG_MAPS)
    before = watches(cluster)
    async with asyncio.timeout(5):
        while watches(cluster) < before + 5:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0)
    frozen = mirror.reflector.heard_at
    async with asyncio.timeout(5):
        while watches(cluster) < before + 10:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0)
    assert mirror.reflector.heard_at == frozen
