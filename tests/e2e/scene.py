"""One scenario's stage: a namespace of its own, its apps, the controller in front of them and waker behind.

Has the steps that every scenario needs (make an app, knock, pin, wait for a phase), and collects what a failure shows:
waker's status and log, the Events and the history of the objects.
"""

import contextlib
import time
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e import apps, controllers, load
from tests.e2e.apps import StageApp
from tests.e2e.cluster import ApiError, ClusterApi, Json, until
from tests.e2e.controllers import IngressController
from tests.e2e.history import History
from tests.e2e.install import InstalledWaker
from tests.e2e.load import LoadAnswer, VisitorAddress, Who
from waker import names

SETTLED = 60.0  # seconds; far above what any change of phase takes
every_controller = pytest.mark.parametrize(
    "controller", [pytest.param(name, id=name) for name in controllers.ALL], indirect=True
)


@dataclass(slots=True)
class Scene:
    """Everything a scenario touches."""

    api: ClusterApi
    waker: InstalledWaker
    controller: IngressController
    address: VisitorAddress
    namespace: str
    history: History

    def app(self, name: str, **more: Any) -> StageApp:
        """Make an app and wait until it answers through the controller."""
        app = StageApp(self.namespace, name, self.controller.ingress_class, **more)
        self.create(*apps.objects(app))
        if not app.ingresses:
            self.answering(app, app.host)
        return app

    def create(self, *objects: Json) -> None:
        for obj in objects:
            self.api.create(obj)

    def answering(self, app: StageApp, host: str, path: str = "/") -> None:
        """Wait until all its pods are ready and it answers through the controller."""
        until(f"{app.name} is ready", lambda: not apps.awake(self.api, app), SETTLED)
        until(f"{host}{path} answers", lambda: self._answers(app, host, path), SETTLED)

    def _answers(self, app: StageApp, host: str, path: str) -> bool:
        """Several times in a row: after a reload of nginx old and new workers answer side by side for a while.

        Not patiently: once waker is gone, a controller that does not follow yet may dial its old address for long.
        """
        for _ in range(5):
            if load.ask_now(self.address, load.browser(host, app.name, path), patience=3).who is not Who.APP:
                return False
            time.sleep(0.05)
        return True

    def knock(self, app: StageApp, host: str = "", path: str = "/") -> LoadAnswer:
        """One visit of a browser."""
        return load.ask_now(self.address, load.browser(host or app.host, app.name, path))

    def visit(self, app: StageApp, host: str = "", path: str = "/") -> None:
        """A person knocks and waits until the app itself answers."""
        until(f"{app.name} answers a visitor", lambda: self.knock(app, host, path).who is Who.APP, SETTLED)

    def sleep(self, *some: StageApp) -> None:
        """`waker sleep`, until they are asleep."""
        for app in some:
            self.waker.do("sleep", f"{app.kind.lower()}/{app.name}", "-n", self.namespace)
        self.asleep(*some)

    def pin(self, app: StageApp, state: str | None) -> None:
        """What a user writes into `kubesleeper.io/state`; None takes it away."""
        self.api.annotate(app.kind, app.namespace, app.name, state=state)

    def asleep(self, *some: StageApp, within: float = SETTLED) -> None:
        for app in some:
            self._wait(f"{app.name} is asleep", lambda app=app: apps.asleep(self.api, app), within)

    def awake(self, *some: StageApp, within: float = SETTLED) -> None:
        for app in some:
            self._wait(f"{app.name} is awake", lambda app=app: apps.awake(self.api, app), within)

    def _wait(self, what: str, missing: Any, within: float) -> None:
        last = ""

        def done() -> bool:
            nonlocal last
            last = missing()
            return not last

        try:
            until(what, done, within)
        except AssertionError as error:
            raise AssertionError(f"{error}: {last}") from None

    def events(self, name: str) -> list[str]:
        """`Warning BadSetting: sentence` of every Event of waker's about an object of this name."""
        found = self.api.list("Event", self.namespace)
        ours = (one for one in found if one.get("reportingComponent") == names.FIELD_MANAGER)
        return [event_line(one) for one in ours if one["involvedObject"]["name"] == name]

    def diagnosis(self) -> str:
        """All that helps to understand a failure."""
        parts = {"history": self.history.timeline()}
        with contextlib.suppress(ApiError, OSError):
            parts["events"] = "\n".join(
                f"{one['involvedObject']['kind']} {one['involvedObject']['name']}: {event_line(one)}"
                for one in self.api.list("Event", self.namespace)
                if "kubesleeper" in str(one.get("source")) + str(one.get("reportingComponent")) + str(one["reason"])
                or one["type"] == "Warning"
            )
            parts["status"] = self.waker.command("status", "-n", self.namespace).stdout
            parts["log"] = self.waker.log()
        return "\n".join(f"== {title}\n{text}" for title, text in parts.items())


def event_line(event: Json) -> str:
    return f"{event['type']} {event['reason']}: {event.get('message') or event.get('note', '')}"
