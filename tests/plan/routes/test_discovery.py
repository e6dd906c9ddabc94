"""Who leads where, and what stands against moving it."""

from dataclasses import replace

import pytest

from tests.plan.building import NOW
from tests.plan.neighbours import NGINX, TRAEFIK, WAKER, ingress, path_id, service, stateful, workload
from waker import names
from waker.plan.model import AppId, IngressClass, Service, ServicePort, Workload
from waker.plan.notes import Notes
from waker.plan.routes.discovery import Discovery, NamespaceObjects, discover
from waker.plan.routes.ingress_object import Ingress, IngressPath, IngressRouteId, parse, write_saved
from waker.plan.routes.kinds import KINDS, kind_of
from waker.plan.routes.route import Backend, Holder, Original, is_astray

SHOP, API = Backend("shop", "http"), Backend("api", "http")
TWO_PROTOCOLS = service(
    ports=(ServicePort("http", 80), ServicePort("grpc", 9000, protocol="kubernetes.io/h2c")),
    protocols=("kubernetes.io/h2c",),
)


def look(
    *ingresses: Ingress,
    of: Workload | None = None,
    services: tuple[Service, ...] = (service("shop"), service("api")),
    others: tuple[Workload, ...] = (),
) -> Discovery:
    """Discover the routes of the shop."""
    return discover(of or workload(), NamespaceObjects(services, ingresses, [TRAEFIK, NGINX], lambda _: others))


def test_a_route_knows_its_door_and_where_it_leads() -> None:
    def door(app: AppId, backend: Backend) -> int:
        return {("shop", SHOP): 20_000}.get((app.name, backend), 0)

    held = ingress(("/", Backend(names.WAKER_SERVICE, 20_001)), annotations=remembering(("/", SHOP)))
    (route,) = discover(workload(), NamespaceObjects((service("shop"),), [held], [TRAEFIK], lambda _: (), door)).routes
    assert (route.door, route.leads_to, is_astray(route)) == (20_000, 20_001, True)


def remembering(*entries: tuple[str, Backend], swaps: int = 1) -> dict[str, str]:
    """The annotation of an Ingress some of whose paths were pointed at waker."""
    kept = [Original(path_id(path), backend, NOW, swaps) for path, backend in entries]
    return {names.SAVED_BACKENDS: write_saved(kept)}


def paths(count: int, name: str = "front") -> Ingress:
    """An Ingress with so many routes to the shop."""
    return ingress(*((f"/{number}", SHOP) for number in range(count)), name=name)


def where(found: Discovery) -> list[tuple[str, str, Holder]]:
    return [(each.id.object.name, kind_of(each.id).address(each.id).path, each.holder) for each in found.routes]


# --- finding ----------------------------------------------------------------------------------------------------------


def test_its_routes_are_those_to_services_that_select_its_pods() -> None:
    found = look(ingress(("/", SHOP), ("/api", API)), ingress(("/shop", SHOP), name="www"))
    assert where(found) == [("front", "/", Holder.APP), ("www", "/shop", Holder.APP)]
    assert [each.name for each in found.services] == ["shop"]
    assert found.problems == ()


def test_a_route_knows_its_controller_and_its_place() -> None:
    found = ingress(("/api", API), ("/", SHOP), class_name="nginx")
    (route,) = look(found).routes
    assert (route.controller, route.id) == ("k8s.io/ingress-nginx", found.paths[1].id)


def test_the_default_backend_is_a_route() -> None:
    default = IngressPath(IngressRouteId("demo", "front", "", "", ""), "/spec/defaultBackend", SHOP)
    (route,) = look(Ingress("demo", "front", "1", "7", "", {}, (default,), {})).routes
    assert str(route.id) == "front: default backend"


def test_a_statefulset_is_found_like_a_deployment() -> None:
    assert where(look(ingress(("/", SHOP)), of=stateful("shop"))) == [("front", "/", Holder.APP)]


