"""How long the first visitor of a sleeping app waits, beside the floors that no waker can beat.

Per controller, in turn, so that all see the same machine:
- pod: scale patch of an unmanaged twin -> its pod answers on its own address;
- ready: the same patch -> its EndpointSlice says that it is ready, the earliest that anybody may send visitors there;
- ingress: the same patch -> the ingress answers with the app;
- page: a browser's first request to the sleeping app -> the app's first answer, asked every 20 ms as a page would at best;
- held: a program's one request -> its answer.
The app starts at once. Before each sample everything rests for a moment of random length, or the controllers' own
clocks (ingress-nginx syncs every 3.3 s at most) would be in step with the bench.
"""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from bench.tables import middle_and_most, table
from tests.e2e import apps, controllers, load
from tests.e2e.apps import StageApp
from tests.e2e.cluster import ApiAccess, ClusterApi, until
from tests.e2e.install import InstalledWaker
from tests.e2e.load import Request, VisitorAddress, Who
from waker import names

EVERY = 0.02  # seconds between the asks of a page
REST = (3.5, 7.0)  # seconds
PATIENCE = 60.0
POD_PORT = 8080


@dataclass(frozen=True, slots=True)
class WakeStage:
    """A managed app, its unmanaged twin, and where visitors come in."""

    api: ClusterApi
    waker: InstalledWaker
    address: VisitorAddress
    shop: StageApp
    twin: StageApp


def run(api: ClusterApi, wanted: list[str], samples: int) -> None:
    """Print one row a controller and way, in seconds."""
    waker = InstalledWaker(api)
    rows = []
    for name in wanted:
        address = controllers.ALL[name].install(api)
        waker.ensure()
        found = measured(staged(api, waker, name, address), samples)
        for way, several in found.items():
            over = [each - floor for each, floor in zip(several, found["pod"], strict=True)]
            rows.append((f"{name}: {way}", *middle_and_most(several, 2), middle_and_most(over, 2)[0]))
            print(f"{rows[-1]}  {' '.join(f'{each:.2f}' for each in several)}", flush=True)
    print(table(("first request -> app's answer, s", "median", "max", "over pod"), rows))


def staged(api: ClusterApi, waker: InstalledWaker, name: str, address: VisitorAddress) -> WakeStage:
    """Both apps, awake and answering."""
    namespace = f"bench-{name}"
    api.create_namespace(namespace)
    shop = StageApp(namespace, "shop", name)
    twin = replace(shop, name="twin", annotations={names.ENABLED: "false"})
    for app in (shop, twin):
        for obj in apps.objects(app):
            api.create(obj)
    for app in (shop, twin):
        until(f"{app.name} is ready", partial(holds, apps.awake, api, app), PATIENCE)
        until(f"{app.name} answers", partial(answers, address, app), PATIENCE)
    return WakeStage(api, waker, address, shop, twin)


def measured(stage: WakeStage, samples: int) -> dict[str, list[float]]:
    """Each way once a round, `samples` rounds."""
    found: dict[str, list[float]] = {way: [] for way in ("pod", "ready", "ingress", "page", "held")}
    for _ in range(samples):
        down(stage)
        for way, took in asyncio.run(floors(stage)).items():
            found[way].append(took)
        for way, visit in (("page", page), ("held", held)):
            down(stage)
            found[way].append(asyncio.run(visit(stage)))
            until("shop is awake", partial(holds, apps.awake, stage.api, stage.shop), PATIENCE)
    return found


def down(stage: WakeStage) -> None:
    """Both apps at 0, no pod left, and a rest."""
    api, shop, twin = stage.api, stage.shop, stage.twin
    api.patch(twin.kind, twin.namespace, twin.name, {"spec": {"replicas": 0}})
    if apps.asleep(api, shop):
        stage.waker.do("sleep", shop.name, "-n", shop.namespace)
        until("shop is asleep", partial(holds, apps.asleep, api, shop), PATIENCE)
    until("no pod is left", lambda: not api.list("Pod", shop.namespace), PATIENCE)
    time.sleep(random.uniform(*REST))


async def floors(stage: WakeStage) -> dict[str, float]:
    """From the same scale patch: until the pod answers, is listed as ready, and is reached through the ingress."""
    twin = stage.twin
    began = time.monotonic()
    await asyncio.to_thread(stage.api.patch, twin.kind, twin.namespace, twin.name, {"spec": {"replicas": 1}})
    ingress = asyncio.create_task(answered(stage.address, _browser(twin)))
    ready = asyncio.create_task(asyncio.to_thread(listed_ready, stage.api.access, twin))
    address = await asyncio.to_thread(
        until, "the pod has an address", partial(pod_address, stage.api, twin), PATIENCE, EVERY
    )
    pod = await answered(address, _browser(twin))
    return {"pod": pod - began, "ready": await ready - began, "ingress": await ingress - began}


def pod_address(api: ClusterApi, app: StageApp) -> VisitorAddress | None:
    """Where its pod is, once its process runs. Asked earlier, the kernel would look for the address in vain for a second."""
    for pod in api.list("Pod", app.namespace, f"app={app.name}"):
        if any("running" in one["state"] for one in pod["status"].get("containerStatuses", [])):
            return VisitorAddress(pod["status"]["podIP"], POD_PORT)
    return None


def listed_ready(access: ApiAccess, app: StageApp) -> float:
    """When its EndpointSlice first had a ready endpoint. On a connection of its own, for it runs in a thread."""
    api = ClusterApi(access)
    try:
        until("it is listed as ready", partial(apps.listed_ready, api, app), PATIENCE, EVERY / 2)
        return time.monotonic()
    finally:
        api.close()


async def page(stage: WakeStage) -> float:
    """A browser: one visit, then the page's own asking; it loads again when the answer is no longer waker's."""
    visit = _browser(stage.shop)
    first = await load.ask(stage.address, visit)
    end, answer = first.began + PATIENCE, first
    while answer.who is not Who.APP and time.monotonic() < end:
        asked = await load.ask(stage.address, load.poll(visit))
        if asked.who is not Who.WAKER:
            answer = await load.ask(stage.address, visit)
        else:
            await asyncio.sleep(max(0.0, asked.began + EVERY - time.monotonic()))
    return answer.ended - first.began


async def held(stage: WakeStage) -> float:
    """A program: one request, one answer."""
    answer = await load.ask(stage.address, load.curl(stage.shop.host, stage.shop.name))
    if answer.who is not Who.APP:
        raise RuntimeError(f"held, but answered by {answer.kind}: {answer.body}")
    return answer.ended - answer.began


async def answered(address: VisitorAddress, request: Request) -> float:
    """When the app's first answer had arrived; asked every 20 ms, on a connection of its own each."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        answer = await load.ask(address, request, patience=5)
        if answer.who is Who.APP:
            return answer.ended
        await asyncio.sleep(max(0.0, answer.began + EVERY - time.monotonic()))
    raise RuntimeError(f"{request.host} did not answer")


def _browser(app: StageApp) -> Request:
    return load.browser(app.host, app.name)


def answers(address: VisitorAddress, app: StageApp) -> bool:
    return load.ask_now(address, _browser(app)).who is Who.APP


def holds(missing: Callable[[ClusterApi, StageApp], str], api: ClusterApi, app: StageApp) -> bool:
    return not missing(api, app)
