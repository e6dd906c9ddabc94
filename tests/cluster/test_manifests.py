"""Kubernetes JSON to the model: what is missing has the API's default, what is of no use is not kept."""

from typing import Any

import pytest

from waker import names
from waker.cluster import manifests
from waker.plan.model import Address, AppId, Container, IngressClass, Kind, ServicePort
from waker.plan.notes import Notes, Unreadable
from waker.plan.routes import ingress_object
from waker.plan.routes.ingress_object import IngressRouteId
from waker.plan.routes.route import Backend

META = {"namespace": "demo", "name": "shop", "uid": "u", "resourceVersion": "7"}


def meta(**more: Any) -> dict[str, Any]:
    """Metadata, and more of it."""
    return {**META, **more}


@pytest.mark.parametrize(
    ("spec", "replicas"),
    [({}, 1), ({"replicas": None}, 1), ({"replicas": 0}, 0), ({"replicas": 3}, 3)],
    ids=["left out", "null", "0", "3"],
)
def test_replicas(spec: dict[str, Any], replicas: int) -> None:
    found = {"metadata": META, "spec": {**spec, "template": {"metadata": {"labels": {"app": "shop"}}}}}
    workload = manifests.workload(Kind.STATEFUL_SET, found)
    assert workload.id == AppId(Kind.STATEFUL_SET, "demo", "shop")
    assert (workload.replicas, workload.version, workload.uid) == (replicas, "7", "u")
    assert dict(workload.pod_labels) == {"app": "shop"}


@pytest.mark.parametrize(
    ("kind", "status", "emptied"),
    [
        pytest.param(Kind.DEPLOYMENT, {}, False, id="not looked at yet"),
        pytest.param(Kind.DEPLOYMENT, {"observedGeneration": 3}, False, id="looked at before"),
        pytest.param(Kind.DEPLOYMENT, {"observedGeneration": 4, "replicas": 1}, False, id="one is left"),
        pytest.param(Kind.DEPLOYMENT, {"observedGeneration": 4}, True, id="none is left"),
        pytest.param(Kind.STATEFUL_SET, {"observedGeneration": 3, "replicas": 1}, False, id="set, not looked at yet"),
        pytest.param(Kind.STATEFUL_SET, {"observedGeneration": 4, "replicas": 1}, True, id="set: it ends them itself"),
    ],
)
def test_whether_its_pods_were_taken(kind: Kind, status: dict[str, Any], emptied: bool) -> None:
    found = {"metadata": meta(generation=4), "spec": {"replicas": 0, "template": {}}, "status": status}
    assert manifests.workload(kind, found).pods_gone is emptied


@pytest.mark.parametrize(
    ("policy", "claims", "loses"),
    [
        pytest.param(
            {"whenScaled": "Delete", "whenDeleted": "Retain"}, [{"metadata": {"name": "data"}}], True, id="goes"
        ),
        pytest.param({"whenScaled": "Delete"}, [], False, id="has none"),
        pytest.param(
            {"whenScaled": "Retain", "whenDeleted": "Delete"}, [{"metadata": {"name": "data"}}], False, id="stays"
        ),
        pytest.param({}, [{"metadata": {"name": "data"}}], False, id="stays by default"),
        pytest.param(None, None, False, id="older than these fields"),
    ],
)
def test_whether_its_volumes_go_when_it_sleeps(policy: object, claims: object, loses: bool) -> None:
    spec = {"template": {}, "persistentVolumeClaimRetentionPolicy": policy, "volumeClaimTemplates": claims}
    assert manifests.workload(Kind.STATEFUL_SET, {"metadata": META, "spec": spec}).loses_claims is loses


@pytest.mark.parametrize("template", [{}, {"metadata": {}}, {"metadata": {"labels": None}}])
def test_a_template_without_labels(template: dict[str, Any]) -> None:
    assert manifests.workload(Kind.DEPLOYMENT, {"metadata": META, "spec": {"template": template}}).pod_labels == {}


