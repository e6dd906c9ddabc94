"""What `helm test` runs: the sample app answers, falls asleep because nobody visits it, and wakes when somebody does.

It sees what a user sees: answers of the ingress controller, and the objects of the sample app. Standard library only, for it
runs in a pod of its own from this text alone.
"""

import json
import os
import ssl
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
NAME = "kubesleeper-test"
WITHIN = (
    120.0  # seconds for each step; the idle period is 10 s, and behind ingress-nginx its pods stay for as long again
)
BEGAN = time.monotonic()


def read(path: str) -> Any:
    """An object of the API server."""
    server = f"https://{os.environ['KUBERNETES_SERVICE_HOST']}:{os.environ['KUBERNETES_SERVICE_PORT']}"
    token = (ACCOUNT / "token").read_text().strip()
    request = urllib.request.Request(f"{server}/apis/{path}", headers={"Authorization": f"Bearer {token}"})
    trusted = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
    with urllib.request.urlopen(request, timeout=10, context=trusted) as answer:
        return json.load(answer)


def deployment() -> Any:
    return read(f"apps/v1/namespaces/{os.environ['NAMESPACE']}/deployments/{NAME}")


def ingress() -> Any:
    return read(f"networking.k8s.io/v1/namespaces/{os.environ['NAMESPACE']}/ingresses/{NAME}")


def address() -> str:
    """Where the ingress controller takes requests; "" while nobody knows."""
    if os.environ["URL"]:
        return os.environ["URL"]
    known = (ingress().get("status") or {}).get("loadBalancer", {}).get("ingress") or [{}]
    host = known[0].get("ip") or known[0].get("hostname") or ""
    return f"http://[{host}]" if ":" in host else f"http://{host}" if host else ""


def visit() -> str:
    """Who answers a browser: `app`, `waker`, or what else happened."""
    headers = {"Host": os.environ["HOST"], "Accept": "text/html", "User-Agent": "Mozilla/5.0 (helm test)"}
    try:
        with urllib.request.urlopen(urllib.request.Request(address(), headers=headers), timeout=10) as answer:
            return "waker" if "X-Kubesleeper" in answer.headers else "app"
    except urllib.error.HTTPError as error:
        return "waker" if "X-Kubesleeper" in error.headers else f"HTTP {error.code}"
    except OSError as error:
        return f"nobody ({error})"


def until(what: str, seen: Callable[[], str], wanted: str, hint: str) -> None:
    """Wait for it, and print when it came; else end with what was seen last."""
    end, last = time.monotonic() + WITHIN, ""
    while time.monotonic() < end:
        last = seen()
        if last == wanted:
            print(f"{time.monotonic() - BEGAN:5.1f} s: {what}", flush=True)
            return
        time.sleep(0.5)
    sys.exit(f"FAILED: not within {WITHIN:.0f} s: {what}. Last seen: {last}. {hint}")


def replicas() -> str:
    return str(deployment()["spec"]["replicas"])


def backend() -> str:
    return str(ingress()["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["name"])


until(
    "the ingress controller has an address",
    lambda: "known" if address() else "none",
    "known",
    "Set the value test.url.",
)
until(
    f"the sample app answers at {address()}", visit, "app", "Does your ingress controller serve test.ingressClassName?"
)
why = f"`kubectl exec deploy/waker -- waker explain {NAME} -n {os.environ['NAMESPACE']}` says why."
until("nobody visits it: it sleeps", replicas, "0", why)
until("a browser gets the waiting page", visit, "waker", "Does the ingress controller reach the pods of waker?")
until("the app answers again", visit, "app", why)
until("its Ingress leads to it again", backend, NAME, why)
print("OK: a whole cycle")
