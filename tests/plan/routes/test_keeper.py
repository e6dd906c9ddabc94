"""The keepers: where they lead, and that nobody but waker can know how to get in."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.plan.building import NOW
from tests.plan.neighbours import WAKER, ingress, path_id
from waker import names
from waker.plan.doors import DoorBook, DoorKey, book_of
from waker.plan.model import AppId, Kind
from waker.plan.routes.ingress_object import Ingress, parse, write_saved
from waker.plan.routes.keeper import (
    NEWER,
    ClassesSeen,
    is_current,
    keepers,
    lacks_newer_path,
    moving,
    newer_target,
    upstream_settings,
    way_target,
)
from waker.plan.routes.route import Backend, HttpTarget, Original

BOOK = book_of("1", {"secret": "0123456789abcdef" * 2})
SHOP = DoorKey(AppId(Kind.DEPLOYMENT, "demo", "shop"), Backend("shop", "http"))
API = DoorKey(AppId(Kind.DEPLOYMENT, "demo", "api"), Backend("api", 80))
DOORS = {SHOP: 20_000, API: 20_001}
NGINX = {"nginx": "k8s.io/ingress-nginx"}


def made(ingress_class: str = "nginx", served_by: dict[str, str] = NGINX, book: DoorBook = BOOK) -> list[Any]:
    return list(keepers("demo", {ingress_class: DOORS}, book, ClassesSeen(served_by)))


def backends(keeper: Any) -> list[Any]:
    return [path["backend"]["service"] for path in keeper["spec"]["rules"][0]["http"]["paths"]]


def test_the_way_leads_to_each_door_and_the_upstreams_to_each_backend() -> None:
    way, upstreams = made()
    waker = [{"name": "kubesleeper-waker", "port": {"number": number}} for number in (20_000, 20_001)]
    apps = [{"name": "shop", "port": {"name": "http"}}, {"name": "api", "port": {"number": 80}}]
    assert sorted(map(str, backends(way))) == sorted(map(str, waker))
    assert sorted(map(str, backends(upstreams))) == sorted(map(str, apps))


def test_hosts_and_paths_cannot_be_guessed_and_match_exactly() -> None:
    way, upstreams = made()
    hosts = {each["spec"]["rules"][0]["host"] for each in (way, upstreams)}
    paths = [path for each in (way, upstreams) for path in each["spec"]["rules"][0]["http"]["paths"]]
    assert len(hosts) == 2
    assert all(len(host) == len("0" * 32 + ".kubesleeper.invalid") for host in hosts)
    assert len({path["path"] for path in paths}) == 4
    assert all(path["pathType"] == "Exact" and len(path["path"]) == 33 for path in paths)
    words = json.dumps([hosts_and_paths for each in (way, upstreams) for hosts_and_paths in each["spec"]["rules"]])
    other = json.dumps([each["spec"]["rules"] for each in made(book=book_of("1", {"secret": "f" * 32}))])
    assert not {word for word in words.split('"') if len(word) > 30} & set(other.split('"')), "another secret"


def test_the_way_is_the_one_that_waker_asks_for() -> None:
    way, _ = made()
    (rule,) = way["spec"]["rules"]
    target = way_target(BOOK, "demo", "nginx", SHOP)
    assert target.host == rule["host"]
    assert {
        path["backend"]["service"]["port"]["number"] for path in rule["http"]["paths"] if path["path"] == target.path
    } == {20_000}


def test_the_controllers_own_login_is_asked_for_before_an_app() -> None:
    """Only waker answers at the way, so only there the login that a controller asks for everywhere is taken away."""
    way, upstreams = (each["metadata"]["annotations"] for each in made())
    assert way["nginx.ingress.kubernetes.io/enable-global-auth"] == "false"
    assert not any(key.startswith("nginx.ingress") for key in upstreams)


def test_others_are_asked_to_leave_keepers_alone() -> None:
    for each in made():
        assert each["metadata"]["annotations"]["external-dns.alpha.kubernetes.io/controller"] == "kubesleeper"
        assert not any("cert-manager" in key for key in each["metadata"]["annotations"])


@pytest.mark.parametrize(
    ("ingress_class", "served_by", "spec", "annotation"),
    [
        pytest.param("nginx", NGINX, "nginx", None, id="an IngressClass"),
        pytest.param("", NGINX, None, None, id="none: the default class of the controller"),
        pytest.param("nginx", {}, None, "nginx", id="the old annotation's, without an IngressClass"),
        pytest.param("My Nginx!", {}, None, "My Nginx!", id="the old annotation's, any text"),
        pytest.param("x" * 200, {"x" * 200: "k8s.io/ingress-nginx"}, "x" * 200, None, id="a long name"),
    ],
)
def test_the_class_of_a_keeper(
    ingress_class: str, served_by: dict[str, str], spec: str | None, annotation: str | None
) -> None:
    for each in made(ingress_class, served_by):
        assert each["spec"].get("ingressClassName") == spec
        assert each["metadata"]["annotations"].get("kubernetes.io/ingress.class") == annotation
        assert len(each["metadata"]["name"]) <= 100
        assert set(each["metadata"]["name"]) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


def test_a_keeper_is_current_whatever_the_order_of_its_paths() -> None:
    for wanted in made():
        seen = json.loads(json.dumps(wanted))
        seen["metadata"] |= {"namespace": "demo", "uid": "1", "resourceVersion": "1"}
        seen["spec"]["rules"][0]["http"]["paths"].reverse()
        assert is_current(parse(seen), wanted)
        del seen["spec"]["rules"][0]["http"]["paths"][0]
        assert not is_current(parse(seen), wanted)


NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def newer(*moved_at: datetime, app: AppId = SHOP.app) -> HttpTarget:
    return newer_target(BOOK, "demo", "nginx", app, moved_at)


def way_with(*targets: HttpTarget, door: int = 20_000) -> Any:
    """The way while these newer paths are asked for."""
    way, _ = keepers("demo", {"nginx": DOORS}, BOOK, ClassesSeen(NGINX), dict.fromkeys(targets, door))
    return json.loads(
        json.dumps(way | {"metadata": way["metadata"] | {"namespace": "demo", "uid": "1", "resourceVersion": "1"}})
    )


def test_a_newer_path_is_of_one_app_and_one_move() -> None:
    later = NOON + timedelta(seconds=1)
    targets = [newer(NOON), newer(later), newer(NOON, later), newer(NOON, app=API.app)]
    assert len(set(targets)) == 4
    assert newer(NOON, later) == newer(later, NOON, NOON), "whatever the order of the routes"
    assert {len(each.path) for each in targets} == {len(NEWER) + 32}


def test_a_newer_path_is_on_the_way_of_its_class_and_leads_to_the_door() -> None:
    way = way_with(newer(NOON), newer_target(BOOK, "demo", "other", SHOP.app, [NOON]))
    paths = {each["path"]: each["backend"]["service"] for each in way["spec"]["rules"][0]["http"]["paths"]}
    assert paths[newer(NOON).path] == {"name": "kubesleeper-waker", "port": {"number": 20_000}}
    assert sum(path.startswith(NEWER) for path in paths) == 1
    assert way["spec"]["rules"][0]["host"] == newer(NOON).host


def test_newer_paths_are_written_at_once_and_taken_away_when_something_else_changes() -> None:
    """ingress-nginx reloads for each change."""
    before, now, later = way_with(), way_with(newer(NOON)), way_with(newer(NOON + timedelta(seconds=1)))
    assert lacks_newer_path(parse(before), now)
    assert not is_current(parse(before), now)
    assert not lacks_newer_path(parse(now), now)
    assert is_current(parse(now), before), "it may stay for now"
    assert lacks_newer_path(parse(now), later)
    assert lacks_newer_path(parse(now), way_with(newer(NOON), door=20_001)), "its app has another door"
    assert newer(NOON).path not in json.dumps(later)


# --- what ingress-nginx takes from the oldest Ingress that names a backend --------------------------------------------

HASH = {"nginx.ingress.kubernetes.io/upstream-hash-by": "$request_uri"}
EWMA = {"nginx.ingress.kubernetes.io/load-balance": "ewma"}
BACKEND = Backend("shop", "http")
HELD = {names.SAVED_BACKENDS: write_saved([Original(path_id("/", "b"), BACKEND, NOW, 1)])}


def old(name: str, made_at: int, said: dict[str, str], backend: Backend = BACKEND) -> Ingress:
    return replace(ingress(("/", backend), name=name, annotations=said), made_at=made_at)


@pytest.mark.parametrize(
    ("around", "settings"),
    [
        pytest.param([], {}, id="no Ingress"),
        pytest.param([old("a", 1, {})], {}, id="no settings"),
        pytest.param([old("a", 1, HASH)], HASH, id="its own"),
        pytest.param([old("a", 1, HASH | {"nginx.ingress.kubernetes.io/auth-url": "x"})], HASH, id="of its routes"),
        pytest.param([old("a", 2, HASH), old("b", 1, EWMA)], EWMA, id="the oldest one's"),
        pytest.param([old("a", 2, HASH), old("b", 1, {})], {}, id="the oldest one has none"),
        pytest.param([old("a", 1, HASH), old("b", 1, EWMA)], EWMA, id="of two as old, the last by its name"),
        pytest.param([old("a", 2, HASH), old("b", 1, EWMA, Backend("shop", 80))], HASH, id="for another port"),
        pytest.param(
            [old("a", 2, HASH), old("b", 1, EWMA | HELD, WAKER)], EWMA, id="the oldest one leads to waker at the moment"
        ),
    ],
)
def test_the_settings_of_a_backend_are_those_that_it_had_without_a_keeper(
    around: list[Ingress], settings: dict[str, str]
) -> None:
    assert dict(upstream_settings(BACKEND, around)) == settings


def test_there_is_a_keeper_for_each_set_of_settings() -> None:
    said = {SHOP.backend: tuple(HASH.items())}
    _, *upstreams = keepers(
        "demo", {"nginx": DOORS}, BOOK, ClassesSeen(NGINX, lambda _, backend: said.get(backend, ()))
    )
    found = {each["metadata"]["name"]: each for each in upstreams}
    plain = found.pop("kubesleeper-keeper-upstreams-nginx")
    ((name, hashed),) = found.items()
    assert [each["name"] for each in backends(plain)] == ["api"]
    assert [each["name"] for each in backends(hashed)] == ["shop"]
    assert hashed["metadata"]["annotations"].items() >= HASH.items()
    assert not plain["metadata"]["annotations"].keys() & HASH.keys()
    assert name.startswith("kubesleeper-keeper-upstreams-nginx-")
    _, *alone = keepers("demo", {"nginx": {SHOP: 20_000}}, BOOK, ClassesSeen(NGINX, lambda *_: tuple(HASH.items())))
    assert [each["metadata"]["name"] for each in alone] == [name], "an Ingress without paths is none"


def test_between_which_keepers_a_path_goes() -> None:
    _, before = made()
    said = {SHOP.backend: tuple(HASH.items())}
    after = keepers("demo", {"nginx": DOORS}, BOOK, ClassesSeen(NGINX, lambda _, backend: said.get(backend, ())))
    seen = parse(before | {"metadata": before["metadata"] | {"namespace": "demo", "uid": "1", "resourceVersion": "1"}})
    names_after = {each["metadata"]["name"] for each in after}
    assert moving([seen], after) == {seen.name, *(each for each in names_after if each.startswith(f"{seen.name}-"))}
    assert moving([seen], made()) == set()
    assert moving([], after) == set()
