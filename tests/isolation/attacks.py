"""A, the tenant who writes whatever a tenant may write, to get at B. `Attack(seed)` is the same for the same seed.

It knows B's names, hosts and labels, and the numbers of B's doors. Two things it leaves alone, because the ingress controller
itself would then prefer A: B's own hosts with a path that wins over B's, and Ingresses that are older than B's.
"""

import hashlib
import json
import random
from collections.abc import Mapping

from tests.isolation.households import (
    APPS,
    DOORS,
    HOSTS,
    B,
    Json,
    http_port,
    ingress,
    meta,
    ours,
    path_to,
    service,
    workload,
)
from tests.isolation.visitors import EVIL, WAIT_HOST
from waker import names
from waker.plan.doors import DoorKey, port_name
from waker.plan.model import AppId, Kind
from waker.plan.routes.route import Backend

A = "team-a"
MANAGED = {names.MANAGED_BY: names.MANAGER}
TIME = "2026-01-31T11:00:00Z"
HOSTILE_NOTES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("saved-replicas", ("3", "-1", "x")),
    ("wake-requested-at", ("2030-01-01T00:00:00Z", "never")),
    ("asleep-since", (TIME, "")),
    ("service", ("shop", "store,wiki")),
    ("ingress", ("shop", "blog")),
    ("title", ("\x1b[2J\u202eB's shop", "<script>")),
    ("theme", ("../../etc", "dark")),
    ("hold-for", ("1h", "0s")),
    ("ignore-paths", ("/*", "/")),
    ("ignore-agents", ("Mozilla", "kube-probe")),
    ("while-asleep", ("redirect", "hold", "?")),
)
LABELS = (
    {"app.kubernetes.io/name": "traefik"},
    {"app.kubernetes.io/name": "ingress-nginx", "app.kubernetes.io/component": "controller"},
    {"app.kubernetes.io/name": "waker"},
)


