"""What waker keeps in a namespace of apps: the recipe that every ingress controller reads, point by point."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest

from waker import names
from waker.plan import owned_objects
from waker.plan.owned_objects import DesiredObjects, DoorPort, OwnedSlice, unlisted

SHOP, API = DoorPort("d-shop", 20_000), DoorPort("d-api", 20_001, "kubernetes.io/ws")
ONE, TWO, SIX = "10.0.0.1", "10.0.0.2", "fd00::1"


def doors(count: int) -> tuple[DoorPort, ...]:
    return tuple(DoorPort(f"d-{i:013}", 20_000 + i) for i in range(count))


def arranged(
    wanted: Sequence[DoorPort], *hosts: str, failed: Mapping[str, Iterable[int]] | None = None, seen: Sequence[Any] = ()
) -> list[dict[str, Any]]:
    """The slices for these doors, at which all hosts listen but for those that failed."""
    numbers = frozenset(each.number for each in wanted)
    listening = {host: numbers - frozenset((failed or {}).get(host, ())) for host in hosts}
    before = [_as_seen(each) for each in seen]
    return owned_objects.slices(DesiredObjects(tuple(wanted), listening, ()), before)


def _as_seen(body: dict[str, Any]) -> OwnedSlice:
    ports = tuple((port["name"], port["port"]) for port in body["ports"])
    hosts = tuple(address for each in body["endpoints"] for address in each["addresses"])
    return OwnedSlice("demo", body["metadata"]["name"], "1", body["addressType"], ports, hosts)


def listed(bodies: Iterable[dict[str, Any]]) -> set[tuple[str, int]]:
    """Which pod is listed at which door."""
    return {
        (address, port["port"])
        for body in bodies
        for each in body["endpoints"]
        for address in each["addresses"]
        for port in body["ports"]
    }


def test_the_service_selects_nothing_and_its_ports_meet_the_slices() -> None:
    service, (piece,) = owned_objects.service([API, SHOP]), arranged([API, SHOP], ONE)
    assert "selector" not in service["spec"]
    assert [(port["name"], port["targetPort"]) for port in service["spec"]["ports"]] == [
        (port["name"], port["port"]) for port in piece["ports"]
    ]
    assert all(port["port"] == port["targetPort"] for port in service["spec"]["ports"])


def test_a_door_says_of_its_protocol_what_the_apps_own_port_says() -> None:
    """Some controllers choose by it how they speak to a backend."""
    shop, api = owned_objects.service([SHOP, API])["spec"]["ports"]
    assert "appProtocol" not in shop
    assert api["appProtocol"] == "kubernetes.io/ws"


def test_a_slice_is_found_by_its_name_and_its_label() -> None:
    (piece,) = arranged([SHOP], ONE)
    assert piece["metadata"]["name"].startswith(names.WAKER_SERVICE)
    assert piece["metadata"]["labels"]["kubernetes.io/service-name"] == names.WAKER_SERVICE
    assert piece["metadata"]["labels"]["endpointslice.kubernetes.io/managed-by"] == "kubesleeper"


def test_a_slice_has_one_address_an_endpoint_in_order_and_says_that_it_is_ready() -> None:
    (piece,) = arranged([SHOP], TWO, ONE)
    assert [each["addresses"] for each in piece["endpoints"]] == [[ONE], [TWO]]
    assert all(
        each["conditions"] == {"ready": True, "serving": True, "terminating": False} for each in piece["endpoints"]
    )


def test_each_address_family_has_slices_of_its_own() -> None:
    """An EndpointSlice has one address type; a pod of a dual-stack cluster has an address of each."""
    four, six = arranged([SHOP, API], ONE, SIX)
    assert (four["addressType"], six["addressType"]) == ("IPv4", "IPv6")
    assert listed([six]) == {(SIX, 20_000), (SIX, 20_001)}


@pytest.mark.parametrize(("count", "slices"), [(1, 1), (100, 1), (101, 2), (150, 2), (1000, 10)])
def test_a_slice_has_at_most_a_hundred_ports(count: int, slices: int) -> None:
    bodies = arranged(doors(count), ONE, TWO)
    assert len(bodies) == slices
    assert max(len(body["ports"]) for body in bodies) <= 100
    assert len(listed(bodies)) == 2 * count


def test_a_door_stays_in_its_slice() -> None:
    """Else a controller would for a moment see it in two slices, or in none."""
    before = arranged(doors(250), ONE)
    after = arranged([*doors(40), *doors(300)[160:]], ONE, seen=before)
    where = {port["port"]: body["metadata"]["name"] for body in before for port in body["ports"]}
    moved = [
        port["port"]
        for body in after
        for port in body["ports"]
        if where.get(port["port"], body["metadata"]["name"]) != body["metadata"]["name"]
    ]
    assert moved == []


def test_a_door_that_one_pod_could_not_open_is_listed_without_that_pod_and_alone() -> None:
    before = arranged(doors(3), ONE, TWO)
    after = arranged(doors(3), ONE, TWO, failed={TWO: [20_001]}, seen=before)
    assert listed(after) == listed(before) - {(TWO, 20_001)}
    assert after[0]["metadata"]["name"] == before[0]["metadata"]["name"]


def test_a_door_that_no_pod_could_open_is_in_no_slice() -> None:
    assert {port for _, port in listed(arranged(doors(2), ONE, failed={ONE: [20_001]}))} == {20_000}


def test_what_is_not_listed_yet() -> None:
    (piece,) = arranged([SHOP, API], ONE, TWO)
    ports = [(each.name, each.number) for each in (SHOP, API)]
    assert unlisted([SHOP, API], {ONE, TWO}, ports, [_as_seen(piece)]) == frozenset()
    assert unlisted([SHOP, API], {ONE, TWO, "10.0.0.3"}, ports, [_as_seen(piece)]) == {20_000, 20_001}
    assert unlisted([SHOP, API], {ONE}, ports[:1], [_as_seen(piece)]) == {20_001}, "not in the Service"
    assert unlisted([SHOP], (), ports, [_as_seen(piece)]) == {20_000}, "nobody knows waker's own pods"
