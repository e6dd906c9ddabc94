"""Namespaces come and go, as those of previews do, and waker keeps nothing of those that are gone."""

from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from waker import names
from waker.demo import kinds
from waker.demo.kinds import Key
from waker.demo.samples import manifests
from waker.plan.times import format_time
from waker.service import Waker

from .scene import ENABLED, MERGE, SHOP, ServiceScene, scene
from .witness import backends

ROUNDS = 3


async def test_what_waker_keeps_does_not_grow_with_namespaces_that_are_gone(tmp_path: Path) -> None:
    async with scene(tmp_path) as it, it.waker() as running:
        await come_and_go(it, 0)
        kept = entries(running.service)
        for number in range(1, 1 + ROUNDS):
            await come_and_go(it, number)
        with suppress(TimeoutError):
            await it.until(lambda: grown(kept, entries(running.service)) == {})
        assert grown(kept, entries(running.service)) == {}


def entries(service: Waker) -> dict[str, int]:
    """How many entries each collection has that is reached from the parts which live as long as the process.

    Left out is what has a bound of its own: the page's cache, Events that need no repeating, writes, numbers of former doors,
    and outdated entries of the queue, which go when they are due.
    """
    parts = {
        "registry": service.registry, "following": service.following, "visits": service.visits,
        "endpoints": service.endpoints, "pods": service.app_pods, "namespaces": service.controllers.namespaces,
        "controllers": service.controllers.pods, "claims": service.controllers.claims, "lookup": service.lookup,
        "replicas": service.replicas, "cluster": service.cluster,
    }  # fmt: skip
    found: dict[str, int] = {}
    seen: set[int] = set()
    todo: deque[tuple[str, Any]] = deque(parts.items())
    while todo:
        name, each = todo.popleft()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, dict | list | set | deque) and getattr(each, "maxlen", None) is None:
            found[name] = found.get(name, 0) + len(each)
        todo.extend((f"{name}.{inner}", value) for inner, value in inside(each))
    return found


def inside(each: object) -> Iterator[tuple[str, object]]:
    """The values of a collection, or the attributes of an object of waker's."""
    if isinstance(each, dict):
        yield from (("values", value) for value in list(each.values()))
    elif isinstance(each, list | set | deque | tuple | frozenset):
        yield from (("values", value) for value in list(each))
    elif type(each).__module__.startswith("waker."):
        own = [*vars(each)] if hasattr(each, "__dict__") else list(getattr(type(each), "__slots__", ()))
        yield from ((name, getattr(each, name)) for name in own)


def grown(before: dict[str, int], after: dict[str, int]) -> dict[str, tuple[int, int]]:
    """What has more entries now."""
    return {name: (before.get(name, 0), count) for name, count in after.items() if count > before.get(name, 0)}


async def come_and_go(it: ServiceScene, number: int) -> None:
    """A namespace with an app that sleeps, is woken by a client and is deleted with its namespace."""
    namespace, app = f"team-{number}", replace(SHOP, name=f"app-{number}")
    key = Key(namespace, app.name)
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    it.cluster.load([space, *manifests(app, namespace, ENABLED)])

    def deployment() -> Any:
        return it.cluster.get("Deployment", *key) or {}

    def held() -> bool:
        return bool(backends(it.cluster.get("Ingress", *key) or {}) & {names.WAKER_SERVICE})

    await it.until(lambda: (deployment().get("status") or {}).get("readyReplicas"))
    asked = {"metadata": {"annotations": {names.SLEEP_REQUESTED_AT: format_time(datetime.now(UTC))}}}
    it.cluster.verbs.patch(kinds.DEPLOYMENTS, key, MERGE, asked)
    await it.until(lambda: held() and not it.cluster.objects("Pod", namespace))
    await it.cluster.ingress.caught_up()
    assert (await it.visit(app.name)).page
    await it.visit(app.name, Accept="*/*")
    await it.until(lambda: not held() and names.SAVED_REPLICAS not in deployment()["metadata"].get("annotations", {}))
    it.cluster.verbs.delete(kinds.NAMESPACES, Key("", namespace))