class Attack:
    """What one A writes."""

    def __init__(self, seed: int) -> None:
        self._chosen = random.Random(seed)
        self.apps = ["evil", *self._chosen.sample(list(APPS), 2)]
        self.kind = self._chosen.choice(list(Kind))
        self.opening = self._opening()

    @property
    def doors(self) -> list[DoorKey]:
        """The doors that its apps get."""
        return [DoorKey(AppId(self.kind, A, name), Backend(name, "http")) for name in self.apps]

    def _opening(self) -> list[Json]:
        """What is there before waker begins."""
        found = [each for name in self.apps for each in self._app(name)]
        found += [self._front(i) for i in range(self._chosen.randint(3, 6))]
        wide = self._chosen.choice(["*.example.com", "*.com", ""])
        found.append(ingress(meta(A, "wide"), wide, path_to("evil", "http", self._chosen.choice(["/", "/a", "/deep"]))))
        found += [self._impostor(i) for i in range(self._chosen.randint(0, 2))]
        found += [self._endpoints(name) for name in self._chosen.sample(list(APPS), 2)]
        found += [self._guess(name) for name in self._chosen.sample(list(DOORS), 1)]
        for name in self._chosen.sample([names.DOORS_MAP, names.CONFIG_MAP, names.ACTIVITY], 2):
            data = {"20000": str(DOORS["shop"]), "idle-after": "1s", "paused": "true", "door-ports": "1-2"}
            found.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta(A, name), "data": data})
        return found

    def _app(self, name: str) -> list[Json]:
        """An app, enabled and pinned asleep: one at a host of its own, the others with B's names at B's hosts."""
        written = {"enabled": "true", "state": "asleep"}
        written |= {key: self._chosen.choice(texts) for key, texts in self._chosen.sample(HOSTILE_NOTES, 4)}
        labels = {"app": self._chosen.choice(list(APPS))} | self._chosen.choice([{}, {}, {}, *LABELS])
        replicas = self._chosen.choice([0, 1, 1, 1])
        host = EVIL if name == "evil" else self._chosen.choice(list(HOSTS.values()))
        return [
            workload(self.kind, meta(A, name, annotations=ours(written)), labels, replicas, "demo/api"),
            service(meta(A, name), labels, [http_port()]),
            ingress(meta(A, name), host, path_to(name, "http")),
        ]

    def _front(self, i: int) -> Json:
        """An Ingress with a host of somebody else's."""
        chosen = self._chosen
        host = chosen.choice([*HOSTS.values(), "*.example.com", "*.com", "", EVIL, WAIT_HOST])
        in_class = chosen.choice(["traefik", "nginx", "nobodys", ""])
        path = chosen.choice(["/", "/a", "/deep/er"])
        to_waker = path_to(names.WAKER_SERVICE, 20_000 + i, path)
        entry = chosen.choice([*(path_to(each, "http", path) for each in self.apps), to_waker])
        name = chosen.choice([f"front-{i}", f"{names.KEEPER}-way-{i}"])
        labels = MANAGED if name.startswith(names.KEEPER) else {}
        annotations = {names.SAVED_BACKENDS: self._saved(host)} if chosen.random() < 0.6 else {}
        metadata = meta(A, name, labels=labels, annotations=annotations)
        return ingress(metadata, host, entry, in_class)

    def _guess(self, name: str) -> Json:
        """The path of B's keeper to the door of an app, as it would be if there were no secret in it."""
        host = f"{token_without_secret('way', B, 'traefik')}.{names.KEEPER_DOMAIN}"
        path = path_to(self.apps[0], "http", f"/{token_without_secret('way', str(DOORS[name]))}", "Exact")
        return ingress(meta(A, "guess"), host, path)

    def _saved(self, host: str) -> str:
        """Originals as waker notes them, but forged."""
        name = self._chosen.choice(list(APPS))
        backend = {"service": {"name": name, "port": {"name": "http"}}}
        entry = {"host": host, "path": "/", "pathType": "Prefix", "backend": backend, "at": TIME, "swaps": 1}
        return self._chosen.choice([json.dumps({"routes": [entry]}), json.dumps({"routes": [entry]}), "garbage"])

    def _impostor(self, i: int) -> Json:
        """Pods that claim to be an ingress controller's, or waker's, and answer what they are asked."""
        name, labels = f"impostor-{i}", self._chosen.choice([LABELS[0], *LABELS])
        return workload(Kind.DEPLOYMENT, meta(A, name), labels, 1, "demo/api", port_name="web")

    def _endpoints(self, name: str) -> Json:
        """A slice of a Service of B's name."""
        return endpoint_slice(f"{name}-zzz", {names.SLICE_SERVICE: name}, [{"name": "http", "port": 9}], ["127.0.0.2"])

    def old_service(self) -> Json:
        """A Service of waker's name, which waker takes for its own."""
        return service(meta(A, names.WAKER_SERVICE, labels=MANAGED), None, [])

    def forged(self, numbers: Mapping[DoorKey, int]) -> list[Json]:
        """Its Service and slices of waker's name, once B's numbers are known: they list these under A's names and B's."""
        theirs = list(numbers.values())
        self._chosen.shuffle(theirs)
        listed = dict(zip(map(port_name, self.doors), theirs, strict=False))
        under_bs_names = self._chosen.sample(list(DOORS.values()), 2)
        listed |= {port_name(key): numbers[key] for key in under_bs_names}
        ports = [{"name": name, "port": number, "targetPort": number} for name, number in listed.items()]
        labels = MANAGED | {names.SLICE_SERVICE: names.WAKER_SERVICE, names.SLICE_MANAGED_BY: names.MANAGER}
        in_slices = [{"name": name, "port": number} for name, number in listed.items()]
        addresses = self._chosen.choice([["127.0.0.1"], ["127.0.0.2"], []])
        return [
            service(meta(A, names.WAKER_SERVICE, labels=MANAGED), None, ports),
            endpoint_slice(f"{names.WAKER_SERVICE}-{self._chosen.randint(1, 9)}", labels, in_slices, addresses),
        ]


def token_without_secret(*about: str) -> str:
    """What anybody can compute."""
    return hashlib.sha256("\n".join(about).encode()).hexdigest()[:32]


def endpoint_slice(name: str, labels: dict[str, str], ports: list[Json], addresses: list[str]) -> Json:
    endpoints = [{"addresses": [each], "conditions": {"ready": True}} for each in addresses]
    shape = {"addressType": "IPv4", "endpoints": endpoints, "ports": ports}
    head = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": meta(A, name, labels=labels)}
    return head | shape
