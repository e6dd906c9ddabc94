"""Is waker there, does it lead, can it read its settings, and is it the only one? By the objects of its own namespace."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from waker import names
from waker.checks.findings import CheckLine, ok, problem, unknown
from waker.checks.inquiry import Inquiry
from waker.cluster.client import Api
from waker.cluster.listing import listed
from waker.cluster.resources import CONFIG_MAPS, DEPLOYMENTS, LEASES
from waker.errors import ClusterError, NotFound
from waker.explain.amounts import counted
from waker.explain.fixes import advice, respell, target
from waker.observe.never_sleeps import OWN_LABEL
from waker.plan.codes import Code
from waker.plan.model import AppId
from waker.plan.policy import unknown_annotations
from waker.plan.times import parse_time
from waker.settings.configmap import Live, read_live

SUBJECT: Final = "waker"
APPS: Final = "apps"
OTHERS: Final = "installations"
API_SERVER: Final = "api server"
WAKER: Final = "waker"  # the Deployment
ACCOUNT: Final = "waker"
INSTALL: Final = "kubectl apply -k k8s/"
INSTALL_FIRST: Final = (  # where nothing shows how it was, or will be, installed
    f"{INSTALL}, or by Helm: helm install kubesleeper charts/kubesleeper -n kubesleeper --create-namespace"
)
RELEASE: Final = "meta.helm.sh/release-name"  # on what Helm has made
OLDEST: Final = (1, 23)  # Kubernetes with autoscaling/v2
LATE: Final = timedelta(seconds=60)  # four times as long as a Lease is good for

Json = Mapping[str, Any]


async def deployment(api: Api, namespace: str) -> Json | None:
    """waker's own Deployment, None if there is none. Raises ClusterError."""
    try:
        return await api.get(DEPLOYMENTS.one(namespace, WAKER))
    except NotFound:
        return None


def account(found: Json | None, namespace: str) -> str:
    """The user name of waker's ServiceAccount."""
    spec = ((((found or {}).get("spec") or {}).get("template") or {}).get("spec")) or {}
    return f"system:serviceaccount:{namespace}:{spec.get('serviceAccountName') or ACCOUNT}"


def reinstall(found: Json | None, namespace: str) -> str:
    """The command that brings waker's objects back to what its manifests say."""
    release = ((found or {}).get("metadata") or {}).get("annotations", {}).get(RELEASE)
    return f"helm upgrade --reuse-values -n {namespace} {release} charts/kubesleeper" if release else INSTALL


def of_deployment(found: Json | None, namespace: str) -> CheckLine:
    """Whether its pods run."""
    if found is None:
        return problem(SUBJECT, f"there is no Deployment {WAKER} in namespace {namespace}", INSTALL_FIRST)
    wanted = found["spec"].get("replicas", 1)
    ready = (found.get("status") or {}).get("readyReplicas", 0)
    text = f"{ready} of {counted(wanted, 'replica')} {'is' if ready == 1 else 'are'} ready in namespace {namespace}"
    if not wanted:
        fix = f"kubectl -n {namespace} scale deployment/{WAKER} --replicas=1"
        return problem(SUBJECT, f"its Deployment is scaled to 0 in namespace {namespace}", fix)
    if ready < wanted:
        fix = f"kubectl -n {namespace} describe pod -l {'='.join(OWN_LABEL)}"
        return problem(SUBJECT, text, fix)
    return ok(SUBJECT, text)


async def is_absent(api: Api, found: Json | None, namespace: str) -> bool:
    """Whether nothing of it is there, so that there is no use in naming each thing."""
    if found is not None:
        return False
    try:
        await api.get(CONFIG_MAPS.one(namespace, names.CONFIG_MAP))
    except NotFound:
        return True
    except ClusterError:
        return False
    return False


def absent(namespace: str) -> CheckLine:
    """It is not installed."""
    return problem(SUBJECT, f"it is not installed in namespace {namespace}", INSTALL_FIRST)


async def settings(api: Api, namespace: str) -> tuple[Live, list[CheckLine]]:
    """The settings in effect, and what is wrong with them."""
    edit = f"kubectl -n {namespace} edit configmap {names.CONFIG_MAP}"
    try:
        data = (await api.get(CONFIG_MAPS.one(namespace, names.CONFIG_MAP))).get("data") or {}
    except NotFound:
        return Live(), [problem(SUBJECT, f"there is no ConfigMap {names.CONFIG_MAP}: defaults are in effect", INSTALL)]
    except ClusterError as error:
        fix = f"kubectl -n {namespace} get configmap {names.CONFIG_MAP}"
        return Live(), [unknown(SUBJECT, f"its settings cannot be read: {error}", fix)]
    live, problems = read_live(data, Live())
    lines = [problem(SUBJECT, f"the setting {each}", edit) for each in problems]
    if live.paused:
        lines.append(problem(SUBJECT, "it is paused: nothing falls asleep", "waker resume --all"))
    return live, lines or [ok(SUBJECT, "its settings can be read")]


