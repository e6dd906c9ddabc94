"""The private port: metrics and health, for the operators and the kubelet. Never reachable through an ingress.

/healthz says that the event loop turns: any crash ends the process, so there is nothing more to know. /readyz asks a
callable for the reasons why this replica should get no requests, and lists them. /apps is what `waker status` shows,
/apps/NAMESPACE/KIND/NAME what `waker explain` shows.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from waker.metrics import Metrics

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def private_port(
    metrics: Metrics,
    unready: Callable[[], list[str]],
    apps: Callable[[], list[dict[str, Any]]] = list,
    explained: Callable[[str, str, str], Mapping[str, Any] | None] = lambda _namespace, _kind, _name: None,
) -> web.Application:
    """The application of the private port. `unready` gives sentences; none means ready. `apps` gives JSON objects.

    `explained` gives the JSON object of one app by namespace, kind and name; None if there is no such workload.
    """

    async def show_metrics(_request: web.Request) -> web.Response:
        return web.Response(body=metrics.exposition(), headers={"Content-Type": METRICS_TYPE})

    async def healthz(_request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_request: web.Request) -> web.Response:
        reasons = unready()
        return web.Response(text="\n".join(reasons or ["ok"]) + "\n", status=503 if reasons else 200)

    async def show_apps(_request: web.Request) -> web.Response:
        return web.json_response(apps())

    async def show_app(request: web.Request) -> web.Response:
        namespace, kind, name = (request.match_info[key] for key in ("namespace", "kind", "name"))
        found = explained(namespace, kind, name)
        return web.json_response(
            found if found is not None else {"message": "no such app"}, status=200 if found else 404
        )

    app = web.Application()
    pages: dict[str, Callable[[web.Request], Awaitable[web.Response]]] = {
        "/metrics": show_metrics,
        "/healthz": healthz,
        "/readyz": readyz,
        "/apps": show_apps,
        "/apps/{namespace}/{kind}/{name}": show_app,
    }
    for path, handler in pages.items():
        app.router.add_get(path, handler)
    return app


def runner(app: web.Application) -> web.AppRunner:
    """How the private port is served."""
    return web.AppRunner(app, access_log=None, shutdown_timeout=1)
