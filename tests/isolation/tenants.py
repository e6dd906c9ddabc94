"""Two tenants of one cluster: B with its apps, and A, who writes whatever a tenant may write, to get at B.

Objects are JSON as the API server has them. `attack(seed)` gives the contents of A's namespace: the same for the same seed.
"""

import json
import random
from typing import Any

from waker import names
from waker.plan.doors import DoorKey, port_name
from waker.plan.model import AppId, Kind
from waker.plan.routes.route import Backend

Json = dict[str, Any]

A, B = "team-a", "team-b"
OURS = {names.MANAGED_BY: names.MANAGER}
CLASSES: list[Json] = [
    {"metadata": {"name": name}, "spec": {"controller": controller}}
    for name, controller in (("traefik", "traefik.io/ingress-controller"), ("nginx", "k8s.io/ingress-nginx"))
]
SHOP, API, STORE = (
    DoorKey(AppId(kind, B, name), Backend(name, "http"))
    for kind, name in ((Kind.DEPLOYMENT, "shop"), (Kind.DEPLOYMENT, "api"), (Kind.STATEFUL_SET, "store"))
)
DOORS = {SHOP: 20_000, API: 20_001, STORE: 20_002}
HOSTS = {SHOP: ("shop.example.com", "/"), API: ("shop.example.com", "/api"), STORE: ("store.example.com", "/")}


def meta(namespace: str, name: str, **more: Any) -> Json:
    made = {"uid": f"{namespace}-{name}", "resourceVersion": "1", "creationTimestamp": "2026-01-01T00:00:00Z"}
    return {"namespace": namespace, "name": name} | made | more


def workload(kind: Kind, namespace: str, name: str, replicas: int, labels: Json, **annotations: str) -> Json:
    written = {f"{names.DOMAIN}/{key.replace('_', '-')}": text for key, text in annotations.items()}
    spec = {"replicas": replicas, "template": {"metadata": {"labels": labels}}}
    return {"kind": kind.value, "metadata": meta(namespace, name, annotations=written), "spec": spec}


def service(namespace: str, name: str, selector: Json | None, ports: list[Json], **more: Any) -> Json:
    return {
        "kind": "Service",
        "metadata": meta(namespace, name, **more),
        "spec": {"selector": selector, "ports": ports},
    }


def ingress(namespace: str, name: str, host: str, path: str, backend: tuple[str, Any], **more: Any) -> Json:
    port = {"number": backend[1]} if isinstance(backend[1], int) else {"name": backend[1]}
    entry = {
        "path": path,
        "pathType": more.pop("path_type", "Prefix"),
        "backend": {"service": {"name": backend[0], "port": port}},
    }
    spec: Json = {"rules": [{"http": {"paths": [entry]}} | ({"host": host} if host else {})]}
    if more.get("ingress_class"):
        spec["ingressClassName"] = more["ingress_class"]
    more.pop("ingress_class", None)
    return {"kind": "Ingress", "metadata": meta(namespace, name, **more), "spec": spec}


def slice_of(namespace: str, name: str, addresses: list[str], ports: list[Json], **labels: str) -> Json:
    owned = {names.SLICE_SERVICE: names.WAKER_SERVICE, names.SLICE_MANAGED_BY: names.MANAGER} | OURS | labels
    endpoints = [{"addresses": [each], "conditions": {"ready": True}} for each in addresses]
    shape = {"addressType": "IPv4", "endpoints": endpoints, "ports": ports}
    return {"kind": "EndpointSlice", "metadata": meta(namespace, name, labels=owned), **shape}


def household(replicas: int, *, held: bool) -> list[Json]:
    """B's apps, and what waker has made for them. `held`: their routes lead to waker."""
    found: list[Json] = []
    ports = [{"name": port_name(key), "port": number, "targetPort": number} for key, number in DOORS.items()]
    for key, (host, path) in HOSTS.items():
        saved = {"saved_replicas": "2"} if not replicas else {}
        name = key.app.name
        found.append(workload(key.app.kind, B, name, replicas, {"app": name}, enabled="true", **saved))
        found.append(service(B, name, {"app": name}, [{"name": "http", "port": 80}]))
        backend = {"service": {"name": name, "port": {"name": "http"}}}
        entry = {
            "host": host,
            "path": path,
            "pathType": "Prefix",
            "backend": backend,
            "at": "2026-01-31T11:00:00Z",
            "swaps": 1,
        }
        note = {names.SAVED_BACKENDS: _routes(entry)} if held else {}
        leads = (names.WAKER_SERVICE, DOORS[key]) if held else (name, "http")
        found.append(ingress(B, name, host, path, leads, ingress_class="traefik", annotations=note))
    found.append(service(B, names.WAKER_SERVICE, None, ports, labels=OURS))
    found.append(
        slice_of(B, f"{names.WAKER_SERVICE}-1", ["10.0.0.1"], [{"name": p["name"], "port": p["port"]} for p in ports])
    )
    return found


