"""What waker keeps in a namespace of apps: the recipe that every ingress controller reads, point by point."""

import pytest

from tests.plan.neighbours import WAKER
from waker import names
from waker.plan import owned_objects
from waker.plan.model import Address
from waker.plan.routes.keeper import keeper
from waker.plan.routes.route import Backend

ADDRESSES = (Address("10.0.0.2", 8080), Address("10.0.0.1", 8080))


def test_the_service_selects_nothing_and_its_port_meets_the_slices() -> None:
    service, piece = owned_objects.service(8080), owned_objects.endpoint_slice(ADDRESSES)
    port = service["spec"]["ports"][0]
    assert "selector" not in service["spec"]
    assert (port["name"], port["targetPort"]) == (piece["ports"][0]["name"], piece["ports"][0]["port"])
    assert port["name"] == "http"
    assert port["port"] != 443


def test_the_slice_is_found_by_its_name_and_its_label() -> None:
    piece = owned_objects.endpoint_slice(ADDRESSES)
    assert piece["metadata"]["name"].startswith(names.WAKER_SERVICE)
    assert piece["metadata"]["labels"]["kubernetes.io/service-name"] == names.WAKER_SERVICE
    assert piece["metadata"]["labels"]["endpointslice.kubernetes.io/managed-by"] == "kubesleeper"


def test_the_slice_has_one_address_an_endpoint_in_order_and_says_that_it_is_ready() -> None:
    endpoints = owned_objects.endpoint_slice(ADDRESSES)["endpoints"]
    assert [each["addresses"] for each in endpoints] == [["10.0.0.1"], ["10.0.0.2"]]
    assert all(each["conditions"] == {"ready": True, "serving": True, "terminating": False} for each in endpoints)


def test_the_order_of_pods_does_not_change_the_slice() -> None:
    assert owned_objects.endpoint_slice(ADDRESSES) == owned_objects.endpoint_slice(reversed(ADDRESSES))


@pytest.mark.parametrize(("host", "family"), [("10.0.0.1", "IPv4"), ("fd00::1", "IPv6")])
def test_the_family_of_its_addresses(host: str, family: str) -> None:
    assert owned_objects.endpoint_slice([Address(host, 8080)])["addressType"] == family


def test_the_keeper_names_waker_and_every_app_under_a_host_that_nobody_has() -> None:
    found = keeper("demo", "nginx", {Backend("shop", "http"), Backend("api", 80)})
    (rule,) = found["spec"]["rules"]
    backends = [path["backend"]["service"] for path in rule["http"]["paths"]]
    assert rule["host"] == "demo.kubesleeper.invalid"
    assert backends[0] == {"name": WAKER.service, "port": {"name": "http"}}
    assert backends[1:] == [{"name": "api", "port": {"number": 80}}, {"name": "shop", "port": {"name": "http"}}]
    assert len({path["path"] for path in rule["http"]["paths"]}) == 3
    assert found["spec"]["ingressClassName"] == "nginx"


def test_others_are_asked_to_leave_the_keeper_alone() -> None:
    annotations = keeper("demo", "nginx", ())["metadata"]["annotations"]
    assert annotations["external-dns.alpha.kubernetes.io/controller"] == "kubesleeper"
    assert annotations["nginx.ingress.kubernetes.io/ssl-redirect"] == "false"
    assert not any("cert-manager" in key for key in annotations)


def test_a_cluster_without_classes_has_a_keeper_without_class() -> None:
    found = keeper("demo", "", ())
    assert "ingressClassName" not in found["spec"]
    assert found["metadata"]["name"] == "kubesleeper-keeper-default"
