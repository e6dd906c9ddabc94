"""`waker check`: does this cluster have what waker needs, and with `--app`, would this app sleep?

Puts together what each file of `waker.checks` finds. What only the running service can try is asked of it; without it as
much as can be found out from here. Changes nothing.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from waker import __version__
from waker.checks import app as app_lines
from waker.checks import controllers, drift, installation, pages, policies, rights, writes
from waker.checks.controllers import ReadClass, Reading
from waker.checks.findings import CheckLine, checked, exit_code, ok, problem, text, unknown
from waker.checks.inquiry import Inquiry
from waker.checks.policies import NetworkWay, PolicyPeer
from waker.cluster.client import Api
from waker.cluster.listing import listed
from waker.cluster.resources import NAMESPACES, NETWORK_POLICIES, PODS
from waker.commands.explain import facts_of
from waker.commands.target import ask_service, find_workload
from waker.errors import ClusterError
from waker.observe.app import adapters_of
from waker.observe.cluster import ClusterCache
from waker.observe.never_sleeps import OWN_LABEL
from waker.plan.model import AppId, Pod
from waker.process import cluster_cache, person
from waker.service import now
from waker.settings.configmap import Live
from waker.settings.flags import Settings

NETWORK: Final = "network"
VERSION: Final = "version"
METRICS_PORT: Final = 9090


class CheckResult(NamedTuple):
    """What is printed, and the exit code."""

    text: str
    code: int


async def check(settings: Settings, namespace: str, name: str | None, output: str) -> CheckResult:
    """All lines; with a name those of one app. Raises WakerError: no API server, or no such app."""
    async with cluster_cache(settings) as (api, cluster):
        app = find_workload(cluster, namespace, name) if name else None
        own = settings.own_namespace
        deployment = await _deployment(api, own)
        account = installation.account(deployment, own)
        async with person(settings, acts_for=account) as as_waker:
            live, of_settings = await installation.settings(api, own)
            apps = (app,) if app else tuple(sorted(each for each in cluster.apps() if _is_enabled(cluster, each)))
            inquiry = Inquiry(api, as_waker, cluster, live, own, apps, now())
            report: Mapping[str, Any] | None = await ask_service(api, settings, "/check")
            lines = [await installation.version(api)]
            if await installation.is_absent(api, deployment, own):
                lines.append(installation.absent(own))
            else:
                lines += [
                    installation.of_deployment(deployment, own),
                    *of_settings,
                    await installation.record(api, own),
                    await installation.lease(api, own, inquiry.now),
                    *await rights.of_waker(as_waker, account, own, installation.reinstall(deployment, own)),
                    *await rights.of_caller(api, own),
                ]
            lines += [
                *await installation.others(inquiry),
                *await _controllers(inquiry, report, alone=app is not None),
                *await drift.lines(inquiry),
                *await drift.autoscalers(inquiry),
                *await writes.lines(inquiry),
            ]
            if app:
                all_read = all(each["verdict"] == "ok" for each in report["lines"]) if report else False
                lines += app_lines.lines(await facts_of(api, settings, app, cluster), read_now=all_read)
            else:
                lines += installation.apps(inquiry)
    found = checked(lines)
    return CheckResult(json.dumps(found, indent=2) if output == "json" else text(found), exit_code(found))


async def _deployment(api: Api, namespace: str) -> Any:
    try:
        return await installation.deployment(api, namespace)
    except ClusterError:
        return None


def _is_enabled(cluster: ClusterCache, app: AppId) -> bool:
    workload = cluster.workload(app)
    observed = cluster.observe(app, Live()) if workload else None
    return observed is not None and observed.policy is not None


# --- controllers, and the ways to and from them -------------------------------------------------------------------


async def _controllers(inquiry: Inquiry, report: Mapping[str, Any] | None, *, alone: bool) -> list[CheckLine]:
    """`alone`: only those of the classes of the apps' routes."""
    inside = await controllers.known_namespaces(inquiry.api, inquiry.namespace, inquiry.cluster, inquiry.live)
    tries = pages.not_tried, pages.not_tried
    page = pages.through(inquiry.api)
    reading = Reading(inquiry.api, inquiry.cluster, inquiry.live, page, *tries, inquiry.namespace, inside)
    wanted = {each.name for each in _classes_of(inquiry)} if alone else None
    if report is None:
        lines = await controllers.lines(reading)
        fix = f"kubectl -n {inquiry.namespace} get pods -l {'='.join(OWN_LABEL)}"
        lines.append(unknown(NETWORK, "the running service could not be asked, so no way was tried in earnest", fix))
    else:
        lines = [*report["lines"], _version(report)]
    lines += await _policies(inquiry, reading, set(report["reached"] if report else ()))
    return [each for each in lines if _concerns(each, wanted)]


