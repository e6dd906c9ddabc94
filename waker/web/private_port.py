"""The private port: metrics, health and what is known of apps, for operators. Never reachable through an ingress.

| path                       | answer                                                                                     |
| -------------------------- | ------------------------------------------------------------------------------------------ |
| /metrics                   | all metrics in Prometheus' text format                                                     |
| /healthz                   | 200 while the event loop runs; a crash ends the process, so there is nothing more to check |
| /readyz                    | 200, or 503 with the reasons why this replica should get no requests                       |
| /doors                     | at which doors this replica listens, for the holder of the Lease                           |
| /doors/NUMBER              | whether the app of a door is forwarded requests by this replica, for the same              |
| /apps                      | what `waker status` shows                                                                  |
| /apps/NAMESPACE/KIND/NAME  | what `waker explain` shows                                                                 |
| /savings                   | what `waker savings` shows                                                                 |
| /dashboard                 | the page for operators, see `dashboard`                                                    |
| /check                     | what `waker check` asks: controllers are read, and asked for waker, at this moment         |

Metrics and health name no app and are open to all that reach the port: kubelet and Prometheus have no token for it. What
`/apps`, `/savings`, `/dashboard` and `/check` say is for callers who may read these workloads, see `callers`. It knows nothing
of the parts that answer: `process` passes them in as callables.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from aiohttp import web

from waker.metrics import Metrics
from waker.plan.access import Right
from waker.plan.model import Kind
from waker.web import callers, connections, http_errors

if TYPE_CHECKING:
    from waker.web.dashboard import Dashboard

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
NO_SUCH_KIND = {"message": "no such kind of workload"}
NO_SUCH_APP = {"message": "no such app"}
NO_SUCH_DOOR = {"message": "this replica does not know this door"}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Act = Callable[[str, str, str, str], Awaitable[str]]  # namespace, kind, name, action -> a sentence


def no_state(_words: str, _tile: str) -> Mapping[str, Any]:
    """There is nothing to show."""
    return {}


def no_app(_namespace: str, _kind: str, _name: str) -> Mapping[str, Any] | None:
    """There is no such workload."""
    return None


async def no_check() -> Mapping[str, Any]:
    """Nothing is checked."""
    return {}


def no_door(_number: int) -> Mapping[str, Any] | None:
    """There is no such door."""
    return None


@dataclass(frozen=True, slots=True)
class ServiceReports:
    """What the running service says of itself."""

    unready: Callable[[], list[str]] = list  # why it is not ready; none if it is
    apps: Callable[[], list[dict[str, Any]]] = list  # all apps, as JSON objects
    explain: Callable[[str, str, str], Mapping[str, Any] | None] = no_app  # one app, by namespace, kind and name
    savings: Callable[[], Mapping[str, Any]] = dict  # what sleep has saved
    look: Callable[[str, str], Mapping[str, Any]] = no_state  # all that the page for operators shows, filtered
    act: Act | None = None  # what its buttons do
    doors: Callable[[], Mapping[str, Any]] = dict  # at which doors it listens, for the other replicas
    forwarding: Callable[[int], Mapping[str, Any] | None] = no_door  # to the app of a door, for the other replicas
    check: Callable[[], Awaitable[Mapping[str, Any]]] = no_check  # whether controllers can be read and reach waker
    knows_all: Callable[[], bool] = lambda: True  # whether `apps` has all of them yet


def private_port(metrics: Metrics, reports: ServiceReports, review: callers.Review = callers.nobody) -> web.Application:
    """The application of the private port. `review` says whether the owner of a token has a right."""

    async def show_metrics(_request: web.Request) -> web.Response:
        return web.Response(body=metrics.exposition(), headers={"Content-Type": METRICS_TYPE})

    async def healthz(_request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_request: web.Request) -> web.Response:
        reasons = reports.unready()
        return web.Response(text="\n".join(reasons or ["ok"]) + "\n", status=503 if reasons else 200)

    async def show_app(request: web.Request) -> web.Response:
        namespace, kind, name = (request.match_info[key] for key in ("namespace", "kind", "name"))
        if kind not in callers.RESOURCES:
            return web.json_response(NO_SUCH_KIND, status=404)
        refused = await callers.refusal(request, Right("get", callers.RESOURCES[kind], namespace, name), review)
        if refused is not None:
            return refused
        app = reports.explain(namespace, kind, name)
        return web.json_response(NO_SUCH_APP if app is None else app, status=404 if app is None else 200)

    application = web.Application()
    handlers: dict[str, Handler] = {
        "/metrics": show_metrics,
        "/healthz": healthz,
        "/readyz": readyz,
        **for_replicas(reports),
        **_for_operators(reports, review),
        "/apps/{namespace}/{kind}/{name}": show_app,
    }
    for path, handler in handlers.items():
        application.router.add_get(path, handler)
    _add_dashboard(application, reports, review)
    application.on_response_prepare.append(http_errors.no_server_header)
    return application


def _for_operators(reports: ServiceReports, review: callers.Review) -> dict[str, Handler]:
    """What may be asked by whoever may list Deployments."""

    async def refusal(request: web.Request) -> web.Response | None:
        return await callers.refusal(request, Right("list", callers.RESOURCES[Kind.DEPLOYMENT]), review)

    async def show_apps(request: web.Request) -> web.Response:
        refused = await refusal(request)
        if refused is None and not reports.knows_all():
            return callers.problem(
                503, "Service Unavailable", "waker has just begun and has not decided on all apps yet."
            )
        return web.json_response(reports.apps()) if refused is None else refused

    async def show_savings(request: web.Request) -> web.Response:
        refused = await refusal(request)
        return web.json_response(reports.savings()) if refused is None else refused

    async def show_check(request: web.Request) -> web.Response:
        refused = await refusal(request)
        return web.json_response(await reports.check()) if refused is None else refused

    return {"/apps": show_apps, "/savings": show_savings, "/check": show_check}


def _add_dashboard(application: web.Application, reports: ServiceReports, review: callers.Review) -> None:
    """The page for operators, which is made when somebody first asks for it."""

    @cache
    def dashboard() -> "Dashboard":
        from waker.web.dashboard import Dashboard  # noqa: PLC0415 most wakers never show it

        return Dashboard(reports.look, review, reports.act)

    async def show(request: web.Request) -> web.StreamResponse:
        return await dashboard().show(request)

    async def events(request: web.Request) -> web.StreamResponse:
        return await dashboard().events(request)

    async def act(request: web.Request) -> web.StreamResponse:
        return await dashboard().do(request)

    application.router.add_get("/dashboard", show)
    application.router.add_get("/dashboard/events", events)
    application.router.add_post("/dashboard/act", act)


def for_replicas(reports: ServiceReports) -> dict[str, Handler]:
    """What the other replicas ask."""

    async def show_doors(_request: web.Request) -> web.Response:
        return web.json_response(reports.doors())

    async def show_forwarding(request: web.Request) -> web.Response:
        found = reports.forwarding(int(request.match_info["number"]))
        return web.json_response(NO_SUCH_DOOR, status=404) if found is None else web.json_response(found)

    return {"/doors": show_doors, r"/doors/{number:\d{1,5}}": show_forwarding}


def runner(app: web.Application) -> web.AppRunner:
    """The server of the private port, not yet listening."""
    return connections.limited_runner(app, shutdown_timeout=1)