def test_only_our_annotations_of_a_workload_are_kept() -> None:
    annotations = {names.ENABLED: "true", "kubesleeper.io.example.org/x": "1", "deployment.kubernetes.io/revision": "9"}
    found = {"metadata": meta(annotations=annotations), "spec": {"template": {}}}
    assert manifests.workload(Kind.DEPLOYMENT, found).annotations == {names.ENABLED: "true"}


def test_what_waker_wrote_on_a_workload_is_a_note_and_no_annotation() -> None:
    annotations = {names.SAVED_REPLICAS: "3", names.AWAKE_SINCE: "now", names.TITLE: "The shop"}
    found = manifests.workload(Kind.DEPLOYMENT, {"metadata": meta(annotations=annotations), "spec": {"template": {}}})
    assert found.annotations == {names.TITLE: "The shop"}
    assert found.notes == Notes(saved_replicas=3, awake_since=Unreadable("now"))


@pytest.mark.parametrize(
    ("metadata", "spec", "expected"),
    [
        ({}, {}, {"selector": {}, "ports": (), "protocols": (), "managed": False}),
        ({}, {"selector": None, "ports": None}, {"selector": {}, "ports": ()}),
        (
            {},
            {"selector": {"a": "b"}, "ports": [{"port": 80}]},
            {"selector": {"a": "b"}, "ports": (ServicePort("", 80),)},
        ),
        ({}, {"ports": [{"name": "http", "port": 80, "appProtocol": "https"}]}, {"protocols": ("https",)}),
        ({"labels": {names.MANAGED_BY: names.MANAGER}}, {}, {"managed": True}),
        ({"labels": {names.MANAGED_BY: "helm"}}, {}, {"managed": False}),
        ({"labels": None, "annotations": None}, {}, {"managed": False, "protocols": ()}),
        ({"annotations": {manifests.SCHEMES[0]: "https"}}, {}, {"protocols": ("https",)}),
        ({"annotations": {manifests.PROTOCOLS + "h2c": "80"}}, {}, {"protocols": ("h2c",)}),
        ({}, {"clusterIP": "10.96.0.7"}, {"cluster_ips": ("10.96.0.7",)}),
        (
            {},
            {"clusterIP": "fd00::7", "clusterIPs": ["fd00::7", "10.96.0.7"]},
            {"cluster_ips": ("fd00::7", "10.96.0.7")},
        ),
        ({}, {"clusterIP": "None", "clusterIPs": ["None"]}, {"cluster_ips": ()}),
        (
            {},
            {"type": "ExternalName", "externalName": "Shop.demo.svc.", "selector": {"a": "b"}},
            {"external": "shop.demo.svc", "selector": {}},
        ),
        ({}, {"type": "ClusterIP", "externalName": "left.behind", "selector": {"a": "b"}}, {"external": ""}),
        (
            {"annotations": {manifests.PROTOCOLS + "h2c": "grpc, 90"}},
            {"ports": [{"name": "http", "port": 80}, {"name": "grpc", "port": 81}, {"port": 90}]},
            {
                "ports": (
                    ServicePort("http", 80),
                    ServicePort("grpc", 81, protocol="h2c"),
                    ServicePort("", 90, protocol="h2c"),
                ),
                "protocols": ("h2c", "h2c"),
            },
        ),
    ],
)
def test_services(metadata: dict[str, Any], spec: dict[str, Any], expected: dict[str, Any]) -> None:
    service = manifests.service({"metadata": meta(**metadata), "spec": spec})
    assert {key: getattr(service, key) for key in expected} == expected


def backend(service: str, port: str | int) -> dict[str, Any]:
    """As it stands in an Ingress."""
    return {"service": {"name": service, "port": {"number" if isinstance(port, int) else "name": port}}}


