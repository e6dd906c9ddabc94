"""Ways to an app's pods that are not by its template's labels, and what keepers repeat."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from waker import names
from waker.demo import kinds
from waker.demo.kinds import Key, Obj
from waker.demo.samples import SAMPLES, manifests

from .scene import BLOG, MERGE, SHOP, ServiceScene, scene
from .test_explain import asked

API = replace(SAMPLES["api"], ready_after="20ms")
HASH = "nginx.ingress.kubernetes.io/upstream-hash-by"


def refused(it: ServiceScene, why: str) -> bool:
    """Whether the shop's user was told that it cannot sleep, and why."""
    return any(reason == "CannotSleep" and why in message for reason, message in it.events())


def service(name: str, **spec: Any) -> Obj:
    """A Service beside the shop's, with the same port."""
    port = {"name": "http", "port": 80, "targetPort": "http"}
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": [port]} | spec}


def route(name: str, leads_to: str, namespace: str = "default") -> Obj:
    """An Ingress with one path."""
    path = {
        "path": "/",
        "pathType": "Prefix",
        "backend": {"service": {"name": leads_to, "port": {"name": "http"}}},
    }
    rules = [{"host": f"{name}.localhost", "http": {"paths": [path]}}]
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": {"rules": rules}}


def pod_of_the_shop(it: ServiceScene) -> Obj:
    """Any one of them."""
    return next(each for each in it.cluster.objects("Pod") if each["metadata"]["labels"].get("app") == "shop")


async def test_a_version_of_a_deployment_sleeps_and_wakes(tmp_path: Path) -> None:
    """Its only Service selects pods by a label that Kubernetes puts on them."""
    async with scene(tmp_path) as it:
        labels = pod_of_the_shop(it)["metadata"]["labels"]
        assert labels.keys() == {"app", "pod-template-hash"}
        spec = {"spec": {"selector": labels}}
        it.cluster.verbs.patch(kinds.SERVICES, Key("default", "shop"), MERGE, spec)
        before = it.wish()
        async with it.waker():
            await it.put_to_sleep()
            await it.served()
            await it.awake()
            assert it.wish() == before


async def test_an_app_whose_pods_somebody_has_labelled_stays_awake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("waker.plan.way_down.UNFORESEEN_AGAIN", timedelta(milliseconds=100))
    async with scene(tmp_path) as it:
        it.cluster.load([service("primary", selector={"app": "shop", "role": "primary"}), route("primary", "primary")])
        key = Key("default", pod_of_the_shop(it)["metadata"]["name"])
        it.cluster.verbs.patch(kinds.PODS, key, MERGE, {"metadata": {"labels": {"role": "primary"}}})
        before = it.wish()
        async with it.waker() as running:
            it.annotate(names.SLEEP_REQUESTED_AT, "2026-01-31T12:00:00Z")
            await it.until(lambda: refused(it, "Service primary selects its pods by labels"))
            assert it.replicas() == 2
            explained = await asked(it, running)
            assert (explained["code"], explained["phase"]) == ("CannotSleep", "Awake")
            assert any("Service primary" in each["text"] for each in explained["against"])
            assert it.wish() == before
            hint = "Service primary has a route, and leads to its pods if they have role=primary"
            assert any(hint in each for each in explained["notes"])
            it.cluster.verbs.patch(kinds.PODS, key, MERGE, {"metadata": {"labels": {"role": None}}})
            await it.asleep()