def test_a_route_that_leads_to_waker_counts_by_what_it_was() -> None:
    found = look(ingress(("/", WAKER), ("/api", WAKER), annotations=remembering(("/", SHOP), ("/api", API), swaps=2)))
    (route,) = found.routes
    assert (route.holder, route.backend, route.swaps, route.swapped_at) == (Holder.WAKER, SHOP, 2, NOW)
    assert found.orphans == ()


def test_a_route_that_somebody_pointed_back_remembers_its_swaps() -> None:
    found = look(ingress(("/", SHOP), annotations=remembering(("/", SHOP), swaps=2)))
    (route,) = found.routes
    assert (route.holder, route.swaps, route.swapped_at) == (Holder.APP, 2, NOW)
    assert found.orphans == ()


@pytest.mark.parametrize(
    ("now", "leads"),
    [
        pytest.param([("/", WAKER)], [("front", "/", Holder.WAKER)], id="its path was removed"),
        pytest.param(
            [("/", WAKER), ("/old", API)], [("front", "/", Holder.WAKER)], id="its path was given to another Service"
        ),
        pytest.param(
            [("/", WAKER), ("/old", Backend("shop", 80))],
            [("front", "/", Holder.WAKER), ("front", "/old", Holder.APP)],
            id="its path was given another port",
        ),
    ],
)
def test_a_saved_entry_that_holds_nothing_any_more_is_an_orphan(
    now: list[tuple[str, Backend]], leads: list[tuple[str, str, Holder]]
) -> None:
    found = look(ingress(*now, annotations=remembering(("/", SHOP), ("/old", SHOP))))
    assert (where(found), found.orphans) == (leads, (path_id("/old"),))


def test_entries_of_other_apps_are_not_ours_to_judge() -> None:
    found = look(ingress(("/", SHOP), annotations=remembering(("/api", API))))
    assert found.orphans == ()


def test_overrides_narrow_what_is_found() -> None:
    front, www = ingress(("/", SHOP)), ingress(("/", SHOP), ("/v2", Backend("shop-v2", "http")), name="www")
    services = (service("shop"), service("shop-v2", selects="shop"))
    by_ingress = look(front, www, of=workload(ingress="www"), services=services)
    by_service = look(front, www, of=workload(service="shop-v2"), services=services)
    assert where(by_ingress) == [("www", "/", Holder.APP), ("www", "/v2", Holder.APP)]
    assert where(by_service) == [("www", "/v2", Holder.APP)]


def test_the_keeper_is_nobodys_route() -> None:
    found = look(ingress(("/shop/http", SHOP), name="kubesleeper-keeper-way-nginx", managed=True))
    assert found.routes == ()


@pytest.mark.parametrize(("name", "managed"), [("kubesleeper-keeper-mine", None), ("mine", "kubesleeper")])
def test_an_ingress_that_only_looks_like_a_keeper_is_a_users(name: str, managed: str | None) -> None:
    """Neither a name nor a label alone hides a route from waker."""
    labels = {names.MANAGED_BY: managed} if managed else {}
    meta = {"name": name, "namespace": "demo", "uid": "1", "resourceVersion": "1", "labels": labels}
    assert not parse({"metadata": meta}).managed


@pytest.mark.parametrize(
    ("class_name", "classes", "controller"),
    [
        pytest.param("nginx", [TRAEFIK, NGINX], NGINX.controller, id="by its name"),
        pytest.param("", [TRAEFIK, NGINX], TRAEFIK.controller, id="the default one"),
        pytest.param("", [NGINX], "", id="no default one"),
        pytest.param("", [TRAEFIK, NGINX._replace(default=True)], "", id="two default ones"),
        pytest.param("gone", [TRAEFIK], "", id="no such class"),
    ],
)
def test_which_controller_follows_an_ingress(class_name: str, classes: list[IngressClass], controller: str) -> None:
    assert KINDS["Ingress"].controller(ingress(class_name=class_name), classes) == controller


# --- refusing ---------------------------------------------------------------------------------------------------------

