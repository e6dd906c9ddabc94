"""`waker check` finds each of these misconfigurations, and names what mends it."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.service.scene import MERGE, ServiceScene, scene
from waker import names
from waker.commands import check
from waker.demo import kinds, refusals, server
from waker.demo.faults import Fault
from waker.demo.kinds import Key, Obj
from waker.demo.refusals import ApiRefusal

OWN = "kubesleeper"
LABELS = {"app.kubernetes.io/name": "waker"}
Plant = Callable[[ServiceScene], object]


def config_map(name: str, **data: str) -> Obj:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": OWN}, "data": data}


def deployment(namespace: str, replicas: int = 1) -> Obj:
    """A Deployment that looks like waker's."""
    template = {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "waker", "image": "demo/shop"}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": LABELS}, "template": template}
    meta = {"name": "waker", "namespace": namespace, "labels": LABELS}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec}


def lease(renewed: datetime) -> Obj:
    spec = {"holderIdentity": "waker-1", "renewTime": renewed.isoformat().replace("+00:00", "Z")}
    meta = {"name": names.LEASE, "namespace": OWN}
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": meta, "spec": spec}


@asynccontextmanager
async def installed(folder: Path) -> AsyncIterator[ServiceScene]:
    """An enabled shop that has been visited, and all that an installation of waker consists of."""
    async with scene(folder) as it:
        it.configure()
        it.cluster.load([config_map(names.ACTIVITY), deployment(OWN), lease(datetime.now(UTC))])
        it.cluster.api.access.forbid()
        await it.until(lambda: (it.cluster.get("Deployment", OWN, "waker") or {})["status"].get("readyReplicas"))
        await it.visit()
        yield it


async def found(it: ServiceScene, app: str | None = None) -> Any:
    """What the command prints as JSON; its exit code fits."""
    result = await check.check(it.settings(), "default", app, "json")
    printed = json.loads(result.text)
    assert result.code == (3 if printed["problem"] else 4 if printed["unknown"] else 0)
    return printed


def patch(it: ServiceScene, resource: kinds.ServedResource, where: tuple[str, str], body: Obj) -> None:
    it.cluster.verbs.patch(resource, Key(*where), MERGE, body)


def remove(it: ServiceScene, resource: kinds.ServedResource, namespace: str, name: str) -> None:
    it.cluster.verbs.remove(resource, Key(namespace, name))


def refuse(it: ServiceScene, verb: str, resource: str, message: str) -> None:
    it.cluster.api.faults.order(Fault(verb, resource, times=None, refusal=ApiRefusal(403, "Forbidden", message)))


def policy(it: ServiceScene, namespace: str, *kind: str) -> None:
    """One that lets nothing through in these directions."""
    meta = {"name": "deny", "namespace": namespace}
    spec = {"podSelector": {}, "policyTypes": list(kind)}
    it.cluster.load([{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta, "spec": spec}])


def scaler(it: ServiceScene) -> None:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}
    spec = {"scaleTargetRef": target, "minReplicas": 0, "maxReplicas": 5}
    meta = {"name": "busy", "namespace": "default"}
    it.cluster.load(
        [{"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": meta, "spec": spec}]
    )


