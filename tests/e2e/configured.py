"""What an ingress controller has configured for one app, in the controller's own words, so that two apps can be compared.

Asks the controller from inside its pod, which the test bed allows. Addresses of pods are replaced by how many there are, and
what KubeSleeper adds for itself is left out: what is left is how the app is routed, balanced and protected.
"""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any, Final

from tests.e2e import entry_points
from tests.e2e.cluster import ClusterApi, Json, kubectl, until
from tests.e2e.controllers import IngressController
from tests.e2e.entry_points import EntryPoint
from waker import names

ASK = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read().decode())"
ASK_SOCKET = """
import http.client, socket, sys
c = http.client.HTTPConnection("envoy")
c.sock = socket.socket(socket.AF_UNIX)
c.sock.connect(sys.argv[1])
c.request("GET", sys.argv[2])
print(c.getresponse().read().decode())
"""
UID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")  # ingress-nginx names locations by it
ENVOYS_SOCKET: Final = "/tmp/ground/envoy/admin.sock"  # noqa: S108 - the path is inside of the pod
OWN_API: Final = "--api.insecure=true"
NGINX_KEEPS: Final = (
    "load-balance",
    "upstreamHashByConfig",
    "sessionAffinityConfig",
    "noServer",
    "trafficShapingPolicy",
    "alternativeBackends",
    "sslPassthrough",
)


def prepare(api: ClusterApi, controller: IngressController) -> None:
    """Have the controller show its configuration. Only Traefik needs to be told."""
    if controller.ingress_class != "traefik":
        return
    found = api.get("Deployment", controller.namespace, controller.deployment)
    args = found["spec"]["template"]["spec"]["containers"][0]["args"]
    if OWN_API not in args:
        add = {"op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": OWN_API}
        api.patch("Deployment", controller.namespace, controller.deployment, [add])
        kubectl("rollout", "status", "-n", controller.namespace, f"deployment/{controller.deployment}", "--timeout=60s")


def configured(api: ClusterApi, controller: IngressController, namespace: str, app: str, host: str) -> Any:
    """All that concerns this app. Its namespace is called NS, so that two namespaces can be compared."""
    (pod,) = until("one pod", lambda: _one(entry_points.entry_points(api, controller)))
    found = SHOWN_BY[controller.ingress_class](pod, namespace, app, host)
    text = json.dumps(found, sort_keys=True).replace(namespace, "NS")
    return json.loads(UID.sub("UID", text))


def _one(found: list[EntryPoint]) -> list[EntryPoint]:
    return found if len(found) == 1 else []


def _inside(pod: EntryPoint, what: str, *program: str) -> str:
    """Run a program in namespaces of the pod: `-n` its network, `-m` its files."""
    done = subprocess.run(
        ["nsenter", "-t", str(pod.process), what, *program], capture_output=True, text=True, timeout=20, check=True
    )
    return done.stdout


def _by_nginx(pod: EntryPoint, namespace: str, app: str, host: str) -> Json:
    text = _inside(pod, "-n", sys.executable, "-c", ASK, "http://127.0.0.1:10246/configuration/backends")
    upstream: Json = next((each for each in json.loads(text) if each["name"] == f"{namespace}-{app}-http"), {})
    said = _inside(pod, "-m", "cat", "/etc/nginx/nginx.conf")
    server = re.search(rf"## start server {re.escape(host)}\n(.*?)## end server {re.escape(host)}\n", said, re.DOTALL)
    return {
        "upstream": {key: upstream.get(key) for key in NGINX_KEEPS},
        "endpoints": sorted(each["port"] for each in upstream.get("endpoints") or []),
        "server": server[1].splitlines() if server else None,
    }


def _by_traefik(pod: EntryPoint, namespace: str, app: str, _host: str) -> Json:
    def shown(what: str) -> Iterator[Json]:
        found = json.loads(
            _inside(pod, "-n", sys.executable, "-c", ASK, f"http://127.0.0.1:8080/api/http/{what}?per_page=9999")
        )
        for each in found:
            if each["name"].startswith(f"{namespace}-{app}-") and names.KEEPER not in each["name"]:
                balancer = each.get("loadBalancer")
                if balancer:
                    balancer["servers"] = len(balancer.get("servers") or [])
                yield {key: value for key, value in each.items() if key not in ("usedBy", "serverStatus")}

    return {what: list(shown(what)) for what in ("routers", "services")}


def _by_envoy(pod: EntryPoint, namespace: str, app: str, host: str) -> Json:
    text = _inside(pod, "-m", sys.executable, "-c", ASK_SOCKET, ENVOYS_SOCKET, "/config_dump")
    hosts, clusters = [], []
    for part in json.loads(text)["configs"]:
        for each in part.get("dynamic_route_configs") or []:
            hosts += [one for one in each["route_config"].get("virtual_hosts") or [] if host in one["domains"]]
        for each in part.get("dynamic_active_clusters") or []:
            if each["cluster"]["name"].startswith(f"{namespace}/{app}/"):
                clusters.append(each["cluster"])
    return {"hosts": hosts, "clusters": clusters}


SHOWN_BY: Final[dict[str, Callable[[EntryPoint, str, str, str], Json]]] = {
    "nginx": _by_nginx,
    "traefik": _by_traefik,
    "contour": _by_envoy,
}
