"""The ingress controllers of the test cluster: how each is installed and where visitors come in.

On the test bed they are installed when first asked for, once a run, and visitors go to the pod's own address, as they would
behind a load balancer that keeps to ready pods. Elsewhere they are there already, and a variable says where visitors come in.
"""

import os
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.e2e.bed import ON_BED
from tests.e2e.cluster import ClusterApi, kubectl, until
from tests.e2e.load import VisitorAddress

GROUND = Path(os.environ.get("GROUND_HOME", Path(__file__).parents[2] / "../shared/ground")).resolve()


class IngressController(NamedTuple):
    """One kind of ingress controller. `ingress_class` is also its readable id."""

    ingress_class: str
    manifests: tuple[str, ...]
    namespace: str
    deployment: str
    pods: str  # label selector
    port: int
    lag: float  # seconds; the longest it is known to take to follow a change on a quiet cluster

    def install(self, api: ClusterApi) -> VisitorAddress:
        """Apply its manifests and wait for its pod. Gives the address for visitors."""
        if not ON_BED:
            return self.given_address()
        for manifest in self.manifests:
            kubectl("apply", "--server-side", "-f", str(GROUND / "manifests" / manifest))
        return until(f"a ready pod of {self.ingress_class}", lambda: self.address(api), within=60)

    def given_address(self) -> VisitorAddress:
        """Where visitors come in on a cluster that is not the test bed. Skips the scenario if nobody has said it."""
        variable = f"E2E_{self.ingress_class.upper()}"
        host, _, port = os.environ.get(variable, "").rpartition(":")
        if not host:
            pytest.skip(f"needs the address of {self.ingress_class}: set {variable}=HOST:PORT, see docs/testing.md")
        return VisitorAddress(host, int(port))

    def address(self, api: ClusterApi) -> VisitorAddress | None:
        """The address of a pod of now that is ready, for some scenarios replace them."""
        if not ON_BED:
            return self.given_address()
        for pod in api.list("Pod", self.namespace, self.pods):
            conditions = {each["type"]: each["status"] for each in pod.get("status", {}).get("conditions", [])}
            if conditions.get("Ready") == "True" and "deletionTimestamp" not in pod["metadata"]:
                return VisitorAddress(pod["status"]["podIP"], self.port)
        return None


TRAEFIK = IngressController(
    "traefik", ("traefik.yaml",), "traefik", "traefik", "app.kubernetes.io/name=traefik", 8000, 2.0
)
NGINX = IngressController(
    "nginx",
    ("ingress-nginx.yaml",),
    "ingress-nginx",
    "ingress-nginx-controller",
    "app.kubernetes.io/name=ingress-nginx",
    80,
    3.4,
)
CONTOUR = IngressController(
    "contour", ("contour-crds.yaml", "contour.yaml"), "projectcontour", "envoy", "app=envoy", 8080, 0.5
)
ALL = {each.ingress_class: each for each in (TRAEFIK, NGINX, CONTOUR)}