def foreign_service(it: ServiceScene) -> None:
    labels = {names.MANAGED_BY: names.MANAGER, names.INSTALLATION: "tools"}
    meta = {"name": names.WAKER_SERVICE, "namespace": "default", "labels": labels}
    it.cluster.load([{"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"ports": [{"port": 20_000}]}}])


def scaled_to_zero(it: ServiceScene) -> None:
    remove(it, kinds.DEPLOYMENTS, OWN, "waker")
    it.cluster.load([deployment(OWN, replicas=0)])


def another(it: ServiceScene) -> None:
    it.cluster.load([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "tools"}}, deployment("tools")])


def flux(it: ServiceScene) -> None:
    owned = {"manager": "kustomize-controller", "operation": "Apply", "fieldsV1": {"f:spec": {"f:replicas": {}}}}
    labels = {"kustomize.toolkit.fluxcd.io/name": "prod", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
    patch(it, kinds.DEPLOYMENTS, ("default", "shop"), {"metadata": {"labels": labels, "managedFields": [owned]}})


def argo(it: ServiceScene) -> None:
    tracked = {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:default/shop"}
    patch(it, kinds.DEPLOYMENTS, ("default", "shop"), {"metadata": {"annotations": tracked}})


def unknown_class(it: ServiceScene) -> None:
    spec, meta = {"controller": "example.com/odd"}, {"name": "odd"}
    it.cluster.load([{"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": meta, "spec": spec}])


def metrics_elsewhere(it: ServiceScene) -> None:
    it.configure(**{"controller.traefik.path": "/nothing"})


def misspelt(it: ServiceScene) -> None:
    it.annotate(names.ENABLED, None)
    it.annotate("kubesleeper.io/enable", "true")


def nobody_leads(it: ServiceScene) -> None:
    patch(it, kinds.LEASES, (OWN, names.LEASE), {"spec": lease(datetime.now(UTC) - timedelta(hours=1))["spec"]})


QUOTA = 'services "kubesleeper-waker" is forbidden: exceeded quota: small, requested: services=1, used: services=5'
DENIED = 'admission webhook "policy.example.com" denied the request: replicas must be at least 1'

PLANTED = [
    pytest.param(lambda it: remove(it, kinds.DEPLOYMENTS, OWN, "waker"), "waker", "there is no Deployment waker",
                 "kubectl apply -k k8s/", id="waker is not installed"),
    pytest.param(scaled_to_zero, "waker", "scaled to 0",
                 "kubectl -n kubesleeper scale deployment/waker --replicas=1", id="waker is scaled to 0"),
    pytest.param(lambda it: it.cluster.api.access.forbid(("patch", "deployments")), "rights",
                 "waker may not patch deployments.apps", "kubectl apply -k k8s/", id="waker lacks a right"),
    pytest.param(lambda it: it.cluster.api.access.forbid(("get", "services/proxy")), "rights",
                 "you may not get services/proxy waker:metrics", "create rolebinding waker-status",
                 id="the caller may not ask the service"),
    pytest.param(lambda it: it.configure(idle_after="soon"), "waker", "the setting idle-after: 'soon' is not a duration",
                 "kubectl -n kubesleeper edit configmap kubesleeper", id="a setting cannot be read"),
    pytest.param(lambda it: it.configure(paused="true"), "waker", "it is paused", "waker resume --all", id="paused"),
    pytest.param(lambda it: remove(it, kinds.CONFIG_MAPS, OWN, names.ACTIVITY), "waker", "begins all idle periods anew",
                 "kubectl apply -k k8s/", id="nowhere to keep idle periods"),
    pytest.param(nobody_leads, "waker", "nobody leads", "kubectl -n kubesleeper logs deployment/waker", id="nobody leads"),
    pytest.param(unknown_class, "controller of class odd", "does not know example.com/odd",
                 '{"data":{"controller.odd.adapter":"NAME"}}', id="a controller that is not known"),
    pytest.param(metrics_elsewhere, "controller of class traefik", "shows no page /nothing",
                 "run Traefik with --metrics.prometheus=true", id="no metrics page"),
    pytest.param(lambda it: remove(it, kinds.PODS, "traefik", "traefik"), "controller of class traefik",
                 "no ready pod of Traefik", "kubectl get pods -A -l ", id="no controller pods"),
    pytest.param(lambda it: policy(it, OWN, "Ingress"), "network", "NetworkPolicy kubesleeper/deny keeps traefik/traefik from",
                 "kubectl -n kubesleeper edit networkpolicy deny", id="a NetworkPolicy around waker"),
    pytest.param(lambda it: policy(it, "traefik", "Ingress"), "network", "NetworkPolicy traefik/deny keeps waker from port",
                 "kubectl -n traefik edit networkpolicy deny", id="a NetworkPolicy around the controller"),
    pytest.param(foreign_service, "installations", "are managed by the KubeSleeper in namespace tools",
                 "kubectl -n default delete service kubesleeper-waker", id="apps of another installation"),
    pytest.param(another, "installations", "another KubeSleeper in namespace tools",
                 "waker restore --all --waker-namespace tools", id="two installations"),
    pytest.param(flux, "gitops", "Flux (prod) puts /spec/replicas of deployment/shop -n default back",
                 "kubectl annotate deployment/shop -n default kustomize.toolkit.fluxcd.io/ssa=IfNotPresent", id="Flux"),
    pytest.param(scaler, "autoscalers", "HPA busy of default/shop has minReplicas 0",
                 "kubectl -n default patch hpa busy --type merge -p", id="an HPA that scales to 0"),
    pytest.param(lambda it: refuse(it, "create", "services", QUOTA), "writes", "a ResourceQuota of the namespace is used up",
                 "kubectl -n default describe resourcequota", id="a quota"),
    pytest.param(lambda it: refuse(it, "patch", "deployments", DENIED), "writes", "an admission policy forbids it",
                 "kubectl get validatingadmissionpolicies", id="an admission policy"),
    pytest.param(lambda it: it.annotate("kubesleeper.io/idle-after", "soon"), "apps", "default/shop cannot sleep",
                 "kubectl annotate deployment/shop -n default kubesleeper.io/idle-after=30m --overwrite",
                 id="an annotation of an enabled app"),
    pytest.param(lambda it: it.annotate("kubesleeper.io/idleafter", "20s"), "apps", "is kubesleeper.io/idle-after meant?",
                 "kubectl annotate deployment/shop -n default kubesleeper.io/idleafter- kubesleeper.io/idle-after=20s",
                 id="a misspelt annotation"),
    pytest.param(misspelt, "apps", "default/shop: kubesleeper.io/enable is no annotation that waker knows",
                 "kubesleeper.io/enable- kubesleeper.io/enabled=true", id="an app that is enabled by a misspelt annotation"),
    pytest.param(lambda it: remove(it, kinds.INGRESSES, "default", "shop"), "apps", "no Ingress names its Service shop",
                 "make an Ingress that names Service shop", id="an enabled app without a route"),
]  # fmt: skip


@pytest.mark.parametrize(("plant", "subject", "text", "fix"), PLANTED)
async def test_planted(tmp_path: Path, plant: Plant, subject: str, text: str, fix: str) -> None:
    async with installed(tmp_path) as it:
        plant(it)
        printed = await found(it)
    lines = [each for each in printed["lines"] if each["subject"] == subject and text in each["text"]]
    assert lines, printed
    assert lines[0]["verdict"] == "problem"
    assert fix in lines[0]["fix"]


async def test_nothing_is_wrong(tmp_path: Path) -> None:
    async with installed(tmp_path) as it:
        before, writes = it.wish(), it.writes()
        printed = await found(it)
        after, tried = it.wish(), it.writes()
    bad = [each for each in printed["lines"] if each["verdict"] != "ok"]
    assert [each["text"] for each in bad] == ["the running service could not be asked, so no way was tried in earnest"]
    assert before == after
    assert tried - writes == 5, "each kind of write was tried"
    texts = " ".join(each["text"] for each in printed["lines"])
    assert "Traefik pod traefik/traefik shows traefik_service_requests_total" in texts


async def test_nothing_is_wrong_before_any_app_is_enabled(tmp_path: Path) -> None:
    async with installed(tmp_path) as it:
        it.annotate(names.ENABLED, None)
        printed = await found(it)
    said = {each["subject"]: each["text"] for each in printed["lines"] if each["verdict"] == "ok"}
    assert (printed["problem"], printed["unknown"]) == (0, 1), "nobody could ask the service"
    assert said["writes"] == "no app is enabled yet, so no write was tried"
    assert said["gitops"] == "no GitOps tool puts back anything: no app is enabled yet"
    assert said["autoscalers"] == "no app is enabled yet, so none has an autoscaler that scales it to 0"
    assert (
        said["network"] == "of 2 ways between waker and controllers none is cut by a NetworkPolicy, as they are written"
    )
    assert said["apps"] == "none is enabled yet"


async def test_of_one_thing_nothing_is_said_in_the_plural(tmp_path: Path) -> None:
    async with installed(tmp_path) as it:
        printed = await found(it)
    said = [each["text"] for each in printed["lines"]]
    assert "1 of 1 replica is ready in namespace kubesleeper" in said
    assert "no autoscaler scales the app to 0" in said
    assert "1 of 1 enabled app has routes that can be moved" in said


async def test_before_anything_is_installed_it_is_one_line(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        printed = await found(it)
    assert [(each["subject"], each["text"]) for each in printed["lines"] if each["verdict"] == "problem"] == [
        ("waker", "it is not installed in namespace kubesleeper")
    ]


async def test_an_old_api_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = {"major": "1", "minor": "21+", "gitVersion": "v1.21.14"}
    monkeypatch.setattr(server, "VERSION", old)
    async with installed(tmp_path) as it:
        printed = await found(it)
    assert "needs autoscaling/v2" in next(each["text"] for each in printed["lines"] if each["subject"] == "api server")


async def test_what_cannot_be_found_out_is_not_known(tmp_path: Path) -> None:
    async with installed(tmp_path) as it:
        it.cluster.api.access.answers = False
        for resource in ("networkpolicies", "leases"):
            it.cluster.api.faults.order(
                Fault("", resource, times=None, refusal=refusals.ApiRefusal(403, "Forbidden", "no"))
            )
        argo(it)
        printed = await found(it)
    unknown = {each["subject"]: each for each in printed["lines"] if each["verdict"] == "unknown"}
    assert unknown.keys() >= {"rights", "network", "waker", "gitops"}
    assert all(each["fix"] for each in unknown.values())
    assert unknown["gitops"]["fix"] == "kubectl -n argocd get application shop -o yaml"


async def test_one_app_before_it_is_enabled(tmp_path: Path) -> None:
    async with installed(tmp_path) as it:
        it.annotate(names.ENABLED, None)
        good = await found(it, "shop")
        it.annotate("kubesleeper.io/min-idle", "long")
        bad = await found(it, "shop")
        text = (await check.check(it.settings(), "default", "shop", "text")).text
    answer = next(each for each in good["lines"] if each["subject"] == "app")
    assert (answer["verdict"], good["problem"]) == ("ok", 0)
    assert answer["text"].startswith("default/shop would sleep once it is enabled")
    assert [each["text"] for each in bad["lines"] if each["verdict"] == "problem"] == [
        "kubesleeper.io/min-idle: 'long' is not a duration such as 90s, 15m, 1h30m or 2d (1s to 365d)"
    ]
    assert "problem    app: kubesleeper.io/min-idle: 'long'" in text
    assert text.endswith(f"{bad['ok']} ok, 1 problem, {bad['unknown']} not known")


async def test_the_running_service_tries_both_ways(tmp_path: Path) -> None:
    async with scene(tmp_path) as it, it.waker() as running:
        await it.visit()
        await it.put_to_sleep()
        printed = json.loads((await it.private(running, "/check")).body)
        again = json.loads((await it.private(running, "/check")).body)
    assert [(each["verdict"], each["text"]) for each in printed["lines"]] == [
        ("ok", "Traefik pod traefik/traefik shows traefik_service_requests_total"),
        ("ok", "Traefik pod traefik/traefik reaches waker"),
        ("ok", "Traefik pod traefik/traefik counts under the names that waker builds"),
    ]
    assert printed["reached"] == ["traefik.io/ingress-controller"]
    assert printed == again
