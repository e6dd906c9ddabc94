"""`waker pause` and `resume`: nothing falls asleep meanwhile, of one app, a namespace, or everything; then it does."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.service.scene import QUICK, ServiceScene, scene
from tests.test_cli import run
from waker import names
from waker.commands import pause
from waker.service import now
from waker.settings.pauses import FOREVER

Do = Callable[[ServiceScene, Any], Awaitable[str]]

SCOPES = [
    pytest.param(lambda it, until: pause.app(it.settings(), "default", "shop", until), "it", id="an app"),
    pytest.param(lambda it, until: pause.namespace(it.settings(), "default", until), "its namespace", id="a namespace"),
    pytest.param(lambda it, until: pause.everything(it.settings(), until), "KubeSleeper", id="everything"),
]


async def prepared(it: ServiceScene) -> None:
    it.configure(idle_after="1s", scrape_interval="1s")
    await it.visit()


def why(running: Any) -> str:
    return next(iter(running.service.status_rows()), {"reason": ""})["reason"]


@pytest.mark.parametrize(("act", "scope"), SCOPES)
async def test_nothing_falls_asleep_until_it_is_resumed(tmp_path: Path, act: Do, scope: str) -> None:
    async with scene(tmp_path) as it:
        await prepared(it)
        await act(it, FOREVER)
        async with it.waker(QUICK) as running:
            await it.until(lambda: why(running).startswith(f"{scope} is paused") or it.replicas() == 0)
            assert it.replicas() == 2
            facts: Any = running.service.explain("default", "Deployment", "shop")
            reasons = [(each["kind"], each["fix"]) for each in facts["against"]]
            await act(it, None)
            await it.asleep()
    resume = {"it": "waker resume deployment/shop -n default", "its namespace": "waker resume -n default"}
    assert ("paused", resume.get(scope, "waker resume --all")) in reasons


@pytest.mark.parametrize(("act", "scope"), SCOPES)
async def test_for_a_while(tmp_path: Path, act: Do, scope: str) -> None:
    async with scene(tmp_path) as it:
        await prepared(it)
        ends = now() + timedelta(seconds=4)
        said = await act(it, ends)
        async with it.waker(QUICK) as running:
            await it.until(lambda: "until" in why(running) or it.replicas() == 0)
            assert it.replicas() == 2
            await it.asleep()
            assert now() >= ends.replace(microsecond=0)
    assert said.endswith(f"is paused until {ends:%Y-%m-%d %H:%M:%S} UTC")


async def test_who_sleeps_goes_on_sleeping_and_is_woken(tmp_path: Path) -> None:
    async with scene(tmp_path) as it, it.waker(replace(QUICK, idle_after=timedelta(days=1))):
        await it.put_to_sleep()
        it.annotate(names.PAUSED, "true")
        assert (await it.visit()).page
        await it.awake()
        await it.served()


async def test_a_namespaces_pause_leaves_others_and_forgets_what_is_over(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        it.configure(paused_namespaces="old=2020-01-01T00:00:00Z, prod")
        await pause.namespace(it.settings(), "default", FOREVER)
        data = (it.cluster.get("ConfigMap", "kubesleeper", names.CONFIG_MAP) or {})["data"]
        assert data["paused-namespaces"] == "default, prod"
        await pause.namespace(it.settings(), "default", None)
        await pause.namespace(it.settings(), "prod", None)
        data = (it.cluster.get("ConfigMap", "kubesleeper", names.CONFIG_MAP) or {})["data"]
        assert "paused-namespaces" not in data


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["pause"], "pause: name an app, or a namespace with -n, or say --all"),
        (["resume"], "resume: name an app, or a namespace with -n, or say --all"),
        (["pause", "--all", "--for", "soon"], "'soon' is not a duration"),
        (["pause", "nothing"], "'nothing' is no Deployment or StatefulSet"),
        (
            ["pause", "-n", "prod"],
            "the setting paused-namespaces: 'Oops' is not the name of a namespace; mend it first",
        ),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, list) else "",
)
async def test_what_cannot_be_paused(
    tmp_path: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with scene(tmp_path) as it:
        it.configure(paused_namespaces="Oops")
        assert await run(*arguments, "--kubeconfig", str(tmp_path / "kubeconfig")) == 1
        assert it.noted() == {names.ENABLED: "true"}
    assert capsys.readouterr().err.startswith(f"waker: {said}")
