"""waker itself, the ingress controllers and who would lose its data never sleep, whatever enables them."""

from dataclasses import replace

import pytest

from waker.observe.never_sleeps import never_sleeps
from waker.plan.model import AppId, Kind, Service, Workload
from waker.settings.configmap import Live
from waker.settings.ingress_class import ClassSettings

OWN_SERVICE = Service("kubesleeper", "waker", "1", {"app": "renamed"}, ())
NGINX = {"app.kubernetes.io/name": "ingress-nginx", "app.kubernetes.io/component": "controller"}
CONFIGURED = Live(classes={"edge": ClassSettings(selector="app=edge", namespace="edge")})


def workload(namespace: str, **labels: str) -> Workload:
    """A Deployment whose pods have these labels."""
    return Workload(AppId(Kind.DEPLOYMENT, namespace, "any"), "uid", "1", 1, labels, {})


@pytest.mark.parametrize(
    ("found", "says"),
    [
        pytest.param(workload("kubesleeper", **{"app.kubernetes.io/name": "waker"}), "waker itself", id="waker"),
        pytest.param(workload("kubesleeper", app="renamed"), "waker itself", id="behind waker's Service"),
        pytest.param(workload("any", **NGINX), "ingress controller (ingress-nginx)", id="ingress-nginx, anywhere"),
        pytest.param(workload("edge", app="edge"), "ingress controller (of class edge)", id="labels of a setting"),
        pytest.param(workload("projectcontour", app="envoy"), "controller (Contour)", id="labels for one namespace"),
        pytest.param(replace(workload("default"), loses_claims=True), "whenScaled", id="its volumes would go"),
    ],
)
def test_never_asleep(found: Workload, says: str) -> None:
    (why,) = never_sleeps(found, "kubesleeper", OWN_SERVICE, CONFIGURED)
    assert says in why


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(workload("default", app="shop"), id="an app"),
        pytest.param(workload("default", **{"app.kubernetes.io/name": "waker"}), id="another app called waker"),
        pytest.param(workload("default", app="edge"), id="labels of a setting in another namespace"),
        pytest.param(workload("kubesleeper", app="dashboard"), id="another app in waker's namespace"),
        pytest.param(
            workload("default", **NGINX | {"app.kubernetes.io/component": "default-backend"}), id="not all labels"
        ),
        pytest.param(workload("default", app="envoy"), id="labels that are good for one namespace only"),
        pytest.param(workload("default"), id="no labels"),
    ],
)
def test_may_sleep(found: Workload) -> None:
    assert never_sleeps(found, "kubesleeper", OWN_SERVICE, CONFIGURED) == ()


def test_without_wakers_service_its_label_is_enough() -> None:
    assert never_sleeps(workload("kubesleeper", **{"app.kubernetes.io/name": "waker"}), "kubesleeper", None, Live())
