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
ADDRESS_WITHIN = min(WITHIN, 75.0)  # ingress-nginx writes it once a minute
BEGAN = time.monotonic()


def read(url: str) -> Any:
    """What the API server, or waker, answers to waker's own ServiceAccount."""
    token = (ACCOUNT / "token").read_text().strip()
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    trusted = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
    with urllib.request.urlopen(request, timeout=10, context=trusted) as answer:
        return json.load(answer)


def of_server(path: str) -> Any:
    return read(f"https://{os.environ['KUBERNETES_SERVICE_HOST']}:{os.environ['KUBERNETES_SERVICE_PORT']}/{path}")


def found(kind: str, name: str) -> Any:
    """An object of this namespace, its kind as `apis/apps/v1/deployments`."""
    root, _, plural = kind.rpartition("/")
    return of_server(f"{root}/namespaces/{os.environ['NAMESPACE']}/{plural}/{name}")


def ingress() -> Any:
    return found("apis/networking.k8s.io/v1/ingresses", NAME)


def others() -> list[Any]:
    """Some Ingresses of the same class: their controller writes the same address into all of them."""
    wanted = ingress()["spec"].get("ingressClassName")
    listed = of_server("apis/networking.k8s.io/v1/ingresses?limit=500")["items"]
    return [each for each in listed if wanted and each["spec"].get("ingressClassName") == wanted]


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
    return address_in(ingress()) or next(filter(None, map(address_in, others())), "")


def address_in(written: Any) -> str:
    """What the controller has written into the status of an Ingress, as a URL; "" without it."""
    known = (written.get("status") or {}).get("loadBalancer", {}).get("ingress") or [{}]
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


def until(
    what: str, seen: Callable[[], str], wanted: str, hint: Callable[[], str] = why, within: float = WITHIN
) -> None:
    """Wait for it, and print when it came; else end with what was seen last."""
    end, last = time.monotonic() + within, ""
    while time.monotonic() < end:
        try:
            last = seen()
        except UNANSWERED as error:
            last = f"nothing ({error})"
        if last == wanted:
            print(f"{time.monotonic() - BEGAN:5.1f} s: {what}", flush=True)
            return
        time.sleep(0.5)
    sys.exit(f"FAILED: not within {within:.0f} s: {what}. Last seen: {last}. {hint()}")


def replicas() -> str:
    return str(found("apis/apps/v1/deployments", NAME)["spec"]["replicas"])


def backend() -> str:
    return str(ingress()["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["name"])


def no_address() -> str:
    of_class = f"of the class {ingress()['spec'].get('ingressClassName') or '-'}"
    command = "helm upgrade --reuse-values --set test.url=http://SERVICE.NAMESPACE.svc"
    return (
        f"No ingress controller {of_class} has written its address into an Ingress. Say where it takes HTTP requests from "
        f"inside the cluster ({command}), and run the test again."
    )


def not_served() -> str:
    return f"Does the controller of the class {ingress()['spec'].get('ingressClassName')} take HTTP requests at {address()}?"


# Helm may print the end of the last run first, whose pod it has just removed.
print(f"A new run, begun at {time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime())} UTC", flush=True)
until(
    "the ingress controller has an address",
    lambda: "known" if address() else "none",
    "known",
    no_address,
    ADDRESS_WITHIN,
)
until("the sample app answers", visit, "app", not_served)
until("nobody visits it: it sleeps", replicas, "0")
until("a browser gets the waiting page", visit, "waker")
until("the app answers again", visit, "app")
until("its Ingress leads to it again", backend, NAME)
print("OK: a whole cycle")
