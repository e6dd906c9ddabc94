"""Who serves a class besides its own controller: whose arguments say so, and whose account shows that it is no stranger's."""

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from waker.errors import Unavailable
from waker.observe import class_claims
from waker.observe.class_claims import ClassClaims
from waker.plan.model import IngressClass, Pod
from waker.settings.configmap import Live
from waker.settings.ingress_class import ClassSettings
from waker.traffic.controllers import INGRESS_NGINX, TRAEFIK, Selector
from waker.traffic.controllers.configured import configured_adapters, configured_classes
from waker.traffic.controllers.pod_namespaces import DeclaredNamespaces, declared_namespaces

CLASS = IngressClass("nginx", INGRESS_NGINX.controller, default=False)
OLD = Pod("ingress-nginx", "old", "old", "10.0.0.1", True, {}, service_account="nginx", arguments={"watch": "true"})
NEW = replace(
    OLD, namespace="traefik", name="new", uid="new", service_account="traefik",
    arguments={"providers.kubernetesingressnginx": "true"},
)  # fmt: skip


@dataclass
class LabelledPods:
    """Stands for the informers of pods, and for the API server that knows their accounts."""

    by_selector: dict[Selector, list[Pod]] = field(default_factory=dict)
    strangers: set[str] = field(default_factory=set)  # namespaces
    broken: bool = False
    asked: list[str] = field(default_factory=list)
    changes: int = 0
    reported: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.on_change: Any = None
        self.synced = asyncio.Event()
        self.synced.set()
        self.claims = ClassClaims(self, self._may_serve, self._changed, self.reported.append)  # type: ignore[arg-type]

    def informer(self, _selector: Selector, _tasks: asyncio.TaskGroup) -> "LabelledPods":
        return self

    def labelled(self, selectors: tuple[Selector, ...]) -> list[Pod]:
        return [pod for each in selectors for pod in self.by_selector.get(each, [])]

    def _changed(self) -> None:
        self.changes += 1

    async def _may_serve(self, namespace: str, account: str) -> bool:
        self.asked.append(f"{namespace}/{account}")
        if self.broken:
            raise Unavailable("the API server does not answer")
        return namespace not in self.strangers

    def put(self, nginx: list[Pod], traefik: list[Pod]) -> None:
        self.by_selector = {INGRESS_NGINX.selectors[0]: nginx, TRAEFIK.selectors[0]: traefik}

    def name(self, live: Live | None = None) -> str:
        """What the class's controller is called."""
        found = configured_classes([CLASS], live or Live(), self.claims.of)
        return next(each.controller for each in found if each.name == "nginx")

    async def until(self, name: str, live: Live | None = None) -> None:
        self.on_change()
        async with asyncio.timeout(5):
            while self.name(live) != name:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.001)


@pytest.fixture
async def pods() -> Any:
    """Both controllers, followed."""
    found = LabelledPods()
    found.put([OLD], [NEW])
    async with asyncio.TaskGroup() as tasks:
        await found.claims.start(tasks)
        yield found
        for task in tasks._tasks:
            task.cancel()


async def test_both_are_read_and_asked(pods: LabelledPods) -> None:
    assert pods.name() == "k8s.io/ingress-nginx@nginx+traefik"
    found = configured_adapters(pods.name(), Live())
    assert [each.controller for each in found] == [pods.name(), "k8s.io/ingress-nginx@nginx/traefik"]
    assert [each.requests.metric for each in found] == [INGRESS_NGINX.requests.metric, TRAEFIK.requests.metric]
    where = [pods.claims.namespaces(each.controller, Live()) for each in found]
    assert where == [{"ingress-nginx"}, {"traefik"}]
    assert pods.claims.namespaces("traefik.io/ingress-controller", Live()) == frozenset(), "no class, no claim"


async def test_when_the_old_one_is_gone_the_setting_is_named(pods: LabelledPods) -> None:
    pods.put([], [NEW])
    await pods.until("k8s.io/ingress-nginx@nginx+traefik")
    old, _ = configured_adapters(pods.name(), Live())
    assert old.instead == (
        "if ingress-nginx does not serve class nginx any more, set controller.nginx.adapter: traefik"
    )
    settings = Live(classes={"nginx": ClassSettings(adapter="traefik")})
    await pods.until("k8s.io/ingress-nginx@nginx", settings)
    (only,) = configured_adapters(pods.name(settings), settings)
    assert (only.name, only.instead) == ("traefik", "")
    assert pods.claims.namespaces(only.controller, settings) == {"traefik"}


async def test_when_the_new_one_is_gone_all_is_as_it_was(pods: LabelledPods) -> None:
    pods.put([OLD], [])
    await pods.until(CLASS.controller)
    assert pods.changes == 2
    pods.on_change()
    await asyncio.sleep(0.01)
    assert pods.changes == 2, "nothing new"


async def test_a_setting_that_names_one_of_them_hides_none(pods: LabelledPods) -> None:
    settings = Live(classes={"nginx": ClassSettings(adapter="traefik")})
    assert pods.name(settings) == "k8s.io/ingress-nginx@nginx+ingress-nginx"
    listed = Live(classes={"nginx": ClassSettings(adapter="ingress-nginx,traefik")})
    assert pods.name(listed) == "k8s.io/ingress-nginx@nginx"
    _, second = configured_adapters(pods.name(listed), listed)
    assert second.instead.endswith("set controller.nginx.adapter: ingress-nginx")


