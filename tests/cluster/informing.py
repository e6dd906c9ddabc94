"""An informer of ConfigMaps that records what it reports, and the ConfigMaps to feed it with."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from waker.cluster.client import Api
from waker.cluster.informer import Informer, Source
from waker.cluster.resources import CONFIG_MAPS
from waker.demo import kinds
from waker.demo.cluster import DemoCluster
from waker.demo.kinds import Key


class RecordingInformer:
    """An informer of the texts of ConfigMaps, the changes that it has reported, and ways to wait for more."""

    def __init__(self, api: Api, parse: Callable[[Any], str | None], **selectors: str) -> None:
        self.changes: list[tuple[str | None, str | None]] = []
        self._received = asyncio.Event()
        source = Source(CONFIG_MAPS.everywhere(), selectors)
        self.informer: Informer[str] = Informer(api, source, parse, self._on_change, self._clock)

    def _on_change(self, old: str | None, new: str | None) -> None:
        self.changes.append((old, new))
        self._received.set()

    def _clock(self) -> datetime:
        self._received.set()
        return datetime.now(UTC)

    @property
    def texts(self) -> set[str]:
        """All that is in the store."""
        return set(self.informer.values())

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait until it holds; it is evaluated whenever something was received."""
        async with asyncio.timeout(5):
            while not holds():
                self._received.clear()
                await self._received.wait()

    async def receives_something(self) -> None:
        """Wait for an event or a bookmark."""
        before = self.informer.last_received_at
        await self.until(lambda: self.informer.last_received_at != before)

    async def shows(self, *texts: str) -> None:
        """Wait until the store has these and no others."""
        await self.until(lambda: self.texts == set(texts))


@asynccontextmanager
async def running(
    api: Api, parse: Callable[[Any], str | None] | None = None, **selectors: str
) -> AsyncIterator[RecordingInformer]:
    """A running informer. It must still run at the end."""
    recording = RecordingInformer(api, parse or text_of, **selectors)
    task = asyncio.create_task(recording.informer.run())
    try:
        yield recording
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.wait([task])


def text_of(found: Any) -> str | None:
    """The text of a ConfigMap. One without a text is not kept."""
    text = (found.get("data") or {}).get("text")
    return None if text is None else str(text)


def put(cluster: DemoCluster, name: str, text: str | None, namespace: str = "default") -> None:
    """Create or replace a ConfigMap."""
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
    """How many list chunks were requested."""
    return cluster.api.faults.counted(["list"], "configmaps")


def watches(cluster: DemoCluster) -> int:
    """How many watches were started."""
    return cluster.api.faults.counted(["watch"], "configmaps")
