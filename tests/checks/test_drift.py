"""What GitOps tools put back, as their own settings say."""

import json
import shlex
from typing import Any

import pytest

from waker.checks.drift import of_argo, of_flux

TRACKED = {"argocd.argoproj.io/tracking-id": "web:apps/Deployment:default/shop"}
LABELLED = {"kustomize.toolkit.fluxcd.io/name": "prod"}
AUTOMATED = {"automated": {"prune": True}}
IGNORED = {"group": "apps", "kind": "Deployment", "jsonPointers": ["/spec/replicas"]}
BY_QUERY = {"group": "apps", "kind": "Deployment", "jqPathExpressions": [".spec.replicas"]}


def deployment(**meta: Any) -> dict[str, Any]:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "shop", "namespace": "default", **meta}}


def application(policy: dict[str, Any], *ignored: dict[str, Any]) -> dict[str, Any]:
    spec = {"syncPolicy": policy, "ignoreDifferences": list(ignored)}
    return {"metadata": {"name": "web", "namespace": "gitops"}, "spec": spec}


RESPECTING = AUTOMATED | {"syncOptions": ["RespectIgnoreDifferences=true"]}


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        pytest.param(application(AUTOMATED), "problem", id="it syncs by itself"),
        pytest.param(application(AUTOMATED, IGNORED), "problem", id="a sync overwrites what is only not compared"),
        pytest.param(application(RESPECTING, IGNORED), None, id="ignored, also by a sync"),
        pytest.param(application(RESPECTING, BY_QUERY), None, id="ignored by a jq path"),
        pytest.param(application(RESPECTING, IGNORED | {"kind": "StatefulSet"}), "problem", id="of another kind"),
        pytest.param(application({}), None, id="people sync it"),
        pytest.param(None, "unknown", id="it cannot be read"),
    ],
)
def test_argo_cd(found: dict[str, Any] | None, verdict: str | None) -> None:
    obj, applications = deployment(annotations=TRACKED), [found] if found else []
    line = of_argo(obj, "deployment/shop -n default", "Deployment", "/spec/replicas", applications)
    assert (line["verdict"] if line else None) == verdict
    if line and line["verdict"] == "problem":
        *command, patch = shlex.split(line["fix"])
        assert command[:5] == ["kubectl", "-n", "gitops", "patch", "application"]
        mended = {**(found or {}), "spec": (found or {})["spec"] | json.loads(patch)["spec"]}
        mended["spec"]["syncPolicy"] = AUTOMATED | mended["spec"]["syncPolicy"]
        assert of_argo(obj, "", "Deployment", "/spec/replicas", [mended]) is None, "the fix mends it"


def owned_by(manager: str, fields: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"manager": manager, "operation": "Apply", "fieldsV1": fields}]


REPLICAS: dict[str, Any] = {"f:spec": {"f:replicas": {}}}


@pytest.mark.parametrize(
    ("meta", "verdict"),
    [
        pytest.param({"labels": LABELLED, "managedFields": owned_by("kustomize-controller", REPLICAS)}, "problem", id="owns"),
        pytest.param({"labels": LABELLED, "managedFields": owned_by("kustomize-controller", {"f:spec": {}})}, None,
                     id="does not say replicas"),
        pytest.param({"labels": LABELLED, "managedFields": owned_by("kubectl", REPLICAS)}, None, id="somebody else's field"),
        pytest.param({"labels": LABELLED}, "problem", id="nobody knows whose field it is"),
        pytest.param({"labels": LABELLED, "annotations": {"kustomize.toolkit.fluxcd.io/ssa": "IfNotPresent"}}, None,
                     id="told to leave it alone"),
        pytest.param({"labels": LABELLED, "annotations": {"kustomize.toolkit.fluxcd.io/reconcile": "disabled"}}, None,
                     id="not reconciled"),
        pytest.param({}, None, id="not Flux's"),
    ],
)  # fmt: skip
def test_flux(meta: dict[str, Any], verdict: str | None) -> None:
    line = of_flux(deployment(**meta), "deployment/shop -n default", "/spec/replicas")
    assert (line["verdict"] if line else None) == verdict
