"""The page for operators of the whole service: what it shows of a cycle, and what its buttons do."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from waker import names
from waker.commands import dashboard as command
from waker.errors import WakerError
from waker.plan.access import Credential, Right, Verdict
from waker.process import _dashboard
from waker.reconcile.by_hand import DONE
from waker.settings.flags import Settings
from waker.web.dashboard import ACTIONS

from .scene import RunningWaker, ServiceScene, scene


async def lets_everybody(_reviews: object, _credential: Credential, _right: Right) -> Verdict:
    return Verdict.ALLOWED


async def press(it: ServiceScene, running: RunningWaker, action: str, name: str = "shop") -> tuple[int, Any]:
    """One button, with a token."""
    body = {"namespace": "default", "kind": "Deployment", "name": name, "action": action}
    url = f"http://127.0.0.1:{running.settings.private_port}/dashboard/act"
    async with it.session.post(url, json=body, headers={"Authorization": "Bearer t"}) as answer:
        return answer.status, await answer.json(content_type=None)


async def test_it_shows_a_cycle(tmp_path: Path) -> None:
    async with scene(tmp_path) as it, it.waker() as running:
        await it.put_to_sleep()
        await it.until(lambda: sum(running.service.runtime.savings.sleeping().values()) == 1)
        page = await it.private(running, "/dashboard")
        assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert 'data-id="default/Deployment/shop" data-phase="Asleep"' in page.body
        await it.served()
        await it.awake()
        await it.until(running.service.runtime.wakes.ended)
        shown = _dashboard(running.service, "shop awake", "awake")
        json.dumps(shown)
        (app,), (wake,), (controller,) = shown["apps"], shown["wakes"], shown["controllers"]
        assert (app["phase"], app["lastWake"]) == ("Awake", wake)
        assert (wake["app"], wake["by"], wake["outcome"]) == ("default/shop", "browser", "ready")
        assert sum(wake["stages"].values()) == pytest.approx(wake["seconds"], abs=0.1)
        assert controller["title"] == "Traefik"
        assert shown["tiles"]["awake"] == 1
        assert [each["namespace"] for each in shown["savings"]["namespaces"]] == ["default"]
        assert shown["hours"]
        assert _dashboard(running.service, "shop", "asleep")["apps"] == []


async def test_who_has_not_been_visited_yet_is_told_from_who_has(tmp_path: Path) -> None:
    async with scene(tmp_path) as it, it.waker() as running:
        await it.until(lambda: _dashboard(running.service, "", "")["apps"][0]["code"] == "InUse")
        (app,) = _dashboard(running.service, "", "")["apps"]
        explained = json.loads((await it.private(running, "/apps/default/Deployment/shop")).body)
        assert (app["visitedAt"], bool(app["unseenSince"])) == (None, True)
        assert app["reason"].startswith("nobody has been seen since waker began to watch it at 20")
        assert app["reason"].endswith(" UTC: sleeps 1d after that")
        assert "is awake: nobody has been seen since waker began to watch it " in explained["answer"]
        await it.visit()
        await it.until(lambda: _dashboard(running.service, "", "")["apps"][0]["visitedAt"])
        (app,) = _dashboard(running.service, "", "")["apps"]
    assert (app["unseenSince"], app["reason"]) == (None, "in use: sleeps 1d after its last visit")


async def test_it_says_that_everything_is_paused(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        it.configure(paused_until="2999-01-31T18:00:00Z")
        async with it.waker() as running:
            await it.until(lambda: _dashboard(running.service, "", "")["paused"])


async def test_buttons_do_what_commands_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("waker.cluster.reviews.Reviews.verdict", lets_everybody)
    async with scene(tmp_path) as it, it.waker(dashboard_actions=True) as running:
        assert (await press(it, running, "sleep"))[0] == 200
        await it.asleep()
        assert (await press(it, running, "wake"))[0] == 200
        await it.awake()
        assert (await press(it, running, "pause"))[0] == 200
        await it.until(lambda: running.service.status_rows()[0]["code"] == "Paused")
        assert _dashboard(running.service, "", "")["apps"][0]["paused"]
        status, problem = await press(it, running, "sleep")
        assert (status, "it is paused" in problem["detail"]) == (409, True)
        assert (await press(it, running, "resume"))[0] == 200
        await it.until(lambda: names.PAUSED not in it.noted())
        assert not _dashboard(running.service, "", "")["apps"][0]["paused"]
        it.annotate(names.STATE, "awake")
        await it.until(lambda: running.service.status_rows()[0]["code"] == "PinnedAwake")
        status, problem = await press(it, running, "sleep")
        assert (status, "pinned awake" in problem["detail"]) == (409, True)
        assert (await press(it, running, "auto"))[0] == 200
        await it.until(lambda: names.STATE not in it.noted())
        assert (await press(it, running, "sleep", "nobody"))[0] == 404


async def test_a_dry_run_presses_no_button(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("waker.cluster.reviews.Reviews.verdict", lets_everybody)
    async with scene(tmp_path) as it, it.waker(dashboard_actions=True, dry_run=True) as running:
        assert await press(it, running, "sleep") == (409, {
            "type": "about:blank", "title": "Conflict", "status": 409, "detail": "waker runs with --dry-run"
        })  # fmt: skip
        assert not {names.SLEEP_REQUESTED_AT} & it.noted().keys()


def test_every_button_has_words() -> None:
    assert tuple(DONE) == ACTIONS


# --- waker dashboard ----------------------------------------------------------------------------------------------


def kubectl(folder: Path, script: str) -> None:
    """A program of that name."""
    program = folder / "kubectl"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


async def run(folder: Path, monkeypatch: pytest.MonkeyPatch, it: Any) -> int:
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    return await command.dashboard(it, 0, browser=False)


async def test_the_command_forwards_the_port_and_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kubectl(tmp_path, f'echo "$*" >{tmp_path}/said; echo "Forwarding from 127.0.0.1:4711 -> 9090"; echo again; exit 3')
    async with scene(tmp_path / "scene") as it:
        settings = it.settings()
        assert await run(tmp_path, monkeypatch, settings) == 3
    assert capsys.readouterr().out == "http://127.0.0.1:4711/dashboard  (Ctrl-C ends it)\n"
    said = (tmp_path / "said").read_text().strip()
    assert (
        said
        == f"--kubeconfig {settings.kubeconfig} -n kubesleeper port-forward --address=127.0.0.1 service/waker :metrics"
    )


async def test_the_command_forwards_for_whom_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kubectl(tmp_path, f'echo "$*" >{tmp_path}/said; echo "Forwarding from 127.0.0.1:4711 -> 9090"')
    settings = Settings(context="prod", acts_for="jane")
    assert await run(tmp_path, monkeypatch, settings) == 0
    assert (tmp_path / "said").read_text().startswith("--context prod --as jane -n kubesleeper port-forward ")


async def test_the_command_says_what_kubectl_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kubectl(tmp_path, "echo 'error: services \"waker\" not found' >&2; exit 1")
    async with scene(tmp_path / "scene") as it:
        with pytest.raises(WakerError, match='services "waker" not found'):
            await run(tmp_path, monkeypatch, it.settings())


async def test_without_kubectl_the_command_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    async with scene(tmp_path / "scene") as it:
        with pytest.raises(WakerError, match="kubectl is not on PATH"):
            await command.dashboard(it.settings(), 0, browser=False)
