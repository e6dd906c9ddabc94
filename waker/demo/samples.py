"""The sample apps of the embedded cluster, and the manifests that run them.

`show` and the tests load the manifests; the node in `pods` runs the apps, each pod the one that its container's image
names (`demo/shop`). The apps are plain aiohttp handlers. They stand for the apps of users, so nothing here knows
KubeSleeper.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from string import Template
from typing import Final

from aiohttp import web

from waker.demo.kinds import Obj

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

CONTAINER_PORT: Final = 8080  # in the manifests; each pod really listens on a free port
READY_AFTER: Final = "demo/ready-after"  # annotation of the pod template: how long a pod takes to become ready

PAGE: Final = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>$title</title><style>
body{margin:0;min-height:100vh;display:grid;place-items:center;background:$paper;color:$ink;font:18px/1.6 system-ui}
main{padding:2rem;max-width:34rem}h1{font-size:2.6rem;margin:0}ul{padding:0;list-style:none}
li{padding:.5rem 0;border-top:1px solid currentColor}small{opacity:.6}
</style></head><body><main><h1>$title</h1><p>$tagline</p><ul>$items</ul><small>served by $pod</small></main></body></html>
""")


@dataclass(frozen=True, slots=True)
class SampleApp:
    """An app that a pod can run."""

    name: str
    title: str
    tagline: str
    items: tuple[str, ...]
    ready_after: str
    paper: str
    ink: str

    @property
    def host(self) -> str:
        """Its host. Browsers resolve *.localhost without DNS."""
        return f"{self.name}.localhost"

    def page(self, pod: str) -> str:
        """The HTML of its only page."""
        items = "".join(f"<li>{item}</li>" for item in self.items)
        words = {"title": self.title, "tagline": self.tagline, "paper": self.paper, "ink": self.ink}
        return PAGE.substitute(words, items=items, pod=pod)

    def handler(self, pod: str) -> Handler:
        """Its request handler: `/healthz`; `/echo`, which returns the body; every other path is the page."""

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            if request.path == "/healthz":
                return web.Response(text="ok")
            if request.path == "/echo":
                return await echo(request, pod)
            return web.Response(text=self.page(pod), content_type="text/html", headers={"X-Pod": pod})

        return handle


async def echo(request: web.BaseRequest, pod: str) -> web.StreamResponse:
    """Stream the body back as it arrives. A header holds the request's head as JSON."""
    head = {"method": request.method, "path": request.path_qs, "headers": dict(request.headers)}
    response = web.StreamResponse(headers={"X-Pod": pod, "X-Head": json.dumps(head)})
    await response.prepare(request)
    async for chunk in request.content.iter_any():
        await response.write(chunk)
    await response.write_eof()
    return response


SAMPLES: Final = {
    sample.name: sample
    for sample in (
        SampleApp(
            "shop",
            "The Corner Shop",
            "Open whenever you come by.",
            ("Bread, baked this morning", "Apples from next door", "One last jar of honey"),
            "2s",
            "#fdf3e3",
            "#5b3a1d",
        ),
        SampleApp(
            "blog",
            "Notes from a Quiet Place",
            "Written slowly, read rarely, always there.",
            ("On waking up", "Why the garden needs winter", "A short history of naps"),
            "3s",
            "#eef3f1",
            "#24403a",
        ),
        SampleApp(
            "api",
            "api",
            "A service for machines. Send something to /echo and it comes back.",
            ("POST /echo", "GET /healthz"),
            "1s",
            "#10151c",
            "#a8d5ff",
        ),
    )
}


def manifests(
    sample: SampleApp, namespace: str, annotations: dict[str, str] | None = None, replicas: int = 1
) -> list[Obj]:
    """A Deployment with these annotations, its Service, and an Ingress for its host."""
    name, labels = sample.name, {"app": sample.name}
    port = {"name": "http", "containerPort": CONTAINER_PORT}
    template = {
        "metadata": {"labels": labels, "annotations": {READY_AFTER: sample.ready_after}},
        "spec": {"containers": [{"name": "web", "image": f"demo/{name}", "ports": [port]}]},
    }
    path = {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": name, "port": {"name": "http"}}}}
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "namespace": namespace, "annotations": annotations or {}},
            "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"selector": labels, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
        },
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"rules": [{"host": sample.host, "http": {"paths": [path]}}]},
        },
    ]
