"""A tiny Kubernetes client for the contract: plain requests, JSON in and out, nothing of waker's.

It reads a kubeconfig (server, token, certificate authority) and knows how to talk about one fresh namespace.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from ssl import SSLContext, create_default_context
from typing import Any

import aiohttp
import yaml

Obj = dict[str, Any]

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
GROUPS = {
    "namespaces": "api/v1",
    "pods": "api/v1",
    "services": "api/v1",
    "configmaps": "api/v1",
    "events": "api/v1",
    "deployments": "apis/apps/v1",
    "statefulsets": "apis/apps/v1",
    "ingresses": "apis/networking.k8s.io/v1",
    "ingressclasses": "apis/networking.k8s.io/v1",
    "endpointslices": "apis/discovery.k8s.io/v1",
    "leases": "apis/coordination.k8s.io/v1",
    "horizontalpodautoscalers": "apis/autoscaling/v2",
}


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """What came back."""

    status: int
    body: Obj

    @property
    def said(self) -> tuple[int, str]:
        """Status and reason of a refusal."""
        return self.status, self.body.get("reason", "")

    @property
    def version(self) -> str:
        """metadata.resourceVersion."""
        return str(self.body["metadata"]["resourceVersion"])

    @property
    def names(self) -> list[str]:
        """Of a list."""
        return [item["metadata"]["name"] for item in self.body["items"]]


@dataclass(frozen=True, slots=True)
class Client:
    """Requests in one namespace. `plural/name` is an object there, `plural` the collection."""

    session: aiohttp.ClientSession
    namespace: str

    def path(self, what: str) -> str:
        """The path of `configmaps/a`, `deployments/a/scale`, `namespaces/x`."""
        plural = what.partition("/")[0]
        place = "" if plural in ("namespaces", "ingressclasses") else f"namespaces/{self.namespace}/"
        return f"/{GROUPS[plural]}/{place}{what}"

    async def ask(
        self, method: str, what: str, body: Any = None, *, kind: str = "application/json", **query: str
    ) -> ApiAnswer:
        """One request."""
        data = None if body is None else json.dumps(body)
        headers = {} if body is None else {"Content-Type": kind}
        path = what if what.startswith("/") else self.path(what)
        async with self.session.request(method, path, data=data, headers=headers, params=query) as answer:
            return ApiAnswer(answer.status, json.loads(await answer.read()))

    async def get(self, what: str, **query: str) -> ApiAnswer:
        """An object or a list."""
        return await self.ask("GET", what, **query)

    async def create(self, plural: str, body: Obj) -> ApiAnswer:
        """A new object."""
        return await self.ask("POST", plural, body)

    async def replace(self, what: str, body: Obj) -> ApiAnswer:
        """PUT."""
        return await self.ask("PUT", what, body)

    async def json_patch(self, what: str, *steps: Obj) -> ApiAnswer:
        """JSON-Patch."""
        return await self.ask("PATCH", what, list(steps), kind=JSON_PATCH)

    async def merge(self, what: str, body: Obj) -> ApiAnswer:
        """Merge patch."""
        return await self.ask("PATCH", what, body, kind=MERGE_PATCH)

    async def delete(self, what: str, body: Obj | None = None, **query: str) -> ApiAnswer:
        """DELETE."""
        return await self.ask("DELETE", what, body, **query)

    @asynccontextmanager
    async def watch(self, plural: str, **query: str) -> AsyncIterator["ApiWatch"]:
        """A stream of events."""
        params = {"watch": "true", "timeoutSeconds": "20"} | query
        async with self.session.get(self.path(plural), params=params) as answer:
            yield ApiWatch(answer)


@dataclass(frozen=True, slots=True)
class ApiWatch:
    """An open stream."""

    answer: aiohttp.ClientResponse

    async def next(self) -> tuple[str, Obj]:
        """The next event: its type and its object. Raises EOFError at the end."""
        line = await self.answer.content.readline()
        if not line:
            raise EOFError
        event = json.loads(line)
        return event["type"], event["object"]

    async def told(self, count: int) -> list[tuple[str, str]]:
        """Types and names of the next events."""
        events = [await self.next() for _ in range(count)]
        return [(kind, obj["metadata"]["name"]) for kind, obj in events]


def session_of(kubeconfig: Path) -> aiohttp.ClientSession:
    """A session for the current context's only cluster and user."""
    config = yaml.safe_load(kubeconfig.read_text())
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    tls: SSLContext | bool = True
    if "certificate-authority" in cluster:
        tls = create_default_context(cafile=cluster["certificate-authority"])
    return aiohttp.ClientSession(
        cluster["server"],
        headers={"Authorization": f"Bearer {user['token']}"},
        connector=aiohttp.TCPConnector(ssl=tls),
        timeout=aiohttp.ClientTimeout(total=60),
        read_bufsize=2**20,  # a watch line has to fit
    )
