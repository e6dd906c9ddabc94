"""A route behind which no pod ever listens, beside one that works; and apps that are never ready."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from waker import names
from waker.demo import kinds
from waker.demo.kinds import Key

from .scene import MERGE, ServiceScene, scene
from .test_by_hand import wake_that_never_ends


def add_dead_route(it: ServiceScene) -> None:
    """`/admin`, to a port of the Service that none of its pods has."""
    dead = {"name": "admin", "port": 81, "targetPort": "admin", "protocol": "TCP"}
    service = it.cluster.get("Service", "default", "shop")
    assert service
    ports = [*service["spec"]["ports"], dead]
    it.cluster.verbs.patch(kinds.SERVICES, Key("default", "shop"), MERGE, {"spec": {"ports": ports}})
    backend = {"service": {"name": "shop", "port": {"name": "admin"}}}
    rules = it.ingress()["spec"]["rules"]
    rules[0]["http"]["paths"].append({"path": "/admin", "pathType": "Prefix", "backend": backend})
    it.cluster.verbs.patch(kinds.INGRESSES, Key("default", "shop"), MERGE, {"spec": {"rules": rules}})


async def test_a_dead_route_is_not_waited_for(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        add_dead_route(it)
        before = it.wish()
        async with it.waker():
            for _ in range(2):
                await it.put_to_sleep()
                await it.served()
                await it.awake()
                assert it.wish() == before


@pytest.mark.parametrize(
    "annotations",
    [{names.ENABLED: "false"}, {names.ENABLED: None}, {names.STATE: "awake"}],
    ids=["disabled", "forgotten", "pinned awake"],
)
async def test_out_of_a_wake_that_never_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, annotations: dict[str, Any]
) -> None:
    monkeypatch.setattr("waker.plan.way_up.GIVE_BACK_AFTER", timedelta(seconds=1))
    async with scene(tmp_path) as it, it.waker():
        await wake_that_never_ends(it)
        for key, text in annotations.items():
            it.annotate(key, text)
        await it.awake()
        assert names.SCALED_UP_AT not in it.noted()