async def test_a_tenants_pod_changes_nothing_for_anybody(pods: LabelledPods) -> None:
    pods.strangers.add("tenant")
    stranger = replace(NEW, namespace="tenant", uid="stranger")
    pods.put([OLD], [stranger])
    await pods.until(CLASS.controller)
    (sentence,) = pods.reported
    assert sentence.startswith("pods in namespace tenant say that they are Traefik and serve class nginx")
    assert "list traefik in controller.nginx.adapter" in sentence
    pods.on_change()
    assert pods.name() == CLASS.controller
    assert len(pods.reported) == 1
    pods.put([OLD], [stranger, NEW])
    await pods.until("k8s.io/ingress-nginx@nginx+traefik")
    assert pods.claims.namespaces("k8s.io/ingress-nginx@nginx/traefik", Live()) == {"traefik"}


async def test_while_the_api_server_is_asked_nothing_changes(pods: LabelledPods) -> None:
    """Not even for a class that nobody has asked for before."""
    pods.strangers.add("tenant")
    other = IngressClass("inner", "k8s.io/inner", default=False)
    arguments = {"providers.kubernetesingressnginx.controllerclass": "k8s.io/inner"}
    seen: list[tuple[str, ...]] = []
    asking = pods._may_serve

    async def slowly(namespace: str, account: str) -> bool:
        seen.append(pods.claims.of(other))
        return await asking(namespace, account)

    pods.claims._may_serve = slowly
    pods.put([OLD], [NEW, replace(NEW, namespace="tenant", uid="stranger", arguments=arguments)])
    pods.on_change()
    async with asyncio.timeout(5):
        while not seen:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.001)
    await asyncio.sleep(0.01)
    assert seen == [()]
    assert pods.claims.of(other) == ()
    assert pods.changes == 1


async def test_as_long_as_nobody_says_it_counts(pods: LabelledPods, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(class_claims, "RETRY", 0.01)
    pods.strangers.add("tenant")
    pods.broken = True
    pods.put([OLD], [replace(NEW, namespace="tenant")])
    await pods.until("k8s.io/ingress-nginx@nginx+traefik")
    pods.broken = False
    await pods.until(CLASS.controller)


async def test_a_hiccup_of_the_api_server_changes_no_verdict(
    pods: LabelledPods, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(class_claims, "RETRY", 0.01)
    monkeypatch.setattr(class_claims, "BELIEVED_FOR", 0.01)
    pods.strangers.add("tenant")
    pods.put([OLD], [replace(NEW, namespace="tenant")])
    await pods.until(CLASS.controller)
    changes = pods.changes
    pods.broken = True
    asked = len(pods.asked)
    async with asyncio.timeout(5):
        while len(pods.asked) < asked + 6:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.001)
    assert pods.name() == CLASS.controller, "the refused one stays refused"
    assert pods.changes == changes
    pods.broken, pods.strangers = False, set()
    await pods.until("k8s.io/ingress-nginx@nginx+traefik")


async def test_a_right_that_is_taken_away_ends_though_pods_change_all_the_time(
    pods: LabelledPods, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(class_claims, "BELIEVED_FOR", 0.05)
    pods.on_change()
    pods.strangers.add("traefik")
    async with asyncio.timeout(5):
        while pods.name() != CLASS.controller:
            pods.on_change()
            await asyncio.sleep(0)


def said(namespace: str, claimed: str = "") -> DeclaredNamespaces:
    """One namespace, and one where pods claim the class."""
    return DeclaredNamespaces(frozenset({namespace}), frozenset({claimed} if claimed else ()))


@pytest.mark.parametrize(
    ("settings", "claimed", "where"),
    [
        pytest.param({}, frozenset({"traefik"}), said("traefik"), id="where its pods claim the class"),
        pytest.param(
            {"nginx.traefik": ClassSettings(namespace="edge")}, frozenset({"x"}), said("edge"), id="a setting"
        ),
        pytest.param({}, frozenset(), said("helm"), id="where Helm has installed it"),
        pytest.param(
            {"nginx": ClassSettings(adapter="ingress-nginx,traefik")},
            frozenset({"new"}),
            said("helm", claimed="new"),
            id="an administrator says that it serves the class: a claim adds to that",
        ),
    ],
)
def test_where_the_pods_of_the_second_one_are(
    settings: dict[str, ClassSettings], claimed: frozenset[str], where: DeclaredNamespaces
) -> None:
    classes = [CLASS, IngressClass("traefik", TRAEFIK.controller, default=False, release_namespace="helm")]
    found = declared_namespaces("k8s.io/ingress-nginx@nginx/traefik", classes, Live(classes=settings), claimed)
    assert found == where


def test_a_claim_only_adds_to_where_the_pods_of_the_class_itself_are() -> None:
    classes = [IngressClass("traefik", TRAEFIK.controller, default=False, release_namespace="helm")]
    settings = Live(classes={"traefik": ClassSettings(port="9100")})
    found = declared_namespaces("traefik.io/ingress-controller@traefik", classes, settings, frozenset({"other"}))
    assert found == said("helm", claimed="other")