def test_every_path_of_an_ingress_has_its_pointer() -> None:
    spec = {
        "defaultBackend": backend("fallback", 80),
        "rules": [
            {"host": "a.example"},
            {
                "host": "b.example",
                "http": {"paths": [{"pathType": "Prefix", "path": "/", "backend": backend("b", "http")}]},
            },
            {
                "http": {
                    "paths": [
                        {"backend": backend("c", 1)},
                        {"path": "/r", "pathType": "Exact", "backend": {"resource": {"kind": "Bucket", "name": "x"}}},
                    ]
                }
            },
        ],
    }
    ingress = ingress_object.parse({"metadata": META, "spec": spec})
    assert [(each.id, each.pointer, each.backend) for each in ingress.paths] == [
        (IngressRouteId("demo", "shop", "", "", ""), "/spec/defaultBackend", Backend("fallback", 80)),
        (
            IngressRouteId("demo", "shop", "b.example", "/", "Prefix"),
            "/spec/rules/1/http/paths/0/backend",
            Backend("b", "http"),
        ),
        (
            IngressRouteId("demo", "shop", "", "", "ImplementationSpecific"),
            "/spec/rules/2/http/paths/0/backend",
            Backend("c", 1),
        ),
        (IngressRouteId("demo", "shop", "", "/r", "Exact"), "/spec/rules/2/http/paths/1/backend", None),
    ]


@pytest.mark.parametrize(
    "spec", [{}, {"rules": None}, {"rules": [{"http": None}]}, {"rules": [{"http": {"paths": None}}]}]
)
def test_an_ingress_without_paths(spec: dict[str, Any]) -> None:
    assert ingress_object.parse({"metadata": META, "spec": spec}).paths == ()


@pytest.mark.parametrize(
    ("spec", "annotations", "class_name"),
    [
        ({}, {}, ""),
        ({"ingressClassName": "traefik"}, {}, "traefik"),
        ({}, {ingress_object.OLD_CLASS: "nginx"}, "nginx"),
        ({"ingressClassName": "traefik"}, {ingress_object.OLD_CLASS: "nginx"}, "traefik"),
    ],
)
def test_the_class_of_an_ingress(spec: dict[str, Any], annotations: dict[str, str], class_name: str) -> None:
    assert ingress_object.parse({"metadata": meta(annotations=annotations), "spec": spec}).class_name == class_name


def test_kubectl_s_copy_of_an_ingress_is_not_kept() -> None:
    annotations = {ingress_object.LAST_APPLIED: "a whole Ingress once more", "other": "x"}
    ingress = ingress_object.parse({"metadata": meta(annotations=annotations), "spec": {}})
    assert ingress.annotations == {ingress_object.LAST_APPLIED: "", "other": "x"}


def test_ingress_classes() -> None:
    default = {"annotations": {manifests.DEFAULT_CLASS: "true"}}
    assert manifests.ingress_class({"metadata": {"name": "t", **default}, "spec": {"controller": "c"}}) == IngressClass(
        "t", "c", default=True
    )
    assert manifests.ingress_class({"metadata": {"name": "t"}}) == IngressClass("t", "", default=False)
    by_helm = {"name": "t", "annotations": {"meta.helm.sh/release-namespace": "edge"}}
    assert manifests.ingress_class({"metadata": by_helm}).release_namespace == "edge"


