"""Other flags for an ingress controller of the test bed, for as long as a scenario needs them."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.e2e.cluster import kubectl, until
from tests.e2e.controllers import GROUND
from tests.e2e.scene import Scene

EVERYBODY = "10.0.0.0/8,127.0.0.0/8"


@contextmanager
def with_middlewares(scene: Scene) -> Iterator[None]:
    """Traefik also reads its own kinds of object."""
    kubectl("apply", "--server-side", "-f", str(GROUND / "manifests" / "traefik-crds.yaml"))
    rule = '{"apiGroups": ["traefik.io"], "resources": ["*"], "verbs": ["get", "list", "watch"]}'
    patch = f'[{{"op": "add", "path": "/rules/-", "value": {rule}}}]'
    kubectl("patch", "clusterrole", "traefik", "--type=json", "-p", patch)
    with with_flags("traefik", "traefik", "--providers.kubernetescrd"):
        from_now(scene)
        yield


@contextmanager
def with_proxy_protocol(scene: Scene) -> Iterator[None]:
    """Its listeners expect it, or at least understand it."""
    match scene.controller.ingress_class:
        case "nginx":
            config = ("configmap", "ingress-nginx-controller", "-n", "ingress-nginx", "--type=merge", "-p")
            kubectl("patch", *config, '{"data": {"use-proxy-protocol": "true"}}')
            yield
            kubectl("patch", *config, '{"data": {"use-proxy-protocol": null}}')
        case "traefik":
            with with_flags("traefik", "traefik", f"--entrypoints.web.proxyProtocol.trustedIPs={EVERYBODY}"):
                from_now(scene)
                yield
        case "contour":
            with with_flags("projectcontour", "contour", "--use-proxy-protocol"):
                yield


@contextmanager
def with_flags(namespace: str, deployment: str, flag: str) -> Iterator[None]:
    """One flag more for its first container."""
    path = "/spec/template/spec/containers/0/args"
    args = kubectl(
        "get", "deployment", deployment, "-n", namespace, "-o", "jsonpath={.spec.template.spec.containers[0].args}"
    )
    where = ("deployment", deployment, "-n", namespace)

    def replace_args(text: str) -> None:
        kubectl("patch", *where, "--type=json", "-p", f'[{{"op": "replace", "path": "{path}", "value": {text}}}]')
        kubectl("rollout", "status", *where, "--timeout=60s")

    replace_args(f'{args[:-1]}, "{flag}"]')
    try:
        yield
    finally:
        replace_args(args)


def from_now(scene: Scene) -> None:
    """Visitors go to the pod of now."""
    until("one pod is left", lambda: len(scene.api.list("Pod", scene.controller.namespace, scene.controller.pods)) == 1)
    scene.address = until("a ready pod", lambda: scene.controller.address(scene.api), 60)
