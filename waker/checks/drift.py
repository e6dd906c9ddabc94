"""Who else writes what waker changes: GitOps tools that put it back, and autoscalers that scale to 0 themselves.

A tool is known by the marks that it leaves on what it manages. What it does about `spec.replicas` and routes is read from
its own settings: Argo CD's Application, Flux's annotations; else from the fields that it owns (server-side apply).
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from waker.checks.at_once import a_few_at_once
from waker.checks.findings import CheckLine, ok, problem, unknown
from waker.checks.inquiry import Inquiry
from waker.cluster.client import Api
from waker.cluster.listing import listed
from waker.cluster.resources import AUTOSCALERS as AUTOSCALER_OBJECTS
from waker.cluster.resources import ROUTES, workload_path
from waker.errors import ClusterError
from waker.explain.amounts import counted
from waker.explain.fixes import target
from waker.observe.observed_app import ObservedApp
from waker.plan.model import AppId

GITOPS: Final = "gitops"
AUTOSCALERS: Final = "autoscalers"
AT_ONCE: Final = 8
APPLICATIONS: Final = "/apis/argoproj.io/v1alpha1/applications"
ARGO_ID: Final = "argocd.argoproj.io/tracking-id"  # APP:GROUP/KIND:NAMESPACE/NAME
ARGO_LABEL: Final = "argocd.argoproj.io/instance"
FLUX: Final = ("kustomize.toolkit.fluxcd.io", "helm.toolkit.fluxcd.io")
FLUX_LEAVES: Final = {"ssa": ("IfNotPresent", "Ignore"), "reconcile": ("disabled",)}
FLUX_MANAGERS: Final = ("kustomize-controller", "helm-controller", "flux")
RESPECT: Final = "RespectIgnoreDifferences=true"

Json = Mapping[str, Any]


class Changed(NamedTuple):
    """An object that waker changes: `target` as kubectl wants it, and the field."""

    path: str
    target: str
    kind: str
    field: str


async def lines(inquiry: Inquiry) -> list[CheckLine]:
    """About the apps and the objects with their routes."""
    wanted = list(dict.fromkeys(each for app in inquiry.observed for each in _changed(app)))

    async def get(each: Changed) -> Json | ClusterError:
        try:
            return await inquiry.api.get(each.path)
        except ClusterError as error:
            return error

    objects = await a_few_at_once(map(get, wanted), AT_ONCE)
    tracked = any(not isinstance(each, ClusterError) and argo_application(each) for each in objects)
    applications = await _applications(inquiry.api) if tracked else []
    found: list[CheckLine] = []
    for each, obj in zip(wanted, objects, strict=True):
        if isinstance(obj, ClusterError):
            fix = f"kubectl get {each.target} -o yaml"
            found.append(unknown(GITOPS, f"who manages {each.target} is not known: {obj}", fix))
            continue
        tools = of_argo(obj, each.target, each.kind, each.field, applications), of_flux(obj, each.target, each.field)
        found += [line for line in tools if line]
    where = f"what waker changes on {counted(len(wanted), 'object')}" if wanted else "anything: no app is enabled yet"
    return found or [ok(GITOPS, f"no GitOps tool puts back {where}")]


def _changed(app: ObservedApp) -> Iterator[Changed]:
    workload = app.workload.id
    yield Changed(workload_path(workload), target(*workload), str(workload.kind), "/spec/replicas")
    for each in dict.fromkeys(route.id.object for route in app.routes):
        yield Changed(ROUTES[each.kind].one(each.namespace, each.name), target(*each), each.kind, "/spec/rules")


async def _applications(api: Api) -> list[Json]:
    try:
        return list((await api.get(APPLICATIONS)).get("items") or [])
    except ClusterError:
        return []


def argo_application(obj: Json) -> str:
    """The name of the Argo CD Application that manages an object, "" if none does."""
    meta = obj["metadata"]
    by_id = (meta.get("annotations") or {}).get(ARGO_ID, "").partition(":")[0]
    return str(by_id or (meta.get("labels") or {}).get(ARGO_LABEL, ""))


def of_argo(obj: Json, target: str, kind: str, field: str, applications: Iterable[Json] | None) -> CheckLine | None:
    """Whether Argo CD puts back this field. None: it does not manage the object, or leaves the field alone."""
    name = argo_application(obj)
    if not name:
        return None
    found = next((each for each in applications or () if each["metadata"]["name"] == name.split("_")[-1]), None)
    if found is None:
        text = f"{target} is managed by the Argo CD application {name}, whose ignoreDifferences cannot be read"
        return unknown(GITOPS, text, f"kubectl -n argocd get application {name} -o yaml")
    spec, namespace = found.get("spec") or {}, found["metadata"].get("namespace", "argocd")
    policy = spec.get("syncPolicy") or {}
    if _argo_ignores(spec, kind, field) and RESPECT in (policy.get("syncOptions") or ()):
        return None
    if not policy.get("automated"):
        return None  # it shows a difference, and changes nothing by itself
    text = f"Argo CD (application {name}) puts {field} of {target} back, and does not let it sleep"
    group = obj.get("apiVersion", "").rpartition("/")[0]
    ignored = [*(spec.get("ignoreDifferences") or ()), {"group": group, "kind": kind, "jsonPointers": [field]}]
    options = sorted({*(policy.get("syncOptions") or ()), RESPECT})
    patch = json.dumps({"spec": {"ignoreDifferences": ignored, "syncPolicy": {"syncOptions": options}}})
    return problem(GITOPS, text, f"kubectl -n {namespace} patch application {name} --type merge -p '{patch}'")


def _argo_ignores(spec: Json, kind: str, field: str) -> bool:
    for each in spec.get("ignoreDifferences") or ():
        covers = any(field.startswith(place) for place in each.get("jsonPointers") or ())
        by_query = any(field.replace("/", ".") in query for query in each.get("jqPathExpressions") or ())
        if each.get("kind") in (kind, "*") and (covers or by_query):
            return True
    return False


def of_flux(obj: Json, target: str, field: str) -> CheckLine | None:
    """Whether Flux puts back this field: it owns it, and nothing tells it to leave the object alone."""
    meta = obj["metadata"]
    labels, annotations = meta.get("labels") or {}, meta.get("annotations") or {}
    prefix = next((each for each in FLUX if f"{each}/name" in labels), "")
    if not prefix:
        return None
    if any(annotations.get(f"{prefix}/{key}") in values for key, values in FLUX_LEAVES.items()):
        return None
    owners = set(_owners(meta, field))
    if meta.get("managedFields") and owners.isdisjoint(FLUX_MANAGERS):
        return None  # what it applies does not say it
    text = f"Flux ({labels[f'{prefix}/name']}) puts {field} of {target} back, and does not let it sleep"
    return problem(GITOPS, text, f"kubectl annotate {target} {FLUX[0]}/ssa=IfNotPresent --overwrite")


def _owners(meta: Json, field: str) -> Iterator[str]:
    """The managers of a field, such as /spec/replicas."""
    for each in meta.get("managedFields") or ():
        found: Any = each.get("fieldsV1") or {}
        for part in field.strip("/").split("/"):
            found = found.get(f"f:{part}") if isinstance(found, dict) else None
        if found is not None:
            yield str(each.get("manager", ""))


async def autoscalers(inquiry: Inquiry) -> list[CheckLine]:
    """Whether something else decides between 0 and 1."""
    lines: list[CheckLine] = []
    for namespace in inquiry.namespaces():
        apps = {(each.kind, each.name): each for each in inquiry.apps if each.namespace == namespace}
        try:
            found = [each async for each in listed(inquiry.api, AUTOSCALER_OBJECTS.collection(namespace))]
        except ClusterError as error:
            fix = f"kubectl -n {namespace} get horizontalpodautoscalers"
            lines.append(unknown(AUTOSCALERS, f"the autoscalers of namespace {namespace} are not known: {error}", fix))
            continue
        for each in found:
            scaled = each["spec"]["scaleTargetRef"]
            app = apps.get((scaled["kind"], scaled["name"]))
            if app and each["spec"].get("minReplicas", 1) == 0:
                lines.append(_to_zero(app, each))
    return lines or [ok(AUTOSCALERS, _none_scales_to_zero(len(inquiry.apps)))]


def _none_scales_to_zero(apps: int) -> str:
    match apps:
        case 0:
            return "no app is enabled yet, so none has an autoscaler that scales it to 0"
        case 1:
            return "no autoscaler scales the app to 0"
    return f"none of {apps} apps has an autoscaler that scales it to 0"


def _to_zero(app: AppId, found: Json) -> CheckLine:
    name = found["metadata"]["name"]
    text = f"HPA {name} of {app} has minReplicas 0: what it scales to 0 itself no visitor wakes"
    patch = '{"spec":{"minReplicas":1}}'
    return problem(AUTOSCALERS, text, f"kubectl -n {app.namespace} patch hpa {name} --type merge -p '{patch}'")