READY = {"podIP": "10.0.0.1", "phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}


@pytest.mark.parametrize(
    ("metadata", "status", "ready"),
    [
        ({}, READY, True),
        ({}, {}, False),
        ({}, {**READY, "conditions": None}, False),
        ({}, {**READY, "conditions": [{"type": "Ready", "status": "False"}]}, False),
        ({}, {**READY, "phase": "Failed", "podIP": ""}, False),
        ({"deletionTimestamp": "2026-01-31T12:00:00Z"}, READY, False),
    ],
    ids=["ready", "new", "no conditions", "not ready", "failed", "on its way out"],
)
def test_pods(metadata: dict[str, Any], status: dict[str, Any], ready: bool) -> None:
    ports = [{"name": "web", "containerPort": 8000}, {"containerPort": 9}]
    containers = [{"ports": ports}, {}, {"ports": None}]
    pod = manifests.pod({"metadata": meta(**metadata), "spec": {"containers": containers}, "status": status})
    assert pod.ready is ready
    assert (pod.address, dict(pod.ports)) == (status.get("podIP", ""), {"web": 8000})


def test_a_pod_that_has_ended_has_no_address() -> None:
    ended = {**READY, "phase": "Failed"}
    assert manifests.pod({"metadata": meta(), "spec": {}, "status": ended}).address == ""


@pytest.mark.parametrize(
    ("spec", "on_node"),
    [
        ({}, False),
        ({"hostNetwork": True}, True),
        ({"containers": [{"ports": [{"containerPort": 80, "hostPort": 80}]}]}, True),
    ],
    ids=["in its own network", "in its node's network", "at a port of its node"],
)
def test_a_pod_at_its_nodes_own_address(spec: dict[str, Any], on_node: bool) -> None:
    assert manifests.pod({"metadata": meta(), "spec": spec}).on_node is on_node


def test_the_containers_of_a_pod() -> None:
    spec = {
        "containers": [
            {"name": "web", "ports": [{"name": "http", "containerPort": 80}, {"containerPort": 81}]},
            {"name": "side"},
            {"name": "new"},
        ]
    }
    statuses = [
        {"name": "side", "restartCount": 7, "state": {"waiting": {"reason": "CrashLoopBackOff"}}},
        {"name": "web", "restartCount": 1, "state": {"running": {}}},
    ]
    pod = manifests.pod({"metadata": meta(), "spec": spec, "status": {"containerStatuses": statuses}})
    web = Container(frozenset({"http", "80", "81"}), 1, running=True)
    assert pod.containers == (web, Container(restarts=7, running=False), Container())


def test_what_a_pod_was_started_with() -> None:
    environment = [
        {"name": "TRAEFIK_PROVIDERS_KUBERNETESINGRESSNGINX", "value": "true"},
        {"name": "HOME", "value": "/"},
    ]
    containers = [
        {"command": ["/nginx", "--Ingress-Class=edge"], "args": ["-v", "--watch", "--class", "a", "run"]},
        {"env": environment, "args": None},
    ]
    spec = {"containers": containers, "serviceAccountName": "nginx"}
    pod = manifests.pod({"metadata": meta(), "spec": spec, "status": {}})
    assert pod.service_account == "nginx"
    assert pod.arguments == {
        "ingress-class": "edge", "v": "true", "watch": "true", "class": "a", "providers.kubernetesingressnginx": "true",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("conditions", "counts"),
    [
        (None, True),
        ({}, True),
        ({"ready": True}, True),
        ({"ready": True, "serving": True, "terminating": False}, True),
        ({"ready": False}, False),
        ({"ready": False, "serving": True, "terminating": True}, False),
        ({"ready": True, "terminating": True}, False),
    ],
)
def test_endpoints(conditions: dict[str, bool] | None, counts: bool) -> None:
    found = {
        "endpoints": [{"addresses": ["10.0.0.1"], "conditions": conditions}],
        "ports": [{"name": "http", "port": 8080}, {"name": None, "port": 9}],
    }
    host = (Address("10.0.0.1", 8080),) if counts else ()
    other = (Address("10.0.0.1", 9),) if counts else ()
    assert manifests.endpoints(found) == {"http": host, "": other}


def test_a_slice_whose_port_has_no_number() -> None:
    """It is allowed, and leads nowhere that we could know."""
    found = {"endpoints": [{"addresses": ["10.0.0.1"]}], "ports": [{"name": "any"}, {"name": "http", "port": 8080}]}
    assert manifests.endpoints(found)["http"] == (Address("10.0.0.1", 8080),)
    assert not manifests.endpoints(found).get("any")


@pytest.mark.parametrize("found", [{}, {"endpoints": None, "ports": None}, {"endpoints": [], "ports": []}])
def test_an_empty_slice(found: dict[str, Any]) -> None:
    assert manifests.endpoints(found) == {}
