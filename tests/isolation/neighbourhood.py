"""One cluster with B in it, alone or beside an A: how B stands, what its visitors are answered, and what waker writes there.

The record is text without times, ids and port numbers, so that two can be compared. `story` says what happens.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp

from tests.isolation.attacks import A, Attack
from tests.isolation.households import APPS, DOORS, HOSTS, B, household
from tests.isolation.visitors import (
    ask,
    ask_all,
    poll,
    public_requests,
    quiet_requests,
    settled_text,
)
from tests.ports import next_port
from tests.service.scene import MERGE, WRITES, ServiceScene
from waker import names
from waker.demo.cluster import DemoCluster, Options
from waker.demo.kinds import BY_KIND, Key, Obj
from waker.demo.verbs import resource_of
from waker.plan.doors import DoorBook, DoorKey, book_of
from waker.plan.model import Phase

PATIENCE = timedelta(seconds=8)  # until B is as it should be
BOOK = Key("kubesleeper", names.DOORS_MAP)
NGINX = {"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": {"name": "nginx"},
         "spec": {"controller": "k8s.io/ingress-nginx"}}  # fmt: skip
HELD = ("shop", "wiki", "queue", "store")  # by waker, once they have fallen asleep
Record = dict[str, str]


@dataclass
class Neighbourhood:
    """The cluster, and what has been seen of B in it."""

    it: ServiceScene
    attack: Attack | None
    record: Record = field(default_factory=dict)
    writes: set[str] = field(default_factory=set)  # of waker's, to objects of B's user
    numbers: dict[int, int] = field(default_factory=dict)  # of B's doors, now or before; what stands for each

    def book(self) -> DoorBook:
        """The book of doors, as it is now."""
        found = self.it.cluster.get("ConfigMap", *BOOK) or {}
        return book_of("", found.get("data") or {})

    def doors(self) -> dict[DoorKey, int]:
        """The number of each door of B."""
        return dict(self.book().namespaces.get(B, {}))

    def forgeries(self) -> set[int]:
        """B's numbers that A's Service of waker's name lists."""
        found = self.it.cluster.get("Service", A, names.WAKER_SERVICE) or {"spec": {}}
        return {port["port"] for port in found["spec"].get("ports", ())} & set(self.doors().values())

    def workload(self, name: str) -> Obj:
        """One of B's, as it is now."""
        found = self.it.cluster.get(APPS[name][0].value, B, name)
        assert found
        return found

    def change(self, name: str, patch: Obj) -> None:
        """As B's user does."""
        self.it.cluster.verbs.patch(BY_KIND[APPS[name][0].value], Key(B, name), MERGE, patch)

    def is_held(self, name: str) -> bool:
        """Whether its route leads to the door that the book names, and its namespace lists that."""
        found, number = self.it.cluster.get("Ingress", B, name), self.doors().get(DOORS[name])
        service = self.it.cluster.get("Service", B, names.WAKER_SERVICE) or {"spec": {}}
        listed = {port["port"] for port in service["spec"].get("ports", ())}
        return number in listed and f'"{names.WAKER_SERVICE}", "port": {{"number": {number}}}' in json.dumps(found)

    def is_asleep(self, name: str) -> bool:
        """Whether its route is held and no pod is left."""
        return self.is_held(name) and self.workload(name)["spec"]["replicas"] == 0

    def is_awake(self, name: str) -> bool:
        """Whether nothing of a sleep is left."""
        notes = json.dumps(self.workload(name)["metadata"].get("annotations"))
        return names.SAVED_REPLICAS not in notes and not self.is_held(name)

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait until it holds. Raises TimeoutError."""
        await self.it.cluster.until(holds, PATIENCE)
        await asyncio.wait_for(self.it.cluster.ingress.caught_up(), PATIENCE.total_seconds())

    async def follow_book(self) -> None:
        """Wait until every app of B that is held leads to its door again, and B's numbers are known."""
        await self.until(lambda: len(self.doors()) == len(DOORS) and all(map(self.is_held, HELD)))
        standing_for = {key: 90_000 + i for i, key in enumerate(DOORS.values())}
        self.numbers |= {number: standing_for[key] for key, number in self.doors().items()}

    async def wait_for_pod(self, name: str) -> None:
        """Poll as a waiting page does, until its pod is shown. Raises TimeoutError."""
        async with asyncio.timeout(PATIENCE.total_seconds()):
            while "step=2" not in await ask(self.doors()[DOORS[name]], poll(HOSTS[name])):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)

    async def ask_quietly(self, chapter: str, public_port: int) -> None:
        """What B's visitors get now, at each door and elsewhere, without waking anybody."""
        doors = self.doors()
        asked = {name: ask_all(doors[key], quiet_requests(name)) for name, key in DOORS.items()}
        asked["public port"] = ask_all(public_port, public_requests())
        for where, answers in zip(asked, await asyncio.gather(*asked.values()), strict=True):
            self.note(f"{chapter}: {where}", answers)
        given_away = {
            self.numbers[number] for number in self.numbers.keys() & self.book().doors.keys() - set(doors.values())
        }
        self.note(f"{chapter}: B's numbers", {"that are others' now": str(sorted(given_away))})

    def note(self, where: str, answers: dict[str, str]) -> None:
        """Keep answers, without what is passing."""
        self.record |= {f"{where}: {what}": settled_text(text, self.numbers) for what, text in answers.items()}