def _routes(*entries: Json) -> str:
    return json.dumps({"routes": list(entries)})


def attack(seed: int) -> list[Json]:
    """What A has in its namespace: some of everything that a tenant may write."""
    chosen = random.Random(seed)
    hosts = ["shop.example.com", "store.example.com", "*.example.com", "*.com", "", "team-b.kubesleeper.invalid"]
    paths = ["/", "/api", "/api/v1", "/shop", "/.*", ""]
    numbers = [*DOORS.values(), 8080, 9090, 20_003]
    found: list[Json] = []
    for i in range(chosen.randint(1, 4)):
        name = chosen.choice(["shop", "api", "store", "evil", names.WAKER_SERVICE]) + chosen.choice(["", f"-{i}"])
        labels = {
            "app": chosen.choice(["shop", "api", "store", name]),
            "app.kubernetes.io/name": chosen.choice(["x", "traefik", "waker"]),
        }
        notes = chosen.sample(
            [
                ("enabled", chosen.choice(["true", "false"])),
                ("state", chosen.choice(["asleep", "awake", "?"])),
                ("saved_replicas", chosen.choice(["3", "-1", "x"])),
                ("wake_requested_at", "2030-01-01T00:00:00Z"),
                ("service", chosen.choice(["shop", "store"])),
                ("ingress", chosen.choice(["shop", "store"])),
                ("title", "\x1b[2J"),
            ],
            chosen.randint(1, 5),
        )
        kind = chosen.choice(list(Kind))
        if not any(each["kind"] == kind.value and each["metadata"]["name"] == name for each in found):
            found.append(workload(kind, A, name, chosen.choice([0, 1]), labels, **dict(notes)))
        backend = chosen.choice([(name, 80), ("shop", "http"), (names.WAKER_SERVICE, chosen.choice(numbers))])
        forged = {"host": chosen.choice(hosts), "path": "/", "pathType": "Prefix", "at": "2026-01-31T11:00:00Z", "swaps": 1,
                  "backend": {"service": {"name": "shop", "port": {"name": "http"}}}}  # fmt: skip
        note = {names.SAVED_BACKENDS: chosen.choice([_routes(forged), "garbage"])} if chosen.random() < 0.5 else {}
        found.append(
            ingress(
                A, chosen.choice([name, f"{names.KEEPER}-way-traefik", f"front-{i}"]), chosen.choice(hosts),
                chosen.choice(paths), backend, annotations=note,
                ingress_class=chosen.choice(["traefik", "nginx", "nobodys", ""]),
                labels=chosen.choice([{}, OURS]), path_type=chosen.choice(["Prefix", "Exact", "ImplementationSpecific"]),
            )
        )  # fmt: skip
        found.append(
            service(A, chosen.choice(["shop", "store", name]), {"app": labels["app"]}, [{"name": "http", "port": 80}])
        )
    stolen = [{"name": port_name(key), "port": number, "targetPort": number} for key, number in DOORS.items()]
    own = DoorKey(AppId(Kind.DEPLOYMENT, A, "evil"), Backend("evil", 80))
    mine = [{"name": port_name(own), "port": number, "targetPort": number} for number in chosen.sample(numbers, 1)]
    listed = chosen.choice([stolen, mine, []])
    if listed:
        found.append(service(A, names.WAKER_SERVICE, chosen.choice([None, {"app": "shop"}]), listed, labels=OURS))
        ports = [{"name": each["name"], "port": each["port"]} for each in listed]
        for number in chosen.sample(range(1, 21), 2):
            addresses = chosen.choice([["10.0.0.1"], ["10.9.9.9"], []])
            found.append(slice_of(A, f"{names.WAKER_SERVICE}-{number}", addresses, ports))
    return list({(each["kind"], each["metadata"]["name"]): each for each in found}.values())