TOO_MANY = "more than 500 routes lead to its pods, and waker moves no more than that for one app"
PROTOCOL = "nginx.ingress.kubernetes.io/backend-protocol"
PASSTHROUGH = "nginx.ingress.kubernetes.io/ssl-passthrough"
CANARY = "nginx.ingress.kubernetes.io/canary"


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        pytest.param(look(services=()), "no Service selects its pods", id="no Service"),
        pytest.param(look(services=(service("api"),)), "no Service selects its pods", id="a Service of another"),
        pytest.param(look(), "no Ingress names its Service shop", id="no Ingress"),
        pytest.param(look(ingress(("/", API))), "no Ingress names its Service shop", id="an Ingress of another"),
        pytest.param(look(ingress(("/", None))), "no Ingress names its Service shop", id="a resource backend"),
        pytest.param(
            look(services=(service("shop"), service("shop-v2", selects="shop"))),
            "no Ingress names its Services shop, shop-v2",
            id="no Ingress, and two Services",
        ),
        pytest.param(
            look(ingress(("/", API)), of=workload(ingress="front")),
            "kubesleeper.io/ingress: front does not name its Service shop",
            id="an override names an Ingress of another",
        ),
        pytest.param(
            look(of=workload(service="out"), services=(service("out", selector={}, external="api.example.org"),)),
            "kubesleeper.io/service: Service out is an ExternalName for api.example.org, and selects no pods",
            id="an override names an ExternalName",
        ),
        pytest.param(
            look(ingress(("/", SHOP), annotations={PASSTHROUGH: "true"})),
            f"Ingress front has {PASSTHROUGH}: true, and the controller passes TLS through, so waker could not answer",
            id="TLS is handed through",
        ),
        pytest.param(
            look(ingress(("/", SHOP), annotations={PROTOCOL: "GRPC"})),
            f"Ingress front has {PROTOCOL}: GRPC, and waker speaks plain HTTP/1.1 only",
            id="gRPC, says the Ingress",
        ),
        pytest.param(
            look(ingress(("/", SHOP), annotations={CANARY: "true"})),
            f"Ingress front has {CANARY}: true, and a canary shares its paths with another Ingress, and only both could move",
            id="a canary",
        ),
        pytest.param(
            look(ingress(("/", SHOP)), services=(service(protocols=("kubernetes.io/h2c",)),)),
            "Service shop speaks kubernetes.io/h2c, and waker speaks plain HTTP/1.1 only",
            id="HTTP/2, says the Service",
        ),
        pytest.param(
            look(ingress(("/", SHOP), ("/rpc", Backend("shop", 9000))), services=(TWO_PROTOCOLS,)),
            "Service shop speaks kubernetes.io/h2c, and waker speaks plain HTTP/1.1 only",
            id="HTTP/2 at one of two routed ports",
        ),
        pytest.param(
            look(ingress(("/", SHOP)), services=(replace(TWO_PROTOCOLS, protocols=("kubernetes.io/h2c", "https")),)),
            "Service shop speaks https, and waker speaks plain HTTP/1.1 only",
            id="HTTPS at all ports, and another speaks HTTP/2",
        ),
        pytest.param(
            look(ingress(("/", SHOP)), others=(stateful("cache"),)),
            "Service shop also selects the pods of StatefulSet cache",
            id="pods of two workloads",
        ),
        pytest.param(
            look(ingress(("/", SHOP)), others=tuple(map(stateful, "edcba"))),
            "Service shop also selects the pods of StatefulSet c, StatefulSet d, StatefulSet e and others",
            id="pods of six workloads",
        ),
        pytest.param(look(paths(501)), TOO_MANY, id="one route too many"),
        pytest.param(look(paths(300), paths(300, "www")), TOO_MANY, id="too many routes in two Ingresses"),
        pytest.param(
            look(ingress(("/", Backend("shop", "web")))),
            "front: shop.example.org/ names port 'web', which Service shop does not have",
            id="no such port",
        ),
        pytest.param(
            look(ingress(("/", SHOP), ("/", SHOP))), "front: shop.example.org/ is there twice", id="a path twice"
        ),
        pytest.param(
            look(ingress(("/", SHOP)), of=workload(ingress="front,gone")),
            "kubesleeper.io/ingress: there is no Ingress 'gone' in this namespace",
            id="an override names no Ingress",
        ),
        pytest.param(
            look(ingress(("/", SHOP)), of=workload(service="shop,gone")),
            "kubesleeper.io/service: there is no Service 'gone' in this namespace",
            id="an override names no Service",
        ),
        pytest.param(
            look(ingress(("/", SHOP)), of=workload(service="shop,api")),
            "kubesleeper.io/service: Service api does not select this workload's pods",
            id="an override names another's Service",
        ),
    ],
)
def test_what_cannot_be_moved_is_refused_with_a_sentence(found: Discovery, problem: str) -> None:
    assert found.problems == (problem,)


