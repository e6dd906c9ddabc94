"""NetworkPolicies as they are written: which stand between a pod and a port of another."""

from typing import Any

import pytest

from waker.checks.policies import NetworkWay, PolicyPeer, in_the_way

WAKER = PolicyPeer("waker", "kubesleeper", {"app": "waker"}, {"team": "ops"}, "10.0.0.7", {"metrics": 9090})
PROXY = PolicyPeer("proxy", "edge", {"app": "proxy", "tier": "front"}, {"team": "net"}, "10.0.1.8", {"stats": 9100})
IN = NetworkWay(PROXY, WAKER, 20_000)
OUT = NetworkWay(WAKER, PROXY, 9100)


def policy(namespace: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"name": "p", "namespace": namespace}, "spec": {"podSelector": {}, **spec}}


def inwards(namespace: str, rule: dict[str, Any] | None = None) -> dict[str, Any]:
    return policy(namespace, {"policyTypes": ["Ingress"], "ingress": [] if rule is None else [rule]})


def outwards(rule: dict[str, Any] | None = None) -> dict[str, Any]:
    return policy("kubesleeper", {"policyTypes": ["Egress"], "egress": [] if rule is None else [rule]})


OPS = {"namespaceSelector": {"matchLabels": {"team": "net"}}}
FRONT = {"podSelector": {"matchExpressions": [{"key": "tier", "operator": "In", "values": ["front"]}]}}
NOT_FRONT = {"podSelector": {"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["front"]}]}}
UNTIERED = {"podSelector": {"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}}
TIERED = {"podSelector": {"matchExpressions": [{"key": "tier", "operator": "Exists"}]}}
BLOCK = {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.0.1.0/24"]}}


@pytest.mark.parametrize(
    ("policies", "way", "passes"),
    [
        pytest.param([], IN, True, id="no policy"),
        pytest.param([inwards("kubesleeper")], IN, False, id="nothing may come in"),
        pytest.param([inwards("edge")], IN, True, id="another namespace's policy"),
        pytest.param([inwards("kubesleeper")], OUT, True, id="the other direction"),
        pytest.param([outwards()], OUT, False, id="nothing may go out"),
        pytest.param([inwards("edge")], OUT, False, id="nothing may come in at the controller"),
        pytest.param([policy("kubesleeper", {"egress": []})], OUT, False, id="an egress section is a type"),
        pytest.param([policy("kubesleeper", {})], IN, False, id="without types it is for what comes in"),
        pytest.param([inwards("kubesleeper"), inwards("kubesleeper", {})], IN, True, id="policies add up"),
        pytest.param([inwards("kubesleeper", {"from": [OPS]})], IN, True, id="its namespace"),
        pytest.param([inwards("kubesleeper", {"from": [OPS | FRONT]})], IN, True, id="its namespace and its labels"),
        pytest.param([inwards("kubesleeper", {"from": [OPS | NOT_FRONT]})], IN, False, id="other labels there"),
        pytest.param([inwards("kubesleeper", {"from": [OPS | TIERED]})], IN, True, id="a label is there"),
        pytest.param([inwards("kubesleeper", {"from": [OPS | UNTIERED]})], IN, False, id="a label is not there"),
        pytest.param(
            [inwards("kubesleeper", {"from": [FRONT]})], IN, False, id="labels mean the policy's own namespace"
        ),
        pytest.param([inwards("kubesleeper", {"from": [BLOCK]})], IN, False, id="an excepted address"),
        pytest.param([outwards({"to": [BLOCK]})], OUT, False, id="likewise outwards"),
        pytest.param(
            [inwards("kubesleeper", {"ports": [{"port": 20_000, "endPort": 29_999}]})], IN, True, id="a range"
        ),
        pytest.param([inwards("kubesleeper", {"ports": [{"port": 8080}]})], IN, False, id="another port"),
        pytest.param([inwards("kubesleeper", {"ports": [{"protocol": "UDP", "port": 20_000}]})], IN, False, id="UDP"),
        pytest.param([inwards("kubesleeper", {"ports": [{"protocol": "TCP"}]})], IN, True, id="all ports"),
        pytest.param([inwards("edge", {"ports": [{"port": "stats"}]})], OUT, True, id="a port by its name"),
        pytest.param([inwards("edge", {"ports": [{"port": "web"}]})], OUT, False, id="another name"),
    ],
)
def test_what_is_in_the_way(policies: list[dict[str, Any]], way: NetworkWay, passes: bool) -> None:
    assert (in_the_way(policies, way) == []) is passes
