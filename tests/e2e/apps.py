"""Sample apps: the objects a user would write, and what the objects themselves say about their phase.

The second half is the suite's own opinion, read from replicas, readiness, backends and annotations; what
`waker status` says is checked against it and never used in its place.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.bed import ON_BED
from tests.e2e.cluster import ClusterApi, Json
from waker import names

SCRIPT = "sample_app.py"
SCRIPT_MAP = "sample-app"
PYTHON_IMAGE = os.environ.get("E2E_PYTHON_IMAGE", "docker.io/library/python:3.13-slim")  # runs the script elsewhere


@dataclass(frozen=True, slots=True)
class StageApp:
    """One workload with a Service and, unless `ingresses` says otherwise, an Ingress, all of one name."""

    namespace: str
    name: str
    ingress_class: str
    kind: str = "Deployment"
    replicas: int = 1
    start_delay: str = "0s"
    ready_delay: str = "0s"  # from the start until its readiness probe succeeds; it listens before
    probe: Mapping[str, int] = field(default_factory=dict)  # over the fields of its readiness probe
    fake: bool = False  # pods without a process
    image: str = "sample/web:1"  # or `ledger`, see ledger.py
    annotations: Mapping[str, str] = field(default_factory=dict)
    ingresses: tuple[str, ...] = ()
    path: str = "/"

    @property
    def host(self) -> str:
        return f"{self.name}.{self.namespace}.example.org"

    @property
    def routed_by(self) -> tuple[str, ...]:
        return self.ingresses or (self.name,)


@dataclass(frozen=True, slots=True)
class Rule:
    """One path of an Ingress."""

    host: str
    service: str
    path: str = "/"


def objects(app: StageApp) -> list[Json]:
    """Workload, Service and, if the app has one of its own, Ingress."""
    found = [workload(app), service(app)]
    if not app.ingresses:
        found.append(ingress(app, app.name, [Rule(app.host, app.name)]))
    return found


def workload(app: StageApp) -> Json:
    extra = {"serviceName": app.name} if app.kind == "StatefulSet" else {}
    return {
        "apiVersion": "apps/v1",
        "kind": app.kind,
        "metadata": {
            "namespace": app.namespace,
            "name": app.name,
            "annotations": {names.ENABLED: "true"} | dict(app.annotations),
        },
        "spec": {
            "replicas": app.replicas,
            "selector": {"matchLabels": {"app": app.name}},
            "template": _template(app),
        }
        | extra,
    }


def _template(app: StageApp) -> Json:
    delays = {"-start-delay": app.start_delay, "-ready-delay": app.ready_delay}
    container: Json = {
        "name": "web",
        "image": app.image,
        "args": ["-listen", ":8080", "-name", app.name, *(word for each in delays.items() for word in each)],
        "ports": [{"name": "http", "containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 1} | dict(app.probe),
    }
    if app.fake:
        container = {"name": "fake", "image": "fake", "ports": [{"name": "http", "containerPort": 8080}]}
    found: Json = {"containers": [container]}
    if not ON_BED:
        container |= {"image": PYTHON_IMAGE, "command": ["python3", f"/srv/{SCRIPT}"]}
        container["volumeMounts"] = [{"name": "script", "mountPath": "/srv"}]
        found["volumes"] = [{"name": "script", "configMap": {"name": SCRIPT_MAP}}]
    return {"metadata": {"labels": {"app": app.name}}, "spec": found}


def script_map(namespace: str) -> Json:
    """The sample app's own source, for pods on a cluster that is not the test bed."""
    source = (Path(__file__).parent / SCRIPT).read_text()
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"namespace": namespace, "name": SCRIPT_MAP},
        "data": {SCRIPT: source},
    }


def service(app: StageApp) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"namespace": app.namespace, "name": app.name},
        "spec": {"selector": {"app": app.name}, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
    }


def ingress(app: StageApp, name: str, rules: list[Rule]) -> Json:
    """An Ingress in the app's namespace and class; rules of one host follow each other as written."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"namespace": app.namespace, "name": name},
        "spec": {
            "ingressClassName": app.ingress_class,
            "rules": [{"host": rule.host, "http": {"paths": [_path(rule)]}} for rule in rules],
        },
    }


def _path(rule: Rule) -> Json:
    backend = {"service": {"name": rule.service, "port": {"name": "http"}}}
    return {"path": rule.path, "pathType": "Prefix", "backend": backend}


def autoscaler(app: StageApp, low: int, high: int) -> Json:
    target = {"type": "Utilization", "averageUtilization": 80}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"namespace": app.namespace, "name": app.name},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": app.kind, "name": app.name},
            "minReplicas": low,
            "maxReplicas": high,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        },
    }


# --- what the objects say -----------------------------------------------------------------------------------------


def annotations(obj: Json) -> dict[str, str]:
    return dict(obj["metadata"].get("annotations") or {})


def backends(found: Json) -> dict[tuple[str, str], str]:
    """(host, path) -> Service of every rule of an Ingress."""
    return {
        (rule.get("host", ""), path["path"]): path["backend"]["service"]["name"]
        for rule in found["spec"].get("rules", [])
        for path in rule["http"]["paths"]
    }


def routes(api: ClusterApi, app: StageApp) -> dict[tuple[str, str], str]:
    """Where this app's own paths lead: (host, path) -> Service."""
    found: dict[tuple[str, str], str] = {}
    for name in app.routed_by:
        found |= backends(api.get("Ingress", app.namespace, name))
    return {where: to for where, to in found.items() if where[1] == app.path}


def asleep(api: ClusterApi, app: StageApp) -> str:
    """ "" if it is asleep and nothing of the user's is lost; otherwise what is missing."""
    found = api.get(app.kind, app.namespace, app.name)
    if found["spec"]["replicas"]:
        return f"replicas are {found['spec']['replicas']}"
    saved = annotations(found).get(names.SAVED_REPLICAS)
    if saved != str(app.replicas):
        return f"{names.SAVED_REPLICAS} is {saved}, not {app.replicas}"
    theirs = [where for where, to in routes(api, app).items() if to != names.WAKER_SERVICE]
    return f"routes still lead to the app: {theirs}" if theirs else ""


def awake(api: ClusterApi, app: StageApp) -> str:
    """ "" if it is awake, whole, ready and nothing of waker's is left on it; otherwise what is wrong."""
    found = api.get(app.kind, app.namespace, app.name)
    ready = found.get("status", {}).get("readyReplicas", 0)
    if (found["spec"]["replicas"], ready) != (app.replicas, app.replicas):
        return f"replicas are {found['spec']['replicas']}, {ready} ready, not {app.replicas}"
    if names.SAVED_REPLICAS in annotations(found):
        return f"{names.SAVED_REPLICAS} is still there"
    ours = [where for where, to in routes(api, app).items() if to != app.name]
    if ours:
        return f"routes still lead to waker: {ours}"
    kept = [name for name in app.routed_by if app.name in saved(api, app.namespace, name)]
    return f"{names.SAVED_BACKENDS} of it is still on {kept}" if kept else ""


def listed_ready(api: ClusterApi, app: StageApp) -> bool:
    """Whether an EndpointSlice of its Service has a ready endpoint."""
    slices = api.list("EndpointSlice", app.namespace, f"kubernetes.io/service-name={app.name}")
    return any(each["conditions"].get("ready") for one in slices for each in one.get("endpoints") or [])


def saved(api: ClusterApi, namespace: str, ingress: str) -> str:
    """What waker keeps on this Ingress, as text."""
    return annotations(api.get("Ingress", namespace, ingress)).get(names.SAVED_BACKENDS, "")
