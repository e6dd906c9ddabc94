"""A small entry to the API server: get, list, create, patch, delete, and waiting for a condition.

It knows Kubernetes and nothing of waker, so that what it sees is a second opinion. Synchronous on purpose: a scenario
reads as a list of steps. Call it from one thread; `history` has a connection of its own.
"""

import base64
import json
import os
import ssl
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPSConnection
from tempfile import NamedTemporaryFile
from typing import Any, TypeVar
from urllib.parse import urlsplit

from tests.e2e.bed import BY_KUBECONFIG, ON_BED

Json = dict[str, Any]
T = TypeVar("T")

ROOTS = {
    "ConfigMap": ("api/v1", "configmaps"),
    "Deployment": ("apis/apps/v1", "deployments"),
    "EndpointSlice": ("apis/discovery.k8s.io/v1", "endpointslices"),
    "Event": ("api/v1", "events"),
    "HorizontalPodAutoscaler": ("apis/autoscaling/v2", "horizontalpodautoscalers"),
    "Ingress": ("apis/networking.k8s.io/v1", "ingresses"),
    "Pod": ("api/v1", "pods"),
    "Service": ("api/v1", "services"),
    "StatefulSet": ("apis/apps/v1", "statefulsets"),
}
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"


class ApiError(Exception):
    """The API server said no. `status` is its HTTP status."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text[:400]}")
        self.status = status


# What a call raises that was refused, or not answered because the API server is down.
UNANSWERED = (ApiError, OSError, HTTPException)


@dataclass(slots=True)
class ApiAccess:
    """Where the API server is and how to be let in."""

    host: str
    port: int
    tls: ssl.SSLContext
    headers: dict[str, str]

    @classmethod
    def from_kubeconfig(cls) -> "ApiAccess":
        """The current context of KUBECONFIG, as kubectl reads it: one file or several, with certificates in it or beside it."""
        config = json.loads(kubectl("config", "view", "--minify", "--flatten", "--raw", "-o", "json"))
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        url = urlsplit(cluster["server"])
        authority = cluster.get("certificate-authority-data")
        tls = ssl.create_default_context(cadata=base64.b64decode(authority).decode() if authority else None)
        tls.verify_flags &= ~ssl.VERIFY_X509_STRICT  # set since Python 3.13; some clusters' certificates fail it
        if "client-certificate-data" in user:  # Python takes a client's certificate from files only
            with NamedTemporaryFile() as pem:
                pem.write(b"\n".join(base64.b64decode(user[f"client-{each}-data"]) for each in ("certificate", "key")))
                pem.flush()
                tls.load_cert_chain(pem.name)
        headers = {"Authorization": f"Bearer {user['token']}"} if "token" in user else {}
        return cls(url.hostname or "", url.port or 443, tls, headers)

    def connect(self, timeout: float) -> HTTPSConnection:
        return HTTPSConnection(self.host, self.port, timeout=timeout, context=self.tls)


@dataclass(slots=True)
class ClusterApi:
    """The API server. Objects are plain JSON."""

    access: ApiAccess
    _connection: HTTPSConnection | None = field(default=None, repr=False)

    def call(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> Json:
        """One call; a connection that was closed meanwhile is opened again. Raises ApiError."""
        for attempt in range(3):
            self._connection = self._connection or self.access.connect(30)
            try:
                headers = self.access.headers | {"Content-Type": content_type, "Accept": "application/json"}
                self._connection.request(method, f"/{path}", None if body is None else json.dumps(body), headers)
                answer = self._connection.getresponse()
                text = answer.read().decode()
            except (OSError, HTTPException):
                self.close()
                if attempt == 2:
                    raise
                continue
            if answer.status >= 400:
                raise ApiError(answer.status, text)
            found: Json = json.loads(text)
            return found
        raise AssertionError

    def close(self) -> None:
        if self._connection:
            self._connection.close()
        self._connection = None

    def get(self, kind: str, namespace: str, name: str) -> Json:
        return self.call("GET", path_of(kind, namespace, name))

    def find(self, kind: str, namespace: str, name: str) -> Json | None:
        """The object, None if there is none."""
        try:
            return self.get(kind, namespace, name)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def list(self, kind: str, namespace: str, selector: str = "") -> list[Json]:
        query = f"?labelSelector={selector}" if selector else ""
        return [{"kind": kind} | item for item in self.call("GET", path_of(kind, namespace) + query)["items"]]

    def create(self, obj: Json) -> Json:
        return self.call("POST", path_of(obj["kind"], obj["metadata"]["namespace"]), obj)

    def patch(self, kind: str, namespace: str, name: str, body: Any) -> Json:
        """A merge patch if `body` is an object, a JSON patch if it is a list."""
        how = JSON_PATCH if isinstance(body, list) else MERGE
        return self.call("PATCH", path_of(kind, namespace, name), body, how)

    def annotate(self, kind: str, namespace: str, name: str, **annotations: str | None) -> Json:
        """Sets kubesleeper.io annotations (`_` for `-`); None removes one."""
        named = {f"kubesleeper.io/{key.replace('_', '-')}": value for key, value in annotations.items()}
        return self.patch(kind, namespace, name, {"metadata": {"annotations": named}})

    def create_namespace(self, name: str) -> None:
        self.call("POST", "api/v1/namespaces", {"metadata": {"name": name}})

    def delete_namespace(self, name: str) -> None:
        self.call("DELETE", f"api/v1/namespaces/{name}")


def path_of(kind: str, namespace: str, name: str = "") -> str:
    root, plural = ROOTS[kind]
    return f"{root}/namespaces/{namespace}/{plural}" + (f"/{name}" if name else "")


def kubectl(*args: str, within: float = 120) -> str:
    """What kubectl prints. Raises AssertionError with what it complained about."""
    done = subprocess.run(["kubectl", *args], capture_output=True, text=True, timeout=within, check=False)
    assert done.returncode == 0, f"kubectl {' '.join(args)}: {done.stderr}"
    return done.stdout


def until(what: str, condition: Callable[[], T | None], within: float = 30, every: float = 0.1) -> T:
    """Asks until the condition holds and returns what it gave. The message of the failure has the last answer."""
    end = time.monotonic() + within
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"not within {within:g} s: {what} (last seen: {found!r})")
        time.sleep(every)


def api_from_environment() -> ClusterApi | None:
    """The API of the cluster that may be used, see `bed`; None without one."""
    if not ((ON_BED or BY_KUBECONFIG) and os.environ.get("KUBECONFIG")):
        return None
    return ClusterApi(ApiAccess.from_kubeconfig())
