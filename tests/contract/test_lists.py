"""Lists: selectors, chunks, and continue tokens that have expired."""

import pytest

from .client import Client
from .conftest import ServerUnderTest

SELECTED = {
    "n": "bcd",
    "!n": "a",
    "n=1": "b",
    "n==1": "b",
    "n!=1": "acd",
    "n in (1,2)": "bc",
    "n notin (1, 2)": "ad",
    "n,n!=2": "bd",
    "n=1,n=2": "",
}


async def filled(api: Client) -> None:
    """Create Leases: no controller creates any in a new namespace."""
    for number, name in enumerate("abcd"):
        labels = {"n": str(number)} if number else {}
        await api.create("leases", {"metadata": {"name": name, "labels": labels}, "spec": {"holderIdentity": "me"}})


async def test_listed_in_order(api: Client) -> None:
    await filled(api)
    response = await api.get("leases")
    assert (response.body["kind"], response.body["apiVersion"]) == ("LeaseList", "coordination.k8s.io/v1")
    assert response.names == list("abcd")
    assert not {"kind", "apiVersion"} & response.body["items"][0].keys()


@pytest.mark.parametrize(("selector", "names"), SELECTED.items(), ids=SELECTED)
async def test_label_selector(api: Client, selector: str, names: str) -> None:
    await filled(api)
    assert (await api.get("leases", labelSelector=selector)).names == list(names)


@pytest.mark.parametrize("selector", ["n=(", "n in 1", "=1"])
async def test_unreadable_label_selector(api: Client, selector: str) -> None:
    assert (await api.get("leases", labelSelector=selector)).refusal == (400, "BadRequest")


async def test_field_selector(api: Client) -> None:
    await filled(api)
    assert (await api.get("leases", fieldSelector="metadata.name=b")).names == ["b"]
    assert (await api.get("leases", fieldSelector="metadata.name!=b")).names == list("acd")
    assert (await api.get("leases", fieldSelector="spec.nonsense=b")).refusal == (400, "BadRequest")
    everywhere = await api.get(
        "/apis/coordination.k8s.io/v1/leases", fieldSelector=f"metadata.namespace={api.namespace}"
    )
    assert everywhere.names == list("abcd")


async def test_all_namespaces(api: Client) -> None:
    await filled(api)
    response = await api.get("/apis/coordination.k8s.io/v1/leases")
    mine = [item for item in response.body["items"] if item["metadata"]["namespace"] == api.namespace]
    assert [item["metadata"]["name"] for item in mine] == list("abcd")


async def test_all_chunks_show_the_same_moment(api: Client) -> None:
    await filled(api)
    first = await api.get("leases", limit="2")
    assert first.names == ["a", "b"]
    assert first.body["metadata"]["remainingItemCount"] == 2
    await api.delete("leases/c")
    await api.create("leases", {"metadata": {"name": "e"}})
    rest = await api.get("leases", limit="2", **{"continue": first.body["metadata"]["continue"]})
    assert rest.names == ["c", "d"]
    assert rest.version == first.version
    assert "continue" not in rest.body["metadata"]


async def test_chunks_with_a_selector(api: Client) -> None:
    await filled(api)
    first = await api.get("leases", limit="2", labelSelector="n")
    assert first.names == ["b", "c"]
    rest = await api.get("leases", limit="2", labelSelector="n", **{"continue": first.body["metadata"]["continue"]})
    assert rest.names == ["d"]


async def test_an_invalid_continue_token(api: Client) -> None:
    assert (await api.get("leases", limit="2", **{"continue": "bogus"})).refusal == (400, "BadRequest")


async def test_an_expired_continue_token(server: ServerUnderTest) -> None:
    api = server.client
    await filled(api)
    first = await api.get("leases", limit="2")
    await api.delete("leases/d")
    await server.forget()
    late = await api.get("leases", limit="2", **{"continue": first.body["metadata"]["continue"]})
    assert late.refusal == (410, "Expired")
