"""Settings of one ingress class, through the whole service and while it runs."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

from waker import names
from waker.demo.ingress import NAME
from waker.settings.configmap import Live
from waker.settings.ingress_class import ClassSettings

from .scene import QUICK, SHOP, WITHIN, RunningWaker, ServiceScene, scene


def said(**settings: str) -> Live:
    return replace(QUICK, classes={NAME: ClassSettings(**settings)})


async def reason(it: ServiceScene, running: RunningWaker) -> str:
    """What `waker status` says of the app."""
    (row,) = json.loads((await it.private(running, "/apps")).body)
    return str(row["reason"])


async def test_missing_pods_are_reported_and_then_found(tmp_path: Path) -> None:
    async with scene(tmp_path, SHOP) as it, it.waker(said(selector="app=nobody")) as running:
        async with asyncio.timeout(WITHIN.total_seconds()):
            while "has the labels app=nobody" not in await reason(it, running):
                assert it.replicas()
        running.service.config.live = said(selector=f"app.kubernetes.io/name={NAME}", namespace=NAME)
        running.service._all_changed()
        await it.asleep()
        assert names.SAVED_REPLICAS in it.noted()
        metrics = (await it.private(running, "/metrics")).body
        assert f'controller="traefik.io/ingress-controller@{NAME}"' in metrics
