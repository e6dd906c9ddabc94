"""Law: no annotation of an app, and no object of KubeSleeper's, changes how another app, or an awake one, is treated.

That is, how it is routed, balanced or protected.

Each row of the table is an app with annotations of its own, behind a keeper that is older than it. What the controller has
configured for it is compared with the same app in a namespace in which KubeSleeper does nothing: while all are awake, while
all others sleep, and after they have woken.
"""

import time
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import pytest

from tests.e2e import apps, configured, intruder, load
from tests.e2e.apps import StageApp
from tests.e2e.bed import needs_bed
from tests.e2e.cluster import Json, until
from tests.e2e.load import Who
from tests.e2e.scene import SETTLED, Scene, every_controller
from waker import names

NGINX = "nginx.ingress.kubernetes.io"
TRAEFIK = "traefik.ingress.kubernetes.io"
CONTOUR = "projectcontour.io"
GATHERED: Final = 150.0  # seconds; a keeper that has changed often is changed once a minute
PLAIN: Final = "plain"
NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class Row(NamedTuple):
    """An app's annotations: on its Ingress, and on its Service."""

    name: str
    ingress: Mapping[str, str] = NOTHING
    service: Mapping[str, str] = NOTHING


def nginx(name: str, **said: str) -> Row:
    return Row(name, {f"{NGINX}/{key.replace('_', '-')}": value for key, value in said.items()})


TABLE: Final = {
    "nginx": (
        Row(PLAIN),
        nginx("hashed", upstream_hash_by="$request_uri"),
        nginx(
            "hashed-subset",
            upstream_hash_by="$host",
            upstream_hash_by_subset="true",
            upstream_hash_by_subset_size="3",
        ),
        nginx("ewma", load_balance="ewma"),
        nginx("by-address", service_upstream="true"),
        nginx("sticky", affinity="cookie", affinity_mode="persistent", session_cookie_name="stuck"),
        nginx("retried", proxy_next_upstream="error timeout http_502", proxy_next_upstream_tries="2"),
        nginx("patient", proxy_read_timeout="77", proxy_body_size="7m"),
        nginx("mirrored", mirror_target="http://10.0.0.1/"),
        nginx("guarded", auth_url="http://10.0.0.1/"),
        nginx("listed", whitelist_source_range="192.0.2.0/24"),
    ),
    "traefik": (
        Row(PLAIN),
        Row(
            "sticky",
            service={
                f"{TRAEFIK}/service.sticky.cookie": "true",
                f"{TRAEFIK}/service.sticky.cookie.name": "stuck",
            },
        ),
        Row("by-address", service={f"{TRAEFIK}/service.nativelb": "true"}),
        Row("other-host", service={f"{TRAEFIK}/service.passhostheader": "false"}),
        Row("first", {f"{TRAEFIK}/router.priority": "77"}),
        Row("guarded", {f"{TRAEFIK}/router.middlewares": "auth-login@kubernetescrd"}),
    ),
    "contour": (
        Row(PLAIN),
        Row("patient", {f"{CONTOUR}/response-timeout": "77s"}),
        Row(
            "retried", {f"{CONTOUR}/retry-on": "5xx", f"{CONTOUR}/num-retries": "2", f"{CONTOUR}/per-try-timeout": "1s"}
        ),
        Row("sockets", {f"{CONTOUR}/websocket-routes": "/"}),
        Row("narrow", service={f"{CONTOUR}/max-connections": "7", f"{CONTOUR}/max-retries": "1"}),
    ),
}

pytestmark = needs_bed("asks controllers from inside their pods")


@pytest.fixture
def control(scene: Scene) -> Iterator[str]:
    """A namespace in which KubeSleeper does nothing. Its name is as long: some controllers go by the length of a host."""
    name = f"{scene.namespace[:-1]}{scene.controller.ingress_class[0]}"
    scene.api.create_namespace(name)
    yield name
    scene.api.delete_namespace(name)


def app_of(scene: Scene, row: Row, namespace: str, **annotations: str) -> StageApp:
    return StageApp(namespace, row.name, scene.controller.ingress_class, replicas=2, fake=True, annotations=annotations)


def create(scene: Scene, app: StageApp, row: Row) -> None:
    workload, service, ingress = apps.objects(app)
    service["metadata"]["annotations"] = dict(row.service)
    ingress["metadata"]["annotations"] = dict(row.ingress)
    scene.create(workload, service, ingress)


