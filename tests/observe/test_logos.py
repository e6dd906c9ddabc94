"""Pictures are read when a page is made: once for a crowd, within a moment, and for nobody at another's cost."""

import asyncio
from typing import Any, cast

import pytest

from waker import names
from waker.cluster.client import Api
from waker.errors import ClusterError
from waker.observe import logos
from waker.observe.logos import Logos
from waker.plan.model import AppId, Kind
from waker.web.samples import LOGO

SHOP = AppId(Kind.DEPLOYMENT, "demo", "shop")


class PictureApi:
    """An API server with workloads that all have this annotation. `gate`: it answers nothing before that."""

    def __init__(self, text: str | None = LOGO) -> None:
        self.text, self.asked = text, list[str]()
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: ClusterError | None = None
        self.found: Any = None  # instead of such a workload

    async def get(self, path: str, *, longest: int) -> Any:
        assert longest == logos.LONGEST_OBJECT
        self.asked.append(path)
        await self.gate.wait()
        if self.error:
            raise self.error
        return self.found or {"metadata": {"annotations": {names.LOGO: self.text} if self.text is not None else None}}


def reading(api: PictureApi) -> Logos:
    return Logos(cast(Api, api))


async def test_a_crowd_is_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logos, "KEPT", 0.05)
    api = PictureApi(f" {LOGO}\n")
    read = reading(api)
    assert set(await asyncio.gather(*(read.read(SHOP) for _ in range(100)))) == {LOGO}
    assert len(api.asked) == 1
    assert "deployments/shop" in api.asked[0]
    await asyncio.sleep(0.1)
    assert read._readings == {}, "nothing is kept"
    await read.read(SHOP)
    assert len(api.asked) == 2


@pytest.mark.parametrize("text", [None, "", "https://example.com/logo.png", LOGO + '"onerror="x', "x" * 300_000])
async def test_what_cannot_be_shown_is_not(text: str | None) -> None:
    assert await reading(PictureApi(text)).read(SHOP) == ""


async def test_an_api_server_that_refuses_or_hangs_costs_the_picture_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logos, "PATIENCE", 0.01)
    api = PictureApi()
    api.error = ClusterError("no")
    assert await reading(api).read(SHOP) == ""
    api.error = None
    api.gate.clear()
    read = reading(api)
    assert await read.read(SHOP) == ""
    api.gate.set()
    await asyncio.sleep(0.01)
    assert await read.read(SHOP) == LOGO


@pytest.mark.parametrize(
    "found",
    [
        pytest.param({"kind": "Status"}, id="no metadata"),
        pytest.param({"metadata": "x"}, id="metadata of another kind"),
        pytest.param({"metadata": {"annotations": ["x"]}}, id="annotations of another kind"),
        pytest.param(["x"], id="no object"),
    ],
)
async def test_an_answer_that_is_no_workload_costs_the_picture_only(found: Any) -> None:
    api = PictureApi()
    api.found = found
    assert await reading(api).read(SHOP) == ""


async def test_many_namespaces_together_take_no_more_than_a_few_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that an API server that is ill is not asked by thousands of pages at once. Who comes too late goes without at once."""
    monkeypatch.setattr(logos, "PATIENCE", 0.01)
    api = PictureApi()
    api.gate.clear()
    read = reading(api)
    apps = [SHOP._replace(namespace=f"team-{number}") for number in range(50)]
    assert set(await asyncio.gather(*map(read.read, apps))) == {""}
    assert len(api.asked) == logos.ALL_AT_ONCE
    monkeypatch.setattr(logos, "PATIENCE", 3600)
    async with asyncio.timeout(5):
        assert await read.read(SHOP) == ""
    api.gate.set()
    assert await read.read(apps[0]) == LOGO
    await asyncio.sleep(0)
    assert await read.read(SHOP) == LOGO, "a call that has ended counts no more"


async def test_one_namespace_takes_no_calls_of_anothers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logos, "PATIENCE", 0.01)
    api = PictureApi()
    api.gate.clear()
    read = reading(api)
    await asyncio.gather(*(read.read(SHOP._replace(name=f"app-{number}")) for number in range(50)))
    assert len(api.asked) == logos.AT_ONCE
    await read.read(SHOP._replace(namespace="other"))
    assert len(api.asked) == logos.AT_ONCE + 1
    api.gate.set()
