"""Every kustomization renders, and the ready overlays are what their names say."""

import re
from pathlib import Path

import pytest
import yaml

from tests.e2e import gitops
from tests.install.programs import ROOT, by_name, kustomize
from waker.settings.configmap import Live, read_live

OVERLAYS = ROOT / "examples" / "overlays"
NAMESPACES = {
    "traefik": ("traefik", "traefik"),
    "ingress-nginx": ("nginx", "ingress-nginx"),
    "contour": ("contour", "projectcontour"),
}


def kustomizations() -> list[Path]:
    files = [*(ROOT / "k8s").rglob("kustomization.yaml"), *OVERLAYS.rglob("kustomization.yaml")]
    return sorted(each.parent for each in files if yaml.safe_load(each.read_text())["kind"] == "Kustomization")


@pytest.mark.parametrize("folder", kustomizations(), ids=lambda folder: str(folder.relative_to(ROOT)))
def test_it_renders(folder: Path) -> None:
    assert by_name(kustomize(folder))


def test_there_is_an_overlay_for_each_controller_that_is_tried() -> None:
    assert {each.name for each in OVERLAYS.iterdir()} == NAMESPACES.keys()


@pytest.mark.parametrize("name", NAMESPACES)
def test_an_overlay_is_two_replicas_closed_to_others(name: str) -> None:
    ingress_class, namespace = NAMESPACES[name]
    found, base = by_name(kustomize(OVERLAYS / name)), by_name(kustomize(ROOT / "k8s"))
    assert found.keys() - base.keys() == {"PodDisruptionBudget waker", "NetworkPolicy waker"}
    assert found["Deployment waker"]["spec"]["replicas"] == 2
    data = found["ConfigMap kubesleeper"]["data"]
    assert data.items() - base["ConfigMap kubesleeper"]["data"].items() == {
        (f"controller.{ingress_class}.namespace", namespace)
    }
    live, problems = read_live(data, Live())
    assert problems == ()
    assert live.classes[ingress_class].namespace == namespace
    admitted = found["NetworkPolicy waker"]["spec"]["ingress"][0]["from"]
    assert admitted == [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}]


def test_the_network_policy_admits_to_all_doors_and_the_threat_model_names_it() -> None:
    policy = by_name(kustomize(OVERLAYS / "traefik"))["NetworkPolicy waker"]
    doors = policy["spec"]["ingress"][0]["ports"][-1]
    assert (doors["port"], doors["endPort"]) == (Live().door_ports.first, Live().door_ports.last)
    text = (ROOT / "docs" / "security.md").read_text()
    assert "k8s/network-policies" in text


@pytest.mark.parametrize("recipe", gitops.RECIPES)
def test_a_recipe_ignores_what_waker_changes_and_nothing_else(recipe: str) -> None:
    ignored = {rule.kind: set(rule.pointers) for rule in gitops.rules(recipe)}
    assert ignored == {
        "Ingress": {"/spec/rules", "/spec/defaultBackend"},
        "Deployment": {"/spec/replicas"},
        "StatefulSet": {"/spec/replicas"},
    }


def test_the_guide_shows_the_rules_of_the_recipes() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "gitops.md").read_text(), re.DOTALL)
    shown = [gitops.of_spec(yaml.safe_load(each)["spec"]) for each in blocks]
    assert shown == [gitops.rules(each) for each in gitops.RECIPES[:2]]