async def record(api: Api, namespace: str) -> CheckLine:
    """Whether idle periods survive a restart."""
    try:
        await api.get(CONFIG_MAPS.one(namespace, names.ACTIVITY))
    except NotFound:
        text = f"there is no ConfigMap {names.ACTIVITY}: each restart begins all idle periods anew"
        return problem(SUBJECT, text, INSTALL)
    except ClusterError as error:
        fix = f"kubectl -n {namespace} get configmap {names.ACTIVITY}"
        return unknown(SUBJECT, f"whether idle periods survive a restart is not known: {error}", fix)
    return ok(SUBJECT, "idle periods survive a restart")


async def lease(api: Api, namespace: str, now: datetime) -> CheckLine:
    """Whether somebody may put apps to sleep."""
    logs = f"kubectl -n {namespace} logs deployment/{WAKER}"
    try:
        spec = (await api.get(LEASES.one(namespace, names.LEASE))).get("spec") or {}
    except NotFound:
        return problem(SUBJECT, f"nobody leads: there is no Lease {names.LEASE}, so nothing falls asleep", logs)
    except ClusterError as error:
        return unknown(SUBJECT, f"who leads is not known: {error}", f"kubectl -n {namespace} get lease {names.LEASE}")
    renewed, holder = parse_time(str(spec.get("renewTime") or "")), spec.get("holderIdentity") or ""
    if not holder or renewed is None or renewed < now - LATE:
        text = f"nobody leads: the Lease {names.LEASE} has not been renewed, so nothing falls asleep"
        return problem(SUBJECT, text, logs)
    return ok(SUBJECT, f"{holder} leads")


async def version(api: Api) -> CheckLine:
    """Whether the API server has what waker uses."""
    try:
        found = await api.get("/version")
    except ClusterError as error:
        return unknown(API_SERVER, f"its version is not known: {error}", "kubectl version")
    said = str(found.get("gitVersion", "of unknown version"))
    try:
        number = int(found["major"]), int(str(found["minor"]).rstrip("+"))
    except (KeyError, ValueError):
        return unknown(API_SERVER, f"it is {said}", "kubectl version")
    if number < OLDEST:
        text = f"it is {said}, and waker needs autoscaling/v2, which came with 1.{OLDEST[1]}"
        return problem(API_SERVER, text, f"upgrade Kubernetes to 1.{OLDEST[1]} or later")
    return ok(API_SERVER, f"it is {said}")


async def others(inquiry: Inquiry) -> list[CheckLine]:
    """Whether another KubeSleeper works in this cluster, and on the same apps."""
    lines: list[CheckLine] = []
    for namespace in sorted(inquiry.cluster.namespaces()):
        other = inquiry.cluster.other_installation(namespace)
        if other:
            text = f"the apps of namespace {namespace} are managed by the KubeSleeper in namespace {other}, not by this one"
            lines.append(problem(OTHERS, text, f"kubectl -n {namespace} delete service {names.WAKER_SERVICE}"))
    selected = {"labelSelector": "=".join(OWN_LABEL)}
    try:
        found = [
            each["metadata"]["namespace"] async for each in listed(inquiry.api, DEPLOYMENTS.everywhere(), selected)
        ]
    except ClusterError as error:
        fix = f"kubectl get deployments -A -l {'='.join(OWN_LABEL)}"
        return [*lines, unknown(OTHERS, f"whether there is another KubeSleeper is not known: {error}", fix)]
    for namespace in sorted(set(found) - {inquiry.namespace}):
        text = f"there is another KubeSleeper in namespace {namespace}: each leaves alone what the other one manages"
        lines.append(problem(OTHERS, text, f"waker restore --all --waker-namespace {namespace}"))
    return lines or [ok(OTHERS, "there is no other KubeSleeper")]


def apps(inquiry: Inquiry) -> list[CheckLine]:
    """What forbids that enabled apps sleep, as long as nobody changes their objects."""
    observed = inquiry.observed
    blocked = [each for each in observed if each.problems]
    lines = [_blocked(each.workload.id, each.problems[0]) for each in blocked]
    fit = len(observed) - len(blocked)
    have = f"{fit} of {counted(len(observed), 'enabled app')} {'has' if fit == 1 else 'have'}"
    text = f"{have} routes that can be moved" if observed else "none is enabled yet"
    return [ok(APPS, text), *lines, *_unknown_annotations(inquiry)]


def _blocked(app: AppId, sentence: str) -> CheckLine:
    fix = advice(sentence, Code.CANNOT_SLEEP, app).fix or f"waker explain {target(*app)}"
    return problem(APPS, f"{app} cannot sleep: {sentence}", fix)


def _unknown_annotations(inquiry: Inquiry) -> Iterator[CheckLine]:
    """Of all workloads: where `enabled` is misspelt, nobody has enabled it."""
    workloads = (each for informer in inquiry.cluster.workloads.values() for each in informer.values())
    for workload in sorted(workloads, key=lambda each: each.id):
        for found in unknown_annotations(workload):
            line = problem if found.meant else unknown
            yield line(APPS, f"{workload.id}: {found}", respell(found, workload.id))