@every_controller
def test_the_law(scene: Scene, control: str) -> None:
    """The name is short, for it names the namespaces: Contour makes hashes of what is too long for Envoy."""
    configured.prepare(scene.api, scene.controller)
    rows = TABLE[scene.controller.ingress_class]
    older = app_of(scene, Row("older"), scene.namespace)
    create(scene, older, Row("older"))
    until("there is a keeper", lambda: kept(scene) >= {older.name}, GATHERED)
    time.sleep(1.1)  # an object's age is known in seconds
    mine = {row.name: app_of(scene, row, scene.namespace) for row in rows}
    theirs = {row.name: app_of(scene, row, control, **{names.ENABLED: "false"}) for row in rows}
    for row in rows:
        create(scene, mine[row.name], row)
        create(scene, theirs[row.name], row)
    until("keepers lead to all of them", lambda: kept(scene) >= mine.keys(), GATHERED)
    same_as_without(scene, mine, theirs)

    plain = mine.pop(PLAIN)
    for app in (older, *mine.values()):
        scene.pin(app, "asleep")
    scene.asleep(older, *mine.values(), within=GATHERED)
    same_as_without(scene, {PLAIN: plain}, theirs)
    for name, app in mine.items():
        pages = [scene.knock(app) for _ in range(3)]
        # A controller that cannot ask who may come in, or lets nobody in, answers by itself.
        assert {intruder.whose(each, *mine.values()) for each in pages} <= {name, intruder.NOBODY}, pages

    for app in (older, *mine.values()):
        scene.pin(app, "awake")
    scene.awake(older, *mine.values(), within=GATHERED)
    same_as_without(scene, {PLAIN: plain} | mine, theirs)


def same_as_without(scene: Scene, mine: Mapping[str, StageApp], theirs: Mapping[str, StageApp]) -> None:
    """What the controller has configured for each app is what it has where KubeSleeper does nothing."""
    differs: dict[str, Any] = {}

    def same() -> bool:
        found = {name: difference(scene, app, theirs[name]) for name, app in mine.items()}
        differs.clear()
        differs.update({name: each for name, each in found.items() if each})
        return not differs

    try:
        until("all is configured as without KubeSleeper", same, SETTLED, every=1)
    except AssertionError as error:
        raise AssertionError(f"{error}: {differs}") from None


def difference(scene: Scene, one: StageApp, other: StageApp) -> dict[str, Any]:
    """Where the two differ."""
    mine, theirs = (
        configured.configured(scene.api, scene.controller, each.namespace, each.name, each.host)
        for each in (one, other)
    )
    if not all(theirs.values()):
        return {"not known yet": theirs}
    return {key: (mine[key], theirs[key]) for key in mine if mine[key] != theirs[key]}


def kept(scene: Scene) -> set[str]:
    """The Services that keepers lead to."""
    keepers: list[Json] = scene.api.list("Ingress", scene.namespace, f"{names.MANAGED_BY}%3D{names.MANAGER}")
    return {service for each in keepers for service in apps.backends(each).values()}


@pytest.mark.parametrize("controller", [pytest.param("nginx", id="nginx")], indirect=True)
def test_an_app_that_hashes_is_hashed_behind_an_older_keeper(scene: Scene) -> None:
    """Also after it has slept."""
    scene.sleep(scene.app("older"))
    app = scene.app("shop", replicas=3)
    scene.api.patch(
        "Ingress", app.namespace, "shop", {"metadata": {"annotations": {f"{NGINX}/upstream-hash-by": "$uri"}}}
    )
    until("each path has a pod of its own", lambda: hashed(scene, app, "/{page}?{number}"), SETTLED)
    assert not hashed(scene, app, "/{number}?{page}"), "a pod for all paths is no hash"
    scene.sleep(app)
    scene.visit(app)
    scene.awake(app)
    until("each path has a pod of its own again", lambda: hashed(scene, app, "/{page}?{number}"), SETTLED)


def hashed(scene: Scene, app: StageApp, path: str) -> bool:
    """Whether requests of one page meet one pod, whatever the number, and some pages meet different ones."""
    pods = [{pod_of(scene, app, path.format(page=page, number=number)) for number in range(5)} for page in "abcdef"]
    return all(len(each) == 1 for each in pods) and len(set.union(*pods)) > 1


def pod_of(scene: Scene, app: StageApp, path: str) -> str:
    """The name of the pod that answers."""
    answer = load.ask_now(scene.address, load.curl(app.host, app.name, path))
    return answer.body.split()[1] if answer.who is Who.APP else ""
