"""Do NetworkPolicies stand between waker and the ingress controllers, as they are written?

For ways that nobody has tried: a probe of the running service proves more. Pure but for the listing. The rules are those of
networking.k8s.io/v1: a pod that some policy selects for a direction gets only what some policy admits.
"""

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import ip_address, ip_network
from typing import Any, Final, NamedTuple

from waker.checks.findings import CheckLine, ok, problem
from waker.explain.amounts import counted

SUBJECT: Final = "network"
INGRESS: Final = "Ingress"
EGRESS: Final = "Egress"

Json = Mapping[str, Any]


class PolicyPeer(NamedTuple):
    """A pod as policies see it. `name` is for people."""

    name: str
    namespace: str
    labels: Mapping[str, str]
    namespace_labels: Mapping[str, str]
    address: str
    ports: Mapping[str, int]  # by name


class NetworkWay(NamedTuple):
    """From one pod to a port of another."""

    source: PolicyPeer
    target: PolicyPeer
    port: int


def line(policies: Sequence[Json], ways: Iterable[NetworkWay]) -> list[CheckLine]:
    """A line for each policy in the way; else one that there is none."""
    tried = list(ways)
    found: dict[tuple[str, str], CheckLine] = {}
    for way in tried:
        for each in in_the_way(policies, way):
            name, namespace = each["metadata"]["name"], each["metadata"]["namespace"]
            text = f"NetworkPolicy {namespace}/{name} keeps {way.source.name} from port {way.port} of {way.target.name}"
            found.setdefault(
                (namespace, name), problem(SUBJECT, text, f"kubectl -n {namespace} edit networkpolicy {name}")
            )
    between = f"{counted(len(tried), 'way')} between waker and controllers"
    return list(found.values()) or [ok(SUBJECT, f"of {between} none is cut by a NetworkPolicy, as they are written")]


def in_the_way(policies: Sequence[Json], way: NetworkWay) -> list[Json]:
    """Those that keep the source from this port; none if it gets there."""
    outwards = _refusing(policies, way.source, way.target, way, EGRESS)
    return outwards or _refusing(policies, way.target, way.source, way, INGRESS)


def _refusing(policies: Sequence[Json], pod: PolicyPeer, peer: PolicyPeer, way: NetworkWay, kind: str) -> list[Json]:
    selecting = [each for each in policies if _selects(each, pod, kind)]
    admitted = any(_admits(each, peer, way, kind) for each in selecting)
    return [] if admitted else selecting


def _selects(policy: Json, pod: PolicyPeer, kind: str) -> bool:
    spec = policy["spec"]
    types = spec.get("policyTypes") or [INGRESS, *([EGRESS] if "egress" in spec else [])]
    inside = policy["metadata"]["namespace"] == pod.namespace
    return kind in types and inside and _matches(spec.get("podSelector") or {}, pod.labels)


def _admits(policy: Json, peer: PolicyPeer, way: NetworkWay, kind: str) -> bool:
    rules = policy["spec"].get(kind.lower()) or []
    peers = "from" if kind == INGRESS else "to"
    own = policy["metadata"]["namespace"]
    return any(_has_port(rule.get("ports"), way) and _has_peer(rule.get(peers), peer, own) for rule in rules)


def _has_port(ports: Iterable[Json] | None, way: NetworkWay) -> bool:
    return not ports or any(_is_port(each, way) for each in ports)


def _is_port(found: Json, way: NetworkWay) -> bool:
    if found.get("protocol", "TCP") != "TCP":
        return False
    first = found.get("port")
    if first is None:
        return True
    if isinstance(first, str):
        return way.target.ports.get(first) == way.port
    return bool(first <= way.port <= found.get("endPort", first))


def _has_peer(peers: Iterable[Json] | None, peer: PolicyPeer, own: str) -> bool:
    return not peers or any(_is_peer(each, peer, own) for each in peers)


def _is_peer(found: Json, peer: PolicyPeer, own: str) -> bool:
    block = found.get("ipBlock")
    if block:
        address = ip_address(peer.address)
        return address in ip_network(block["cidr"]) and not any(
            address in ip_network(each) for each in block.get("except") or ()
        )
    spaces = found.get("namespaceSelector")
    there = peer.namespace == own if spaces is None else _matches(spaces, peer.namespace_labels)
    return there and _matches(found.get("podSelector") or {}, peer.labels)


def _matches(selector: Json, labels: Mapping[str, str]) -> bool:
    exact = selector.get("matchLabels") or {}
    return all(labels.get(key) == value for key, value in exact.items()) and all(
        _holds(each, labels) for each in selector.get("matchExpressions") or ()
    )


def _holds(found: Json, labels: Mapping[str, str]) -> bool:
    value, values = labels.get(found["key"]), found.get("values") or ()
    match found["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
    return value is None