def _concerns(line: CheckLine, classes: set[str] | None) -> bool:
    """With `--app`: only the classes of its routes."""
    prefix, _, name = line["subject"].rpartition(" ")
    return classes is None or prefix != "controller of class" or name in classes


def _classes_of(inquiry: Inquiry) -> list[ReadClass]:
    used = {each.controller for app in inquiry.observed for route in app.routes for each in adapters_of(route, app)}
    found = controllers.read_classes(inquiry.cluster, inquiry.live)
    names = {inquiry.cluster.class_name(holder) for app in inquiry.observed for holder in app.objects.values()}
    return [each for each in found if each.name in names or (each.adapter and each.adapter.controller in used)]


def _version(report: Mapping[str, Any]) -> CheckLine:
    if report["version"] == __version__:
        return ok(VERSION, f"the service and this command are both {__version__}")
    text = f"the service is {report['version']}, and this command {__version__}"
    return problem(VERSION, text, f"`pipx install --force .` in a checkout of version {report['version']}")


async def _policies(inquiry: Inquiry, reading: Reading, reached: set[str]) -> list[CheckLine]:
    """As they are written, where the way has not been tried."""
    try:
        found, spaces, own, classes = await asyncio.gather(
            _all(inquiry.api, NETWORK_POLICIES.everywhere()),
            _all(inquiry.api, NAMESPACES.everywhere()),
            _all(inquiry.api, PODS.collection(inquiry.namespace), {"labelSelector": "=".join(OWN_LABEL)}),
            _pods(reading, reached),
        )
    except ClusterError as error:
        return [unknown(NETWORK, f"NetworkPolicies cannot be read: {error}", "kubectl get networkpolicies -A")]
    labels = {each["metadata"]["name"]: each["metadata"].get("labels") or {} for each in spaces}
    waker = _waker(own, inquiry.namespace, labels)
    door = inquiry.live.door_ports.first
    ways = []
    for each, pod, of_pod in classes:
        if each.adapter:
            peer = _peer(pod, of_pod, labels)
            ways += [NetworkWay(waker, peer, each.adapter.metrics.of(pod)), NetworkWay(peer, waker, door)]
    return policies.line(found, ways) if ways else []


async def _pods(reading: Reading, reached: set[str]) -> list[tuple[ReadClass, Pod, Mapping[str, str]]]:
    found = []
    for each in controllers.read_classes(reading.cluster, reading.live):
        if each.adapter and each.adapter.controller not in reached:
            for pod in await controllers.pods_of(reading, each):
                meta = (await reading.api.get(PODS.one(pod.namespace, pod.name)))["metadata"]
                found.append((each, pod, meta.get("labels") or {}))
    return found


def _peer(pod: Pod, labels: Mapping[str, str], spaces: Mapping[str, Mapping[str, str]]) -> PolicyPeer:
    name = f"{pod.namespace}/{pod.name}"
    return PolicyPeer(name, pod.namespace, labels, spaces.get(pod.namespace, {}), pod.address or "0.0.0.0", pod.ports)  # noqa: S104


def _waker(pods: Sequence[Mapping[str, Any]], namespace: str, spaces: Mapping[str, Mapping[str, str]]) -> PolicyPeer:
    """One of its pods; without any, what they would be."""
    found: Mapping[str, Any] = pods[0] if pods else {"metadata": {"labels": dict([OWN_LABEL])}}
    address = (found.get("status") or {}).get("podIP") or "0.0.0.0"  # noqa: S104 nowhere
    labels = found["metadata"].get("labels") or {}
    return PolicyPeer("waker", namespace, labels, spaces.get(namespace, {}), address, {"metrics": METRICS_PORT})


async def _all(api: Api, path: str, params: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    return [each async for each in listed(api, path, params)]