def written_by_waker(hood: Neighbourhood) -> None:
    """Have every write kept that reaches the API server for an object of B's user: whoever writes over HTTP is waker."""
    api = hood.it.cluster.api
    respond = api._respond

    def responding(request: Any, target: Any, call: Any, body: Any) -> Any:
        response = respond(request, target, call, body)
        if call.namespace == B and call.verb in WRITES and call.name in APPS:
            hood.writes |= {
                f"{call.verb} {call.resource} {call.name}{path}: {text}" for path, text in settings_of(body)
            }
        return response

    setattr(api, "_respond", responding)  # noqa: B010 - mypy knows it as a method


@asynccontextmanager
async def neighbourhood(folder: Path, attack: Attack | None) -> AsyncIterator[Neighbourhood]:
    """A cluster in which B's apps are open. A's Service of waker's name is older than B's, its Ingresses are younger."""
    age = timedelta(days=30)
    options = Options(lag=timedelta(milliseconds=5), now=lambda: datetime.now(UTC) - age)
    async with AsyncExitStack() as stack:
        cluster = await stack.enter_async_context(DemoCluster(options))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        cluster.kubeconfig(folder / "kubeconfig")
        it = ServiceScene(cluster, folder, session, tasks, next_port())
        hood = Neighbourhood(it, attack)
        for name in (A, B):  # the ingress controller is older
            cluster.load([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}])
        cluster.load([NGINX])
        if attack:
            age = timedelta(days=9)
            cluster.load([attack.old_service()])
        age = timedelta(days=1)
        cluster.load(household())
        age = timedelta()
        if attack:
            put(it, attack.opening)
        await it.until(lambda: all((hood.workload(name).get("status") or {}).get("readyReplicas") for name in APPS))
        written_by_waker(hood)
        yield hood


def put(it: ServiceScene, objects: list[Obj]) -> None:
    """As `kubectl apply` does."""
    for each in objects:
        resource, key = resource_of(each), Key(each["metadata"]["namespace"], each["metadata"]["name"])
        if it.cluster.store.get(resource, key):
            it.cluster.verbs.patch(resource, key, MERGE, each)
        else:
            it.cluster.load([each])


def keep_objects(hood: Neighbourhood) -> None:
    """What is in B's namespace in the end, and every write of waker's to the objects of B's user."""
    for kind in ("Deployment", "StatefulSet", "Service", "Ingress", "EndpointSlice"):
        for each in hood.it.cluster.objects(kind, B):
            name = each["metadata"]["name"]
            if kind != "EndpointSlice" or name.startswith(names.WAKER_SERVICE):
                hood.note(f"in the end: {kind} {name}", {"is": json.dumps(each)})
    for what, text in hood.record.items():
        if what.startswith("in the end: "):
            hood.record[what] = in_order(text)
    said = {
        (each["involvedObject"]["name"], each["reason"], each["message"])
        for each in hood.it.cluster.objects("Event", B)
        if each["reason"] != Phase.AWAKE and not each["message"].endswith(" yet")  # these are seen by chance
    }
    hood.note("in the end: Events", {"are": "\n".join(map(str, sorted(said)))})
    lines = sorted({settled_text(each, hood.numbers) for each in hood.writes})
    hood.note("writes", {"are": "\n".join(lines)})


def in_order(text: str) -> str:
    """An object with its ports and paths in an order that no port number and no secret path decides."""
    found = json.loads(text)
    spec = found.get("spec") or {}
    for rule in spec.get("rules", ()):
        rule["http"]["paths"].sort(key=lambda path: json.dumps(path["backend"]))
    for ports in (spec.get("ports"), found.get("ports")):
        if ports:
            ports.sort(key=lambda port: str(port["name"]))
    return json.dumps(found, sort_keys=True)


def settings_of(body: Any) -> Iterator[tuple[str, str]]:
    """What a write sets, field by field, without the version that it is guarded by."""
    if not isinstance(body, list):
        yield "", json.dumps(body, sort_keys=True)
        return
    for each in body:
        if each["path"] == "/metadata/annotations":
            yield from (
                (f"{each['path']}/{key.replace('/', '~1')}", json.dumps(text)) for key, text in each["value"].items()
            )
        elif each["path"] != "/metadata/resourceVersion":
            yield each["path"], json.dumps(each.get("value"), sort_keys=True)
