"""What happened to the objects of a namespace while a scenario ran: every version the API server gave out.

A watch in the background, for claims about the time between two looks ("never scaled", "once") and for the timeline
of a failed scenario. It holds for a scenario and is closed with it.
"""

import json
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException

from tests.e2e.apps import annotations, backends
from tests.e2e.cluster import ApiAccess, Json, path_of
from waker import names

WATCHED = ("Deployment", "StatefulSet", "Ingress")
AGAIN = 0.2  # seconds until a watch that broke is made anew


@dataclass(frozen=True, slots=True)
class Version:
    """One version of one object. `at` is `time.monotonic()` of its arrival here."""

    at: float
    kind: str
    name: str
    obj: Json

    def line(self, since: float) -> str:
        found = annotations(self.obj)
        ours = {key.partition("/")[2]: value for key, value in found.items() if key.startswith(names.DOMAIN)}
        ours.pop("enabled", None)
        if self.kind == "Ingress":
            state = " ".join(f"{host}{path}->{to}" for (host, path), to in backends(self.obj).items())
        else:
            state = f"replicas {self.obj['spec']['replicas']} ready {self.obj['status'].get('readyReplicas', 0)}"
        return f"{self.at - since:8.3f}  {self.kind} {self.name}: {state}  {ours}"


@dataclass(slots=True)
class History:
    """Versions in order of arrival."""

    access: ApiAccess
    namespace: str
    versions: list[Version] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    _stopped: threading.Event = field(default_factory=threading.Event)
    _connections: list[HTTPConnection] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        for kind in WATCHED:
            connection = self.access.connect(600)
            thread = threading.Thread(target=self._watch, args=(connection, kind), name=f"watch {kind}")
            self._connections.append(connection)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        self._stopped.set()
        for connection in self._connections:
            if connection.sock:
                with suppress(OSError):
                    connection.sock.shutdown(2)
        for thread in self._threads:
            thread.join()

    def _watch(self, connection: HTTPConnection, kind: str) -> None:
        """Again and again, for the API server may be killed; all objects come anew then."""
        while not self._stopped.is_set():
            with suppress(OSError, HTTPException, ValueError):
                connection.request("GET", f"/{path_of(kind, self.namespace)}?watch=true", headers=self.access.headers)
                answer = connection.getresponse()
                while line := answer.readline():
                    obj = json.loads(line)["object"]
                    if "metadata" in obj and "name" in obj["metadata"]:
                        self.versions.append(Version(time.monotonic(), kind, obj["metadata"]["name"], obj))
                answer.close()
            connection.close()
            self._stopped.wait(AGAIN)

    def of(self, kind: str, name: str, since: float = 0.0) -> list[Version]:
        return [each for each in list(self.versions) if (each.kind, each.name) == (kind, name) and each.at >= since]

    def replicas(self, kind: str, name: str, since: float = 0.0) -> list[int]:
        """The values that spec.replicas went through, each change once."""
        seen = [each.obj["spec"]["replicas"] for each in self.of(kind, name, since)]
        return [now for before, now in zip([None, *seen], seen, strict=False) if now != before]

    def timeline(self) -> str:
        return "\n".join(each.line(self.began) for each in list(self.versions))
