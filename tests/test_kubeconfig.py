"""Whose kubeconfig it is: contexts, their namespaces, other people's names, and programs that print credentials."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.test_cli import run
from waker import names
from waker.demo.cluster import DemoCluster
from waker.demo.kinds import Obj
from waker.demo.samples import SAMPLES, manifests


@pytest.fixture
async def cluster() -> AsyncIterator[DemoCluster]:
    async with DemoCluster() as found:
        found.load([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "prod"}}])
        for namespace in ("default", "prod"):
            found.load(manifests(SAMPLES["shop"], namespace, {names.ENABLED: "true"}))
        yield found


def written(folder: Path, cluster: DemoCluster, user: dict[str, Any] | None = None) -> str:
    """A kubeconfig with two contexts: `here` is the current one, `there` is of the namespace prod."""
    contexts = [
        {"name": "here", "context": {"cluster": "demo", "user": "me"}},
        {"name": "there", "context": {"cluster": "demo", "user": "me", "namespace": "prod"}},
    ]
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "demo", "cluster": {"server": cluster.api_url}}],
        "users": [{"name": "me", "user": user or {"token": "mine"}}],
        "contexts": contexts,
        "current-context": "here",
    }
    (folder / "kubeconfig").write_text(json.dumps(config))
    return str(folder / "kubeconfig")


def pinned(cluster: DemoCluster, namespace: str) -> str:
    found: Obj = cluster.get("Deployment", namespace, "shop") or {}
    return str(found["metadata"]["annotations"].get(names.STATE, ""))


async def test_the_namespace_is_that_of_the_context(cluster: DemoCluster, tmp_path: Path) -> None:
    config = written(tmp_path, cluster)
    assert await run("sleep", "shop", "--pin", "--kubeconfig", config, "--context", "there") == 0
    assert [pinned(cluster, each) for each in ("default", "prod")] == ["", "asleep"]
    assert await run("wake", "shop", "--pin", "--kubeconfig", config) == 0
    assert [pinned(cluster, each) for each in ("default", "prod")] == ["awake", "asleep"]
    assert await run("auto", "shop", "-n", "prod", "--kubeconfig", config) == 0
    assert [pinned(cluster, each) for each in ("default", "prod")] == ["awake", ""]


async def test_a_context_that_is_not_there(
    cluster: DemoCluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = written(tmp_path, cluster)
    assert await run("status", "--kubeconfig", config, "--context", "nowhere") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"waker: kubeconfig {config}: ")
    assert "nowhere" in line


async def test_somebody_elses_name_is_sent(cluster: DemoCluster, tmp_path: Path) -> None:
    assert await run("status", "--kubeconfig", written(tmp_path, cluster), "--as", "jane") == 0
    seen = {(call.user, call.acts_for) for call in cluster.api.faults.calls}
    assert seen == {("mine", "jane")}


async def test_a_program_prints_the_credentials(cluster: DemoCluster, tmp_path: Path) -> None:
    credential = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": "made"},
    }
    script = tmp_path / "login"
    script.write_text(f"#!/bin/sh\necho '{json.dumps(credential)}'\n")
    script.chmod(0o755)
    plugin = {"apiVersion": credential["apiVersion"], "command": str(script), "interactiveMode": "Never"}
    assert await run("status", "--kubeconfig", written(tmp_path, cluster, {"exec": plugin})) == 0
    assert {call.user for call in cluster.api.faults.calls} == {"made"}


async def test_a_program_that_fails_is_one_sentence(
    cluster: DemoCluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(tmp_path / "none")}
    config = written(tmp_path, cluster, {"exec": plugin})
    assert await asyncio.wait_for(run("status", "--kubeconfig", config), 10) == 1
    *_, line = capsys.readouterr().err.splitlines()  # the library logs it, too
    assert line.startswith(f"waker: kubeconfig {config}: ")
