"""How the client reaches the API server: kubeconfig or service account, its token, and nothing of the environment."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from waker.cluster import client, kubeconfig, partial_import
from waker.cluster.client import connect
from waker.cluster.resources import CONFIG_MAPS
from waker.errors import SettingsError

from .scripted import ScriptedResponse, scripted, watch_line

ONE = CONFIG_MAPS.one("default", "a")
ALL = CONFIG_MAPS.collection("default")


async def test_in_a_pod_the_token_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is rotated every hour. A client that keeps the first one is locked out."""
    in_a_pod(tmp_path, monkeypatch, token="first")
    configuration = await kubeconfig.configuration("")
    assert configuration.host == "https://10.0.0.1:443"
    assert (await configuration.auth_settings())["BearerToken"]["value"] == "Bearer first"
    (tmp_path / "token").write_text("second")
    later = datetime.now() + timedelta(minutes=2)  # noqa: DTZ005 as the library does
    monkeypatch.setattr("kubernetes_asyncio.config.incluster_config.datetime.datetime", StoppedClock(later))
    assert (await configuration.auth_settings())["BearerToken"]["value"] == "Bearer second"


async def test_in_a_pod_no_call_uses_threads_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library would look for a .netrc before each call."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    large_event = watch_line("ADDED", text="x" * 1_500_000)
    async with scripted(tmp_path, ScriptedResponse(), ScriptedResponse(large_event)) as (api, _):
        client._ignore_netrc_and_proxies(api._client)
        monkeypatch.setattr(asyncio.get_running_loop(), "run_in_executor", None)
        await api.get(ONE)
        assert len([event async for event in api.watch(ALL, {})]) == 1


@dataclass
class StoppedClock:
    """A clock that stands still, in place of `datetime.datetime`."""

    at: datetime

    def now(self) -> datetime:
        """Always the same time."""
        return self.at


def in_a_pod(folder: Path, monkeypatch: pytest.MonkeyPatch, *, token: str) -> None:
    """Make this process look as if it ran in a pod."""
    partial_import.load()
    for name, text in (("token", token), ("ca.crt", "a certificate")):
        (folder / name).write_text(text)
    monkeypatch.setattr(kubeconfig, "TOKEN_FILE", str(folder / "token"))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    library = "kubernetes_asyncio.config.incluster_config"
    monkeypatch.setattr(f"{library}.SERVICE_TOKEN_FILENAME", str(folder / "token"))
    monkeypatch.setattr(f"{library}.SERVICE_CERT_FILENAME", str(folder / "ca.crt"))


@pytest.mark.parametrize("text", ["", "{", "[]", "a: b", '{"clusters": []}', "\x00"])
async def test_an_unusable_kubeconfig(tmp_path: Path, text: str) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(text)
    with pytest.raises(SettingsError, match=f"kubeconfig {file}: "):
        async with connect(str(file)):
            pass


async def test_a_missing_kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "nowhere"))
    with pytest.raises(SettingsError, match="nowhere: the file does not exist or cannot be read"):
        async with connect(""):
            pass
