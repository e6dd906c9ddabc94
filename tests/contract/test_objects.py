"""Single objects: their metadata, and what is refused."""

from typing import Any

import pytest

from .client import Client


def config(name: str, **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": labels}, "data": {"k": "v"}}


async def test_a_new_object_has_metadata(api: Client) -> None:
    made = await api.create("configmaps", config("a", x="1"))
    metadata = made.body["metadata"]
    assert (made.status, made.body["kind"], made.body["apiVersion"]) == (201, "ConfigMap", "v1")
    assert metadata["uid"]
    assert metadata["creationTimestamp"].endswith("Z")
    assert (metadata["namespace"], metadata["labels"], "generation" in metadata) == (api.namespace, {"x": "1"}, False)
    assert (await api.get("configmaps/a")).version == made.version


async def test_a_name_can_be_generated(api: Client) -> None:
    made = await api.create("configmaps", {"metadata": {"generateName": "g-"}})
    assert made.status == 201
    assert made.body["metadata"]["name"].startswith("g-")
    assert len(made.body["metadata"]["name"]) == len("g-") + 5


@pytest.mark.parametrize(
    ("method", "target", "body", "refusal"),
    [
        pytest.param("GET", "configmaps/none", None, (404, "NotFound"), id="get nothing"),
        pytest.param("DELETE", "configmaps/none", None, (404, "NotFound"), id="delete nothing"),
        pytest.param("PUT", "configmaps/none", {"metadata": {"name": "none"}}, (404, "NotFound"), id="put nothing"),
        pytest.param("POST", "configmaps", {"metadata": {"name": "a"}}, (409, "AlreadyExists"), id="name is taken"),
        pytest.param("POST", "configmaps", {"metadata": {}}, (422, "Invalid"), id="no name"),
        pytest.param("POST", "configmaps", {"metadata": {"name": "A_b"}}, (422, "Invalid"), id="bad name"),
        pytest.param("POST", "configmaps", [1], (400, "BadRequest"), id="no object"),
        pytest.param("PUT", "configmaps/a", {"metadata": {"name": "b"}}, (400, "BadRequest"), id="another name"),
        pytest.param("POST", "configmaps/a", {}, (405, "MethodNotAllowed"), id="post to an object"),
        pytest.param("PATCH", "configmaps/a", [], (415, "UnsupportedMediaType"), id="patch of no type"),
        pytest.param("GET", "/api/v1/nonsense", None, (404, "NotFound"), id="no such kind"),
        pytest.param("GET", "/apis/apps/v1/nonsense", None, (404, "NotFound"), id="no such kind in a group"),
        pytest.param(
            "POST",
            "/api/v1/namespaces/none/configmaps",
            {"metadata": {"name": "a"}},
            (404, "NotFound"),
            id="no namespace",
        ),
        pytest.param(
            "PUT",
            "configmaps/a",
            {"metadata": {"name": "a", "resourceVersion": "1"}},
            (409, "Conflict"),
            id="put of an old version",
        ),
        pytest.param(
            "PUT",
            "configmaps/a",
            {"metadata": {"name": "a", "uid": "other"}},
            (409, "Conflict"),
            id="put of another uid",
        ),
        pytest.param(
            "DELETE", "configmaps/a", {"preconditions": {"resourceVersion": "1"}}, (409, "Conflict"), id="delete if old"
        ),
        pytest.param(
            "DELETE", "configmaps/a", {"preconditions": {"uid": "1"}}, (409, "Conflict"), id="delete if other"
        ),
    ],
)
async def test_refused(api: Client, method: str, target: str, body: Any, refusal: tuple[int, str]) -> None:
    before = await api.create("configmaps", config("a"))
    response = await api.request(method, target, body)
    assert response.refusal == refusal
    assert (response.body["kind"], response.body["status"], response.body["code"]) == ("Status", "Failure", refusal[0])
    assert (await api.get("configmaps/a")).body == before.body


async def test_a_refusal_names_the_object(api: Client) -> None:
    response = await api.get("deployments/none")
    assert response.body["message"] == 'deployments.apps "none" not found'
    assert response.body["details"] == {"name": "none", "group": "apps", "kind": "deployments"}


async def test_put_without_a_version_always_succeeds(api: Client) -> None:
    first = await api.create("configmaps", config("a", x="1"))
    second = await api.replace("configmaps/a", {"metadata": {"name": "a"}, "data": {"k": "w"}})
    assert (second.status, second.body["data"]) == (200, {"k": "w"})
    assert "labels" not in second.body["metadata"]
    assert second.body["metadata"]["uid"] == first.body["metadata"]["uid"]
    assert int(second.version) > int(first.version)


async def test_put_with_the_version_read(api: Client) -> None:
    read = (await api.create("configmaps", config("a"))).body
    assert (await api.replace("configmaps/a", read | {"data": {"k": "1"}})).status == 200
    assert (await api.replace("configmaps/a", read | {"data": {"k": "2"}})).refusal == (409, "Conflict")


async def test_delete(api: Client) -> None:
    made = await api.create("configmaps", config("a"))
    gone = await api.delete("configmaps/a")
    assert (gone.status, gone.body["status"]) == (200, "Success")
    assert gone.body["details"] == {"name": "a", "kind": "configmaps", "uid": made.body["metadata"]["uid"]}
    assert (await api.get("configmaps/a")).status == 404
    again = await api.create("configmaps", config("a"))
    assert again.body["metadata"]["uid"] != made.body["metadata"]["uid"]


async def test_a_collection_is_deleted_by_label(api: Client) -> None:
    for name in ("a", "b", "c"):
        await api.create("configmaps", config(name, keep="yes" if name == "b" else "no"))
    assert (await api.delete("configmaps", labelSelector="keep=no")).status == 200
    left = [name for name in (await api.get("configmaps")).names if name != "kube-root-ca.crt"]
    assert left == ["b"]


def paths(*names: str) -> dict[str, Any]:
    entries = [
        {"path": f"/{name}", "pathType": "Prefix", "backend": {"service": {"name": name, "port": {"number": 80}}}}
        for name in names
    ]
    return {"rules": [{"host": "a.example", "http": {"paths": entries}}]}


CHANGES: dict[str, list[Any]] = {
    "a Deployment's annotation": ["deployments", {"metadata": {"annotations": {"a": "1"}}}, 1],
    "a Deployment's label": ["deployments", {"metadata": {"labels": {"a": "1"}}}, 0],
    "a Deployment's replicas": ["deployments", {"spec": {"paused": True, "minReadySeconds": 1}}, 1],
    "a StatefulSet's annotation": ["statefulsets", {"metadata": {"annotations": {"a": "1"}}}, 0],
    "an Ingress's annotation": ["ingresses", {"metadata": {"annotations": {"a": "1"}}}, 0],
    "an Ingress's paths": ["ingresses", {"spec": paths("b")}, 1],
    "a slice's label": ["endpointslices", {"metadata": {"labels": {"a": "1"}}}, 1],
    "a slice's annotation": ["endpointslices", {"metadata": {"annotations": {"a": "1"}}}, 0],
    "a slice's endpoints": ["endpointslices", {"endpoints": [{"addresses": ["10.1.1.2"]}]}, 1],
    "nothing": ["deployments", {"spec": {"replicas": 0}}, 0],
    "a status, which is not a client's to write": ["deployments", {"status": {"replicas": 7}}, 0],
}


@pytest.mark.parametrize(("plural", "patch", "moves"), CHANGES.values(), ids=CHANGES)
async def test_generation(api: Client, plural: str, patch: dict[str, Any], moves: int) -> None:
    template = {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"name": "c", "image": "fake"}]}}
    workload = {"replicas": 0, "selector": {"matchLabels": {"app": "a"}}, "template": template}
    bodies: dict[str, Any] = {
        "deployments": {"spec": workload | {"paused": True}},  # so that the controller leaves its annotations alone
        "statefulsets": {"spec": workload | {"serviceName": "a"}},
        "ingresses": {"spec": paths("a")},
        "endpointslices": {"addressType": "IPv4", "ports": [{"port": 80}], "endpoints": [{"addresses": ["10.1.1.1"]}]},
    }
    made = await api.create(plural, bodies[plural] | {"metadata": {"name": "a"}})
    assert (made.status, made.body["metadata"]["generation"]) == (201, 1)
    changed = await api.merge(f"{plural}/a", patch)
    assert (changed.status, changed.body["metadata"]["generation"]) == (200, 1 + moves)