def test_of_too_many_routes_only_those_that_lead_to_waker_are_known_so_that_they_are_given_back() -> None:
    many = [(f"/{number}", SHOP) for number in range(600)]
    saved = remembering(("/held", SHOP), ("/0", SHOP))
    found = look(ingress(*many, ("/held", WAKER), annotations=saved))
    assert where(found) == [("front", "/held", Holder.WAKER)]
    assert (found.problems, found.orphans) == ((TOO_MANY,), (path_id("/0"),))


def test_originals_that_cannot_be_read_are_told() -> None:
    found = look(ingress(("/", SHOP), annotations={names.SAVED_BACKENDS: "{"}))
    assert found.problems[0].startswith("the saved backends of Ingress demo/front cannot be read")


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(look(ingress(("/", SHOP), annotations={PROTOCOL: "HTTP"})), id="HTTP, says the Ingress"),
        pytest.param(look(ingress(("/", SHOP), annotations={PASSTHROUGH: "false"})), id="TLS is not handed through"),
        pytest.param(look(ingress(("/", SHOP), annotations={CANARY: "F"})), id="no canary, as Go reads it"),
        pytest.param(look(ingress(("/", SHOP)), services=(service(protocols=("http",)),)), id="HTTP, says the Service"),
        pytest.param(
            look(ingress(("/", SHOP)), services=(service(protocols=("kubernetes.io/ws",)),)), id="WebSocket is HTTP/1.1"
        ),
        pytest.param(look(ingress(("/", SHOP)), services=(TWO_PROTOCOLS,)), id="another port speaks gRPC"),
        pytest.param(look(ingress(("/", Backend("shop", 80)))), id="a port by its number"),
        pytest.param(look(ingress(("/", SHOP), ("/more", SHOP))), id="two paths"),
        pytest.param(look(paths(500)), id="as many routes as can be moved"),
        pytest.param(look(ingress(("/", SHOP)), others=(workload(),)), id="itself among its neighbours"),
        pytest.param(look(ingress(("/", SHOP)), others=(workload("shop-old", 0),)), id="a neighbour with other labels"),
    ],
)
def test_what_can_be_moved(found: Discovery) -> None:
    assert found.problems == ()


def test_a_neighbour_without_pods_does_not_matter_unless_it_sleeps() -> None:
    old = Workload(workload("old").id, "2", "7", 0, {"app": "shop"}, {})
    sleeping = Workload(workload("old").id, "2", "7", 0, {"app": "shop"}, {}, Notes(saved_replicas=1))
    assert look(ingress(("/", SHOP)), others=(old,)).problems == ()
    assert look(ingress(("/", SHOP)), others=(sleeping,)).problems


def test_a_service_without_selector_selects_nothing() -> None:
    everything = service("shop", selector={})
    assert look(ingress(("/", SHOP)), services=(everything,)).routes == ()


def test_a_nameless_port_is_found_by_its_number_only() -> None:
    nameless = service("shop", ports=(ServicePort("", 80),))
    assert look(ingress(("/", Backend("shop", 80))), services=(nameless,)).problems == ()
    assert look(ingress(("/", SHOP)), services=(nameless,)).problems
