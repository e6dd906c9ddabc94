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
from http.client import HTTPException
from pathlib import Path
from typing import Any

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
NAME = "kubesleeper-test"
UNANSWERED = (OSError, HTTPException)  # an HTTPError of urllib is an OSError
WITHIN = float(os.environ["TIMEOUT_SECONDS"])  # of each step
BEGAN = time.monotonic()


def read(url: str) -> Any:
    """What the API server, or waker, answers to waker's own ServiceAccount."""
    token = (ACCOUNT / "token").read_text().strip()
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    trusted = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
    with urllib.request.urlopen(request, timeout=10, context=trusted) as answer:
        return json.load(answer)


def found(kind: str, name: str) -> Any:
    """An object of this namespace, its kind as `apis/apps/v1/deployments`."""
    root, _, plural = kind.rpartition("/")
    server = f"https://{os.environ['KUBERNETES_SERVICE_HOST']}:{os.environ['KUBERNETES_SERVICE_PORT']}"
    return read(f"{server}/{root}/namespaces/{os.environ['NAMESPACE']}/{plural}/{name}")


def ingress() -> Any:
    return found("apis/networking.k8s.io/v1/ingresses", NAME)


def why() -> str:
    """What waker says about the sample app, if it can be asked."""
    try:
        at = found("api/v1/services", "waker")["spec"]["clusterIP"]
        host = f"[{at}]" if ":" in at else at
        told = read(f"http://{host}:9090/apps/{os.environ['NAMESPACE']}/Deployment/{NAME}")
        sentences = [told["answer"], *(f"{each['text']} {each['fix']}".strip() for each in told["against"])]
    except (*UNANSWERED, LookupError, TypeError, ValueError) as error:
        return f"waker could not be asked why: {error}"
    return " | ".join(["waker says", *sentences])


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
    except UNANSWERED as error:
        return f"nobody ({error})"


def until(what: str, seen: Callable[[], str], wanted: str, hint: Callable[[], str] = why) -> None:
    """Wait for it, and print when it came; else end with what was seen last."""
    end, last = time.monotonic() + WITHIN, ""
    while time.monotonic() < end:
        try:
            last = seen()
        except UNANSWERED as error:
            last = f"nothing ({error})"
        if last == wanted:
            print(f"{time.monotonic() - BEGAN:5.1f} s: {what}", flush=True)
            return
        time.sleep(0.5)
    sys.exit(f"FAILED: not within {WITHIN:.0f} s: {what}. Last seen: {last}. {hint()}")


def replicas() -> str:
    return str(found("apis/apps/v1/deployments", NAME)["spec"]["replicas"])


def backend() -> str:
    return str(ingress()["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["name"])


def no_address() -> str:
    return "No ingress controller has written its address into the Ingress: set the value test.url."


def not_served() -> str:
    return f"Does the controller of the class {ingress()['spec'].get('ingressClassName')} take HTTP requests at {address()}?"


until("the ingress controller has an address", lambda: "known" if address() else "none", "known", no_address)
until("the sample app answers", visit, "app", not_served)
until("nobody visits it: it sleeps", replicas, "0")
until("a browser gets the waiting page", visit, "waker")
until("the app answers again", visit, "app")
until("its Ingress leads to it again", backend, NAME)
print("OK: a whole cycle")
