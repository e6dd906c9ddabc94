"""What the attack scenarios share: apps that write down what they are sent, a second tenant, and whose an answer is.

Attacks are judged by what can be seen from outside only: who answered, which pod was sent the request, and whether replicas
have changed. So these scenarios say nothing about how waker tells apps apart.
"""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

import yaml

from tests.e2e import apps, load
from tests.e2e.apps import StageApp
from tests.e2e.cluster import Json, kubectl, until
from tests.e2e.load import LoadAnswer, Request, VisitorAddress, Who
from tests.e2e.scene import SETTLED, Scene
from waker import names

WAKES_WITHIN: Final = 2.0  # s; a knock is written on the workload in well under half a second
WAKERS_PORT: Final = 8080
WAKERS_PRIVATE_PORT: Final = 9090
NOBODY: Final = "nobody"
SECRETS: Final = (("Cookie", "session=s3cr3t"), ("Authorization", "Bearer s3cr3t"), ("Content-Type", "text/plain"))


def witness(scene: Scene, name: str, annotations: Mapping[str, str] | None = None, **more: Any) -> StageApp:
    """An app that writes down what it is sent, awake and ready. Its waiting page has a title that no other page has."""
    own = {names.TITLE: title(name)} | dict(annotations or {})
    app = scene.app(name, image="witness:1", annotations=own, **more)
    until(f"{app.name} is ready", lambda: not apps.awake(scene.api, app), SETTLED)
    return app


def title(name: str) -> str:
    return f"title-of-{name}"


def seen(scene: Scene, app: StageApp) -> list[Json]:
    """What its pods of now were sent, without health checks and ownership checks. Names of headers are in lower case."""
    log = kubectl("logs", "-n", app.namespace, "-l", f"app={app.name}", "--tail=-1")
    sent = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    return [each for each in sent if not is_ownership_check(each)]


def is_ownership_check(sent: Json) -> bool:
    """Whether it is waker's own question who answers: it carries nothing, and its answer shows nothing."""
    marker = sent["headers"].get(names.MARKER.lower())
    return (sent["method"], marker, sent["body"]) == ("HEAD", names.MARK_OWNERSHIP_CHECK, "")


@contextmanager
def second_tenant(scene: Scene) -> Iterator[Scene]:
    """The same stage with a namespace of somebody else."""
    name = f"{scene.namespace}-2"
    scene.api.create_namespace(name)
    try:
        yield replace(scene, namespace=name)
    finally:
        scene.api.delete_namespace(name)


def write(scene: Scene, text: str, **values: object) -> None:
    """Create the objects of a YAML text in the scene's namespace, `$NAME` replaced by a value each."""
    for name, value in {"class": scene.controller.ingress_class, **values}.items():
        text = text.replace(f"${name}", str(value))
    for obj in yaml.safe_load_all(text):
        obj["metadata"]["namespace"] = scene.namespace
        scene.create(obj)


# --- asking ---------------------------------------------------------------------------------------------------------


def ask(scene: Scene, host: str, path: str = "/", *headers: tuple[str, str]) -> LoadAnswer:
    """A browser at the controller; it gets the waiting page of a sleeping app at once."""
    return ask_at(scene.address, host, path, *headers)


def ask_at(address: VisitorAddress, host: str, path: str = "/", *headers: tuple[str, str]) -> LoadAnswer:
    """A browser, at any address."""
    asked = load.browser(host, "", path)
    return load.ask_now(address, replace(asked, headers=(*asked.headers, *headers)), patience=40)


def send(scene: Scene, host: str, path: str, *headers: tuple[str, str], body: bytes = b"") -> LoadAnswer:
    """A program that sends credentials and a body, and can wait for the answer."""
    fixed = (("Accept", "application/json"), ("User-Agent", "shop-client/1"))
    asked = Request("client", host, "", path, "POST" if body else "GET", (*fixed, *SECRETS, *headers), body)
    return load.ask_now(scene.address, asked)


def whose(answer: LoadAnswer, *known: StageApp) -> str:
    """The name of the app whose answer or waiting page it is; NOBODY for every other answer."""
    if found := answer.header("x-app"):
        return found
    if not answer.marker:
        return NOBODY
    return next((app.name for app in known if title(app.name) in answer.body), NOBODY)


def is_refusal(answer: LoadAnswer) -> bool:
    """Whether it is an answer that belongs to no app: waker's own 4xx, the controller's own error, or none at all."""
    if answer.header("x-app"):
        return False
    if answer.who is Who.WAKER:
        return 400 <= answer.status < 500
    return answer.who is Who.NOBODY or answer.status >= 400


def wakers_addresses(scene: Scene, port: int = WAKERS_PORT) -> list[VisitorAddress]:
    """Where any pod of the cluster finds waker."""
    return [VisitorAddress(pod["status"]["podIP"], port) for pod in scene.waker.pods()]


# --- what must not have happened ------------------------------------------------------------------------------------


def stays_asleep(scene: Scene, *some: StageApp) -> None:
    """Nobody has woken them. Waits for as long as a wake takes to be written down."""
    time.sleep(WAKES_WITHIN)
    for app in some:
        assert not apps.asleep(scene.api, app), f"{app.name} was woken"


def pin_asleep(scene: Scene, *some: StageApp) -> None:
    """Asleep whoever comes, so that one sleep serves for many requests. Their pages still say whose they are."""
    for app in some:
        scene.pin(app, "asleep")
    scene.asleep(*some)
