"""A small Kubernetes client for the contract tests: plain requests, JSON in and out. It uses none of waker's code.

It reads a kubeconfig (server, token, certificate authority) and works in one namespace.
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
class ApiResponse:
    """A response."""

    status: int
    body: Obj

    @property
    def refusal(self) -> tuple[int, str]:
        """Status and reason of a refusal."""
        return self.status, self.body.get("reason", "")

    @property
    def version(self) -> str:
        """metadata.resourceVersion."""
        return str(self.body["metadata"]["resourceVersion"])

    @property
    def names(self) -> list[str]:
        """The names of the objects in a list."""
        return [item["metadata"]["name"] for item in self.body["items"]]


@dataclass(frozen=True, slots=True)
class Client:
    """Makes requests in one namespace. `plural/name` is an object there, `plural` a collection."""

    session: aiohttp.ClientSession
    namespace: str

    def path(self, target: str) -> str:
        """The path of `configmaps/a`, `deployments/a/scale`, `namespaces/x`."""
        plural = target.partition("/")[0]
        prefix = "" if plural in ("namespaces", "ingressclasses") else f"namespaces/{self.namespace}/"
        return f"/{GROUPS[plural]}/{prefix}{target}"

    async def request(
        self, method: str, target: str, body: Any = None, *, content_type: str = "application/json", **query: str
    ) -> ApiResponse:
        """Make a request. A target that begins with a slash is a complete path."""
        data = None if body is None else json.dumps(body)
        headers = {} if body is None else {"Content-Type": content_type}
        path = target if target.startswith("/") else self.path(target)
        async with self.session.request(method, path, data=data, headers=headers, params=query) as response:
            return ApiResponse(response.status, json.loads(await response.read()))

    async def get(self, target: str, **query: str) -> ApiResponse:
        """Get an object or a list."""
        return await self.request("GET", target, **query)

    async def create(self, plural: str, body: Obj) -> ApiResponse:
        """Create an object."""
        return await self.request("POST", plural, body)

    async def replace(self, target: str, body: Obj) -> ApiResponse:
        """Replace an object (PUT)."""
        return await self.request("PUT", target, body)

    async def json_patch(self, target: str, *steps: Obj) -> ApiResponse:
        """Apply a JSON-Patch."""
        return await self.request("PATCH", target, list(steps), content_type=JSON_PATCH)

    async def merge(self, target: str, body: Obj) -> ApiResponse:
        """Apply a merge patch."""
        return await self.request("PATCH", target, body, content_type=MERGE_PATCH)

    async def delete(self, target: str, body: Obj | None = None, **query: str) -> ApiResponse:
        """Delete an object, or all objects of a collection."""
        return await self.request("DELETE", target, body, **query)

    @asynccontextmanager
    async def watch(self, plural: str, **query: str) -> AsyncIterator["ApiWatch"]:
        """Open a watch."""
        params = {"watch": "true", "timeoutSeconds": "20"} | query
        async with self.session.get(self.path(plural), params=params) as response:
            yield ApiWatch(response)


@dataclass(frozen=True, slots=True)
class ApiWatch:
    """An open watch."""

    response: aiohttp.ClientResponse

    async def next(self) -> tuple[str, Obj]:
        """The next event: its type and its object. Raises EOFError at the end."""
        line = await self.response.content.readline()
        if not line:
            raise EOFError
        event = json.loads(line)
        return event["type"], event["object"]

    async def next_events(self, count: int) -> list[tuple[str, str]]:
        """The types and object names of the next events."""
        events = [await self.next() for _ in range(count)]
        return [(kind, obj["metadata"]["name"]) for kind, obj in events]


def session_of(kubeconfig: Path) -> aiohttp.ClientSession:
    """A session for the only cluster and user of a kubeconfig."""
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
        read_bufsize=2**20,  # one line of a watch has to fit
    )