@pytest.mark.parametrize(
    ("plural", "spec"),
    [
        pytest.param("deployments", {"replicas": 1}, id="no selector"),
        pytest.param(
            "deployments",
            {
                "selector": {"matchLabels": {"app": "a"}},
                "template": {
                    "metadata": {"labels": {"app": "b"}},
                    "spec": {"containers": [{"name": "c", "image": "fake"}]},
                },
            },
            id="selects another",
        ),
        pytest.param(
            "ingresses",
            {
                "rules": [
                    {
                        "http": {
                            "paths": [
                                {
                                    "path": "x",
                                    "pathType": "Prefix",
                                    "backend": {"service": {"name": "a", "port": {"number": 80}}},
                                }
                            ]
                        }
                    }
                ]
            },
            id="relative path",
        ),
    ],
)
async def test_invalid(api: Client, plural: str, spec: dict[str, Any]) -> None:
    assert (await api.create(plural, {"metadata": {"name": "a"}, "spec": spec})).refusal == (422, "Invalid")


async def test_defaults_that_readers_rely_on(api: Client) -> None:
    service = await api.create("services", {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}})
    assert service.body["spec"]["ports"] == [{"port": 80, "protocol": "TCP", "targetPort": 80}]
    endpoint_slice = await api.create(
        "endpointslices",
        {
            "metadata": {"name": "s-1"},
            "addressType": "IPv4",
            "ports": [{"port": 80}],
            "endpoints": [{"addresses": ["10.1.1.1"]}],
        },
    )
    assert endpoint_slice.body["ports"] == [{"name": "", "protocol": "TCP", "port": 80}]
    assert endpoint_slice.body["endpoints"] == [{"addresses": ["10.1.1.1"], "conditions": {}}]


async def test_a_deleted_namespace_deletes_its_objects(api: Client) -> None:
    await api.create("namespaces", {"metadata": {"name": f"{api.namespace}-b"}})
    other = Client(api.session, f"{api.namespace}-b")
    await other.create("configmaps", config("a"))
    async with other.watch("configmaps", resourceVersion=(await other.get("configmaps")).version) as watch:
        assert (await other.delete(f"namespaces/{other.namespace}")).status == 200
        gone = [await watch.next()]
        while gone[-1][1]["metadata"]["name"] != "a":
            gone.append(await watch.next())
    assert {kind for kind, _ in gone} <= {"DELETED", "ADDED"}
    assert gone[-1][0] == "DELETED"
