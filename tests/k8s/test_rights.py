"""waker may do no more than it needs, and each rule of its roles states its reason."""

import re
from typing import Any

import pytest

from tests.k8s.conftest import FOLDER, Manifest
from waker import names
from waker.plan import owned_objects

# Rights to these would let waker act as somebody else, read anything, or run programs.
NEVER = {"secrets", "serviceaccounts", "pods/exec", "pods/attach", "pods/portforward", "nodes", "roles", "clusterroles",
         "rolebindings", "clusterrolebindings", "pods/ephemeralcontainers", "endpointslices/restricted"}  # fmt: skip
VERBS = {"get", "list", "watch", "create", "patch", "delete"}

KINDS = pytest.mark.parametrize("kind", ["ClusterRole", "Role"])


@KINDS
def test_no_wildcard_and_no_dangerous_right(manifests: dict[str, Manifest], kind: str) -> None:
    for rule in manifests[kind]["rules"]:
        words = [*rule["apiGroups"], *rule["resources"], *rule["verbs"], *rule.get("resourceNames", [])]
        assert "*" not in words
        assert not NEVER & set(rule["resources"])
        assert set(rule["verbs"]) <= VERBS, "waker needs no update, deletecollection, impersonate, ..."
        assert "nonResourceURLs" not in rule


@KINDS
def test_each_rule_has_its_reason(manifests: dict[str, Manifest], kind: str) -> None:
    text = (FOLDER / {"ClusterRole": "cluster-role.yaml", "Role": "role.yaml"}[kind]).read_text()
    rules = re.findall(r"^  - apiGroups:", text, re.MULTILINE)
    reasons = re.findall(r"^  # Reason: .{20,}\n(?:  # .*\n)*  - apiGroups:", text, re.MULTILINE)
    assert len(reasons) == len(rules) == len(manifests[kind]["rules"])


@KINDS
def test_a_right_to_watch_comes_with_get_and_list(manifests: dict[str, Manifest], kind: str) -> None:
    for rule in manifests[kind]["rules"]:
        if "watch" in rule["verbs"]:
            assert {"get", "list", "watch"} <= set(rule["verbs"])


def allowed(rules: list[dict[str, Any]], verb: str, resource: str, name: str) -> bool:
    """Whether RBAC allows the verb on an object of that name."""
    return any(
        verb in rule["verbs"] and resource in rule["resources"] and name in rule.get("resourceNames", [name])
        for rule in rules
    )


@pytest.mark.parametrize(
    ("verb", "resource", "name", "expected"),
    [
        pytest.param("delete", "services", names.WAKER_SERVICE, True, id="its own Service"),
        pytest.param("delete", "services", "shop", False, id="nobody else's Service"),
        pytest.param("patch", "services", names.WAKER_SERVICE, True, id="the port of its own Service"),
        pytest.param("patch", "services", "shop", False, id="no change of another Service"),
        pytest.param("patch", "endpointslices", owned_objects.SLICE_NAMES[0], True, id="its own slice"),
        pytest.param("patch", "endpointslices", owned_objects.SLICE_NAMES[-1], True, id="the last of its own slices"),
        pytest.param("patch", "endpointslices", "shop-x1", False, id="nobody else's slice"),
        pytest.param("delete", "endpointslices", "shop-x1", False, id="no deletion of another slice"),
        pytest.param("delete", "ingresses", f"{names.KEEPER}-way-nginx", True, id="the keeper of any class"),
        pytest.param("delete", "deployments", "shop", False, id="no workload is deleted"),
        pytest.param("create", "deployments", "shop", False, id="no workload is created"),
        pytest.param("create", "pods", "shop", False, id="no pod is created"),
        pytest.param("create", "events", "", True, id="a new Event"),
        pytest.param("patch", "events", "shop.1a2b", True, id="the count of an Event"),
        pytest.param("delete", "events", "shop.1a2b", False, id="no Event is deleted"),
        pytest.param("get", "events", "shop.1a2b", False, id="no Event is read"),
        pytest.param("create", "tokenreviews", "", True, id="whose token a caller shows"),
        pytest.param("create", "subjectaccessreviews", "", True, id="what that caller may read"),
        pytest.param("create", "serviceaccounts/token", names.READER, False, id="no token is created"),
    ],
)
def test_cluster_rights(manifests: dict[str, Manifest], verb: str, resource: str, name: str, *, expected: bool) -> None:
    assert allowed(manifests["ClusterRole"]["rules"], verb, resource, name) is expected


@pytest.mark.parametrize(
    ("verb", "resource", "name", "expected"),
    [
        pytest.param("watch", "configmaps", names.CONFIG_MAP, True, id="its settings"),
        pytest.param("watch", "configmaps", "kube-root-ca.crt", False, id="no other ConfigMap"),
        pytest.param("patch", "configmaps", names.CONFIG_MAP, False, id="no change of its settings"),
        pytest.param("get", "configmaps", names.ACTIVITY, True, id="the recorded visits"),
        pytest.param("patch", "configmaps", names.ACTIVITY, True, id="an update of the recorded visits"),
        pytest.param("watch", "configmaps", names.ACTIVITY, False, id="no watch of the recorded visits"),
        pytest.param("watch", "configmaps", names.DOORS_MAP, True, id="the doors"),
        pytest.param("patch", "configmaps", names.DOORS_MAP, True, id="a new door"),
        pytest.param("create", "configmaps", names.DOORS_MAP, True, id="the doors, where they are lost"),
        pytest.param("delete", "configmaps", names.DOORS_MAP, False, id="no deletion of the doors"),
        pytest.param("patch", "leases", names.LEASE, True, id="its Lease"),
        pytest.param("patch", "leases", "another", False, id="no other Lease"),
    ],
)
def test_own_rights(manifests: dict[str, Manifest], verb: str, resource: str, name: str, *, expected: bool) -> None:
    assert allowed(manifests["Role"]["rules"], verb, resource, name) is expected


def test_the_reader_has_no_rights_and_gets_no_token_into_a_pod(manifests: dict[str, Manifest]) -> None:
    """That somebody may create its tokens is all that they prove; they must be worth nothing elsewhere."""
    reader = manifests[names.READER]
    assert reader["kind"] == "ServiceAccount"
    assert reader["metadata"]["namespace"] == manifests["ServiceAccount"]["metadata"]["namespace"]
    assert reader["automountServiceAccountToken"] is False
    bound = [each["name"] for kind in ("ClusterRoleBinding", "RoleBinding") for each in manifests[kind]["subjects"]]
    assert names.READER not in bound


@pytest.mark.parametrize(("binding", "role"), [("ClusterRoleBinding", "ClusterRole"), ("RoleBinding", "Role")])
def test_the_bindings_name_the_pods_service_account(manifests: dict[str, Manifest], binding: str, role: str) -> None:
    account = manifests["ServiceAccount"]["metadata"]
    assert manifests[binding]["roleRef"]["name"] == manifests[role]["metadata"]["name"]
    assert manifests[binding]["roleRef"]["kind"] == role
    subject = {"kind": "ServiceAccount", "name": account["name"], "namespace": account["namespace"]}
    assert manifests[binding]["subjects"] == [subject]
    assert manifests["Deployment"]["spec"]["template"]["spec"]["serviceAccountName"] == account["name"]
