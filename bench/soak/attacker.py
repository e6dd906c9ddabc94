"""The tenant that attacks: everything that may be done with the rights of one namespace, again and again, at random.

It edits its own Ingresses, annotations and what waker keeps in its namespace, claims the other tenant's hosts, forges hosts,
and hammers its own apps. What that does to its own apps is its own affair; the other tenant must not notice. The code
blocks, so it runs in a thread of its own.
"""

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from bench.soak import stage
from tests.e2e import load
from tests.e2e.apps import StageApp
from tests.e2e.cluster import UNANSWERED, ClusterApi, path_of
from tests.e2e.entry_points import EntryPoint
from waker import names

PAUSE = (0.2, 2.0)  # seconds between two tricks
HAMMERED = 60  # requests at once
PATIENCE = 15.0  # seconds
NONSENSE = ("", "null", "-1", "50", "[]", "{", '{"routes": 7}', "9999-12-31T23:59:59Z", "x" * 2000)
NOTES = (names.SAVED_REPLICAS, names.ASLEEP_SINCE, names.WAKE_REQUESTED_AT, names.SLEEP_REQUESTED_AT, names.AWAKE_SINCE)


@dataclass(slots=True)
class Attacker:
    """One tenant's tricks. `stolen`: answers of the other tenant's apps to forged requests, and the other way round."""

    api: ClusterApi
    own: Sequence[StageApp]
    others: Sequence[StageApp]
    entries: Callable[[], Sequence[EntryPoint]]
    dice: random.Random
    done: Counter[str] = field(default_factory=Counter)
    stolen: list[str] = field(default_factory=list)

    def run(self, stop: threading.Event) -> None:
        """Do tricks until `stop` is set."""
        tricks = (self._notes, self._saved_backends, self._replicas, self._pin, self._claim, self._redirect,
                  self._break_owned, self._forge, self._hammer)  # fmt: skip
        while not stop.wait(self.dice.uniform(*PAUSE)):
            trick = self.dice.choice(tricks)
            with suppress(*UNANSWERED):
                trick()
                self.done[trick.__name__.strip("_")] += 1
        self.api.close()

    def _notes(self) -> None:
        app = self._any()
        found = {"metadata": {"annotations": {self.dice.choice(NOTES): self.dice.choice((None, *NONSENSE))}}}
        self.api.patch(app.kind, app.namespace, app.name, found)

    def _saved_backends(self) -> None:
        found = {"metadata": {"annotations": {names.SAVED_BACKENDS: self.dice.choice((None, *NONSENSE))}}}
        self.api.patch("Ingress", stage.ATTACKER, self._any_ingress(), found)

    def _replicas(self) -> None:
        app = self._any()
        self.api.patch(app.kind, app.namespace, app.name, {"spec": {"replicas": self.dice.choice((0, 1, 2))}})

    def _pin(self) -> None:
        app = self._any()
        self.api.annotate(app.kind, app.namespace, app.name, state=self.dice.choice(("asleep", "awake", "drunk", None)))

    def _claim(self) -> None:
        """A host of the other tenant, in an Ingress of a class that nobody serves: no controller sends it anything."""
        name, victim = self._any_ingress(), self.dice.choice(self.others)
        claims = self.dice.random() < 0.5
        rule = self.api.get("Ingress", stage.ATTACKER, name)["spec"]["rules"][0]
        rule["host"] = self.dice.choice([*stage.hosts(victim).values()]) if claims else stage.host(name)
        ingress_class = "nobody" if claims else name.rpartition("-")[2]
        found = {"spec": {"ingressClassName": ingress_class, "rules": [rule]}}
        self.api.patch("Ingress", stage.ATTACKER, name, found)

    def _redirect(self) -> None:
        """Its own route, to any door of waker: also to those of the other tenant's apps."""
        port = self.dice.randrange(20_000, 20_000 + 2 * (stage.TENANTS + stage.ATTACKERS))
        backend = {"service": {"name": names.WAKER_SERVICE, "port": {"number": port}}}
        patch = [{"op": "replace", "path": "/spec/rules/0/http/paths/0/backend", "value": backend}]
        self.api.patch("Ingress", stage.ATTACKER, self._any_ingress(), patch)

    def _break_owned(self) -> None:
        """What waker keeps in the namespace: taken away, or with other ports."""
        kind = self.dice.choice(("Service", "EndpointSlice", "Ingress"))
        some = [
            each["metadata"]["name"]
            for each in self.api.list(kind, stage.ATTACKER)
            if (each["metadata"].get("labels") or {}).get(names.MANAGED_BY) == names.MANAGER
        ]
        if some and self.dice.random() < 0.5:
            name = self.dice.choice(some)
            self.api.call("DELETE", path_of(kind, stage.ATTACKER, name))
        elif some and kind == "Service":
            ports = [{"name": "forged", "port": self.dice.randrange(20_000, 20_060)}]
            self.api.patch(kind, stage.ATTACKER, self.dice.choice(some), {"spec": {"ports": ports}})

    def _forge(self) -> None:
        """Say that a request is for somebody else: no header and no host of its own may get another tenant's answer."""
        victim, app, entry = self.dice.choice(self.others), self._any(), self._any_entry()
        own = stage.hosts(app).get(entry.controller.ingress_class) if entry else None
        if not entry or not own:
            return
        claimed = self.dice.choice([*stage.hosts(victim).values()])
        request = load.curl(own, victim.name)
        forged = tuple((name, claimed) for name in ("X-Forwarded-Host", "X-Original-Host", "X-Host"))
        answer = load.ask_now(entry.address, replace(request, headers=(*request.headers, *forged)), PATIENCE)
        if answer.body.startswith(victim.name) or stage.title(victim.name) in answer.body:
            self.stolen.append(f"{own} as {claimed}: {answer.kind} {answer.body[:100]!r}")

    def _hammer(self) -> None:
        app, entry = self._any(), self._any_entry()
        name = stage.hosts(app).get(entry.controller.ingress_class) if entry else None
        if entry and name:
            asyncio.run(self._all_at_once(entry, name, app))

    async def _all_at_once(self, entry: EntryPoint, name: str, app: StageApp) -> None:
        request = replace(load.curl(name, app.name), method="POST", body=b"x" * 30_000)
        await asyncio.gather(*(load.ask(entry.address, request, PATIENCE) for _ in range(HAMMERED)))

    def _any(self) -> StageApp:
        return self.dice.choice(self.own)

    def _any_ingress(self) -> str:
        return self.dice.choice([name for app in self.own for name in app.routed_by])

    def _any_entry(self) -> EntryPoint | None:
        found = self.entries()
        return self.dice.choice(found) if found else None
