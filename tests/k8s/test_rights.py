"""What waker may do is as little as it needs, and each rule says why it is there."""

import re
from typing import Any

import pytest

from tests.k8s.conftest import FOLDER, Manifest
from waker import names
from waker.plan import owned_objects
from waker.plan.routes.keeper import keeper_name

# Whoever may do this can become anybody, read anything, or run programs.
NEVER = {"secrets", "serviceaccounts", "pods/exec", "pods/attach", "pods/portforward", "nodes", "roles", "clusterroles",
         "rolebindings", "clusterrolebindings", "pods/ephemeralcontainers", "endpointslices/restricted"}  # fmt: skip
VERBS = {"get", "list", "watch", "create", "patch", "delete"}

KINDS = pytest.mark.parametrize("kind", ["ClusterRole", "Role"])


@KINDS
def test_no_wildcard_and_nothing_dangerous(manifests: dict[str, Manifest], kind: str) -> None:
    for rule in manifests[kind]["rules"]:
        words = [*rule["apiGroups"], *rule["resources"], *rule["verbs"], *rule.get("resourceNames", [])]
        assert "*" not in words
        assert not NEVER & set(rule["resources"])
        assert set(rule["verbs"]) <= VERBS, "update, deletecollection, impersonate, ...: waker has no use for them"
        assert "nonResourceURLs" not in rule


@KINDS
def test_each_rule_has_its_reason(manifests: dict[str, Manifest], kind: str) -> None:
    text = (FOLDER / {"ClusterRole": "cluster-role.yaml", "Role": "role.yaml"}[kind]).read_text()
    rules = re.findall(r"^  - apiGroups:", text, re.MULTILINE)
    reasons = re.findall(r"^  # Reason: .{20,}\n(?:  # .*\n)*  - apiGroups:", text, re.MULTILINE)
    assert len(reasons) == len(rules) == len(manifests[kind]["rules"])


@KINDS
def test_who_may_list_may_read(manifests: dict[str, Manifest], kind: str) -> None:
    for rule in manifests[kind]["rules"]:
        if "list" in rule["verbs"]:
            assert {"get", "list", "watch"} <= set(rule["verbs"])


def allowed(rules: list[dict[str, Any]], verb: str, resource: str, name: str) -> bool:
    """Whether RBAC would let an object of that name through."""
    return any(
        verb in rule["verbs"] and resource in rule["resources"] and name in rule.get("resourceNames", [name])
        for rule in rules
    )


@pytest.mark.parametrize(
    ("verb", "resource", "name", "expected"),
    [
        pytest.param("delete", "services", names.WAKER_SERVICE, True, id="its own Service"),
        pytest.param("delete", "services", "shop", False, id="nobody else's Service"),
        pytest.param("patch", "services", names.WAKER_SERVICE, True, id="its own Service follows its port"),
        pytest.param("patch", "services", "shop", False, id="nobody else's Service is changed"),
        pytest.param("patch", "endpointslices", owned_objects.SLICE, True, id="its own slice"),
        pytest.param("patch", "endpointslices", "shop-x1", False, id="nobody else's slice"),
        pytest.param("delete", "endpointslices", "shop-x1", False, id="nor is it deleted"),
        pytest.param("delete", "ingresses", keeper_name("nginx"), True, id="the keeper of any class"),
        pytest.param("delete", "deployments", "shop", False, id="no workload is deleted"),
        pytest.param("create", "deployments", "shop", False, id="nor made"),
        pytest.param("create", "pods", "shop", False, id="no pod is started"),
    ],
)
def test_cluster_rights(manifests: dict[str, Manifest], verb: str, resource: str, name: str, *, expected: bool) -> None:
    assert allowed(manifests["ClusterRole"]["rules"], verb, resource, name) is expected


@pytest.mark.parametrize(
    ("verb", "resource", "name", "expected"),
    [
        pytest.param("watch", "configmaps", names.CONFIG_MAP, True, id="its settings"),
        pytest.param("watch", "configmaps", "kube-root-ca.crt", False, id="nothing else that is configured"),
        pytest.param("patch", "configmaps", names.CONFIG_MAP, False, id="its settings are its user's"),
        pytest.param("get", "configmaps", names.ACTIVITY, True, id="what was written about visits"),
        pytest.param("patch", "configmaps", names.ACTIVITY, True, id="and it is written"),
        pytest.param("watch", "configmaps", names.ACTIVITY, False, id="but not followed"),
        pytest.param("create", "configmaps", names.ACTIVITY, False, id="nor made: the manifests do"),
        pytest.param("patch", "leases", names.LEASE, True, id="its Lease"),
        pytest.param("patch", "leases", "another", False, id="no other Lease"),
    ],
)
def test_own_rights(manifests: dict[str, Manifest], verb: str, resource: str, name: str, *, expected: bool) -> None:
    assert allowed(manifests["Role"]["rules"], verb, resource, name) is expected


@pytest.mark.parametrize(("binding", "role"), [("ClusterRoleBinding", "ClusterRole"), ("RoleBinding", "Role")])
def test_the_rights_are_the_pods(manifests: dict[str, Manifest], binding: str, role: str) -> None:
    account = manifests["ServiceAccount"]["metadata"]
    assert manifests[binding]["roleRef"]["name"] == manifests[role]["metadata"]["name"]
    assert manifests[binding]["roleRef"]["kind"] == role
    subject = {"kind": "ServiceAccount", "name": account["name"], "namespace": account["namespace"]}
    assert manifests[binding]["subjects"] == [subject]
    assert manifests["Deployment"]["spec"]["template"]["spec"]["serviceAccountName"] == account["name"]
