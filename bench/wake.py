"""How long the first visitor of a sleeping app waits, beside the shortest times that any waker could reach.

Each controller has its turn, so that all see the same machine. Measured from the start to:
- pod: a scale patch of an unmanaged twin -> its pod answers on its own address;
- ready: the same patch -> its EndpointSlice shows a ready endpoint, the earliest time to send visitors there;
- ingress: the same patch -> the app answers through the ingress;
- page: a browser's first request to the sleeping app -> the app's first answer, asked for every 20 ms, faster than any page;
- held: a program's only request -> its answer.
The app itself starts at once. Before each sample comes a rest of random length, or the bench would run in step with the
controllers' own timers (ingress-nginx syncs at most every 3.3 s).
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

EVERY = 0.02  # seconds between two requests of a visitor
REST = (3.5, 7.0)  # seconds, from and to
PATIENCE = 60.0  # seconds
POD_PORT = 8080


@dataclass(frozen=True, slots=True)
class WakeStage:
    """A managed app, its unmanaged twin, and the address that visitors use."""

    api: ClusterApi
    waker: InstalledWaker
    address: VisitorAddress
    shop: StageApp
    twin: StageApp


def run(api: ClusterApi, wanted: list[str], samples: int) -> None:
    """Print one row for each controller and each measurement, in seconds."""
    waker = InstalledWaker(api)
    rows = []
    for name in wanted:
        address = controllers.ALL[name].install(api)
        waker.ensure()
        found = measured(create_apps(api, waker, name, address), samples)
        for measurement, several in found.items():
            over = [each - floor for each, floor in zip(several, found["pod"], strict=True)]
            rows.append((f"{name}: {measurement}", *middle_and_most(several, 2), middle_and_most(over, 2)[0]))
            print(f"{rows[-1]}  {' '.join(f'{each:.2f}' for each in several)}", flush=True)
    print(table(("first request to app's answer, s", "median", "max", "above pod"), rows))


def create_apps(api: ClusterApi, waker: InstalledWaker, name: str, address: VisitorAddress) -> WakeStage:
    """Create both apps. They are awake and answer when this returns."""
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
    """Measure everything once a round, for `samples` rounds."""
    found: dict[str, list[float]] = {measurement: [] for measurement in ("pod", "ready", "ingress", "page", "held")}
    for _ in range(samples):
        put_down(stage)
        for measurement, took in asyncio.run(floors(stage)).items():
            found[measurement].append(took)
        for measurement, visit in (("page", page), ("held", held)):
            put_down(stage)
            found[measurement].append(asyncio.run(visit(stage)))
            until("shop is awake", partial(holds, apps.awake, stage.api, stage.shop), PATIENCE)
    return found


def put_down(stage: WakeStage) -> None:
    """Scale both apps to 0, wait until no pod is left, and rest."""
    api, shop, twin = stage.api, stage.shop, stage.twin
    api.patch(twin.kind, twin.namespace, twin.name, {"spec": {"replicas": 0}})
    if apps.asleep(api, shop):
        stage.waker.do("sleep", shop.name, "-n", shop.namespace)
        until("shop is asleep", partial(holds, apps.asleep, api, shop), PATIENCE)
    until("no pod is left", lambda: not api.list("Pod", shop.namespace), PATIENCE)
    time.sleep(random.uniform(*REST))


async def floors(stage: WakeStage) -> dict[str, float]:
    """The times from one scale patch until the pod answers, is listed as ready, and answers through the ingress."""
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
    """The address of its pod, once its process runs. A request before that makes the kernel search for it for a second."""
    for pod in api.list("Pod", app.namespace, f"app={app.name}"):
        if any("running" in one["state"] for one in pod["status"].get("containerStatuses", [])):
            return VisitorAddress(pod["status"]["podIP"], POD_PORT)
    return None


def listed_ready(access: ApiAccess, app: StageApp) -> float:
    """When its EndpointSlice first had a ready endpoint. Runs in a thread, so it has its own connection to the API."""
    api = ClusterApi(access)
    try:
        until("it is listed as ready", partial(apps.listed_ready, api, app), PATIENCE, EVERY / 2)
        return time.monotonic()
    finally:
        api.close()


async def page(stage: WakeStage) -> float:
    """A browser: one visit, then the waiting page's polls; it loads again when waker no longer answers."""
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
    """A program: one request, which waker holds, and its answer."""
    answer = await load.ask(stage.address, load.curl(stage.shop.host, stage.shop.name))
    if answer.who is not Who.APP:
        raise RuntimeError(f"the held request was answered by {answer.kind}: {answer.body}")
    return answer.ended - answer.began


async def answered(address: VisitorAddress, request: Request) -> float:
    """When the app's first answer arrived. Asks every 20 ms, each time on a new connection."""
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
