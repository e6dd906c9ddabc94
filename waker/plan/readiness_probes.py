"""What a starting pod's own readiness probes ask, so that waker can ask the same a little earlier than Kubernetes does.

Pure. kubelet asks once every `periodSeconds`, 10 s by default, and whoever waits for the app waits for that, too. A pod whose
probes succeed is ready by its user's own definition. Some things only Kubernetes can know: probes by command or gRPC,
readiness gates, containers without a probe, and startup probes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from waker.plan.model import Address
from waker.plan.times import parse_time

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ReadinessProbe:
    """One readiness probe of one run of a container. `path` None: it is enough that something listens.

    `after`: not to be asked before, by the user's `initialDelaySeconds`. `timeout` in seconds.
    """

    container: str
    address: Address
    path: str | None = None
    https: bool = False
    headers: tuple[tuple[str, str], ...] = ()
    after: datetime | None = None
    timeout: float = 1.0
    successes: int = 1


class _OnlyKubernetesKnows(Exception):
    """Only Kubernetes can know whether this pod is ready."""


def pending_probes(pod: Json) -> tuple[ReadinessProbe, ...]:
    """All probes that have yet to succeed before the pod is ready; none if only Kubernetes can know, or if it is too early."""
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    conditions = {each["type"]: each["status"] == "True" for each in status.get("conditions") or []}
    early = "deletionTimestamp" in pod["metadata"] or not status.get("podIP") or not conditions.get("Initialized")
    if early or conditions.get("Ready") or spec.get("readinessGates") or not _helpers_ready(spec, status):
        return ()
    try:
        return tuple(_checks(spec.get("containers") or [], status))
    except _OnlyKubernetesKnows:
        return ()


def _helpers_ready(spec: Json, status: Json) -> bool:
    """Containers that are started before the others and go on beside them."""
    lasting = {each["name"] for each in spec.get("initContainers") or [] if each.get("restartPolicy") == "Always"}
    return all(each.get("ready") for each in status.get("initContainerStatuses") or [] if each["name"] in lasting)


def _checks(containers: list[Json], status: Json) -> Iterator[ReadinessProbe]:
    found = {each["name"]: each for each in status.get("containerStatuses") or []}
    for each in containers:
        state = found.get(each["name"]) or {}
        running = (state.get("state") or {}).get("running")
        if running is None or not state.get("started"):
            raise _OnlyKubernetesKnows
        if not state.get("ready"):
            yield _check(each, state, status["podIP"], parse_time(running.get("startedAt") or ""))


def _check(container: Json, state: Json, host: str, started_at: datetime | None) -> ReadinessProbe:
    probe = container.get("readinessProbe") or {}
    http = probe.get("httpGet")
    asked = http or probe.get("tcpSocket")
    delay = probe.get("initialDelaySeconds") or 0
    if not asked or asked.get("host") or (delay and not started_at):
        raise _OnlyKubernetesKnows
    return ReadinessProbe(
        container=state.get("containerID", ""),
        address=Address(host, _port(container, asked.get("port"))),
        path=_path(http) if http else None,
        https=asked.get("scheme") == "HTTPS",
        headers=tuple((each["name"], each["value"]) for each in asked.get("httpHeaders") or []),
        after=started_at + timedelta(seconds=delay) if delay and started_at else None,
        timeout=float(probe.get("timeoutSeconds") or 1),
        successes=probe.get("successThreshold") or 1,
    )


def _path(http: Json) -> str:
    return "/" + (http.get("path") or "").removeprefix("/")


def _port(container: Json, wanted: Any) -> int:
    named = {each["name"]: each["containerPort"] for each in container.get("ports") or [] if "name" in each}
    number = named.get(wanted, wanted)
    if not str(number).isdigit():
        raise _OnlyKubernetesKnows
    return int(number)