async def test_what_another_tenant_makes_wakes_nobody(tmp_path: Path) -> None:
    """Nor does it keep from its sleep who is told to sleep. By its traffic the app does not fall asleep any more."""
    async with scene(tmp_path) as it, it.waker() as running:
        it.annotate(names.STATE, "asleep")
        await it.asleep()
        version = it.version()
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other"}}
        alias = service("alias", type="ExternalName", externalName="Shop.default.svc.cluster.local.")
        alias["metadata"]["namespace"] = "other"
        it.cluster.load([namespace, alias])
        assert it.replicas() == 0, "nobody leads there from outside"
        it.cluster.load([route("alias", "alias", "other")])
        await asyncio.sleep(0.5)
        assert (it.replicas(), it.version()) == (0, version)
        it.annotate(names.STATE, None)
        await it.served()
        await it.awake()
        explained = running.service.explain("default", "Deployment", "shop")
        assert explained
        assert "Service other/alias is an ExternalName for Service shop" in explained["answer"]
        await it.until(lambda: "is an ExternalName" in dict(it.events()).get("TrafficUnknown", ""))
        await it.put_to_sleep()


@pytest.mark.parametrize("enabled", ["true", "false"], ids=["an app, too", "not enabled"])
async def test_a_service_that_is_given_to_other_pods_while_its_app_sleeps(tmp_path: Path, enabled: str) -> None:
    """Whoever comes is served by these."""
    async with scene(tmp_path, SHOP, BLOG) as it:
        it.annotate(names.ENABLED, enabled, "blog")
        async with it.waker():
            await it.put_to_sleep()
            selector = {"spec": {"selector": {"app": "blog"}}}
            it.cluster.verbs.patch(kinds.SERVICES, Key("default", "shop"), MERGE, selector)
            await it.until(lambda: not it.held() and it.replicas() == 2)
            assert it.replicas("blog") == 2


async def test_a_service_that_is_gone_gives_its_routes_back(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        before, (_, own, _) = it.wish(), manifests(SHOP, "default")
        async with it.waker():
            await it.put_to_sleep()
            it.cluster.verbs.remove(kinds.SERVICES, Key("default", "shop"))
            await it.until(lambda: it.wish() == before)
            it.cluster.load([own])
            await it.put_to_sleep()
            await it.served()
            await it.awake()


async def test_a_keeper_repeats_what_the_apps_ingress_says_of_its_upstream(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And follows at once, though it may otherwise not be changed for an hour."""
    monkeypatch.setattr("waker.reconcile.namespace.KEEPER_CHANGE_EVERY", timedelta(hours=1))
    async with scene(tmp_path, SHOP, BLOG, API) as it, it.waker():
        await it.until(lambda: kept(it) == {"": {"shop", "blog", "api"}})
        for value in ("$uri", "$args", "$host", "$request_uri", "$a", "$b", "$c", "$d"):
            it.cluster.verbs.patch(kinds.INGRESSES, Key("default", "shop"), MERGE, said(value))
            wanted = {"": {"blog", "api"}, value: {"shop"}}
            await it.until(partial(is_kept, it, wanted))
        it.cluster.verbs.patch(kinds.INGRESSES, Key("default", "blog"), MERGE, said("$d"))
        await it.until(lambda: kept(it) == {"": {"api"}, "$d": {"shop", "blog"}})
        it.cluster.verbs.patch(kinds.INGRESSES, Key("default", "shop"), MERGE, said(None))
        await it.until(lambda: kept(it) == {"": {"api", "shop"}, "$d": {"blog"}})
        await it.put_to_sleep()
        await it.served()
        await it.awake()


def is_kept(it: ServiceScene, wanted: dict[str, set[str]]) -> bool:
    return kept(it) == wanted


def said(value: str | None) -> Obj:
    return {"metadata": {"annotations": {HASH: value}}}


def kept(it: ServiceScene) -> dict[str, set[str]]:
    """The apps' own Services that keepers lead to, by what these say of hashing."""
    found: dict[str, set[str]] = {}
    for each in it.cluster.objects("Ingress", "default"):
        if each["metadata"]["name"].startswith(f"{names.KEEPER}-upstreams"):
            paths = each["spec"]["rules"][0]["http"]["paths"]
            text = each["metadata"]["annotations"].get(HASH, "")
            found.setdefault(text, set()).update(path["backend"]["service"]["name"] for path in paths)
    return found
