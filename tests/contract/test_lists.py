"""Lists: selectors, pages, and pages that came too late."""

import pytest

from .client import Client
from .conftest import ContractPlace

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
    """Leases, since nobody else makes any in a new namespace."""
    for number, name in enumerate("abcd"):
        labels = {"n": str(number)} if number else {}
        await api.create("leases", {"metadata": {"name": name, "labels": labels}, "spec": {"holderIdentity": "me"}})


async def test_listed_in_order(api: Client) -> None:
    await filled(api)
    answer = await api.get("leases")
    assert (answer.body["kind"], answer.body["apiVersion"]) == ("LeaseList", "coordination.k8s.io/v1")
    assert answer.names == list("abcd")
    assert not {"kind", "apiVersion"} & answer.body["items"][0].keys()


@pytest.mark.parametrize(("selector", "names"), SELECTED.items(), ids=SELECTED)
async def test_label_selector(api: Client, selector: str, names: str) -> None:
    await filled(api)
    assert (await api.get("leases", labelSelector=selector)).names == list(names)


@pytest.mark.parametrize("selector", ["n=(", "n in 1", "=1"])
async def test_unreadable_label_selector(api: Client, selector: str) -> None:
    assert (await api.get("leases", labelSelector=selector)).said == (400, "BadRequest")


async def test_field_selector(api: Client) -> None:
    await filled(api)
    assert (await api.get("leases", fieldSelector="metadata.name=b")).names == ["b"]
    assert (await api.get("leases", fieldSelector="metadata.name!=b")).names == list("acd")
    assert (await api.get("leases", fieldSelector="spec.nonsense=b")).said == (400, "BadRequest")
    everywhere = await api.get(
        "/apis/coordination.k8s.io/v1/leases", fieldSelector=f"metadata.namespace={api.namespace}"
    )
    assert everywhere.names == list("abcd")


async def test_all_namespaces(api: Client) -> None:
    await filled(api)
    answer = await api.get("/apis/coordination.k8s.io/v1/leases")
    mine = [item for item in answer.body["items"] if item["metadata"]["namespace"] == api.namespace]
    assert [item["metadata"]["name"] for item in mine] == list("abcd")


async def test_pages_show_one_moment(api: Client) -> None:
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


async def test_pages_of_a_selection(api: Client) -> None:
    await filled(api)
    first = await api.get("leases", limit="2", labelSelector="n")
    assert first.names == ["b", "c"]
    rest = await api.get("leases", limit="2", labelSelector="n", **{"continue": first.body["metadata"]["continue"]})
    assert rest.names == ["d"]


async def test_a_page_that_nobody_gave_out(api: Client) -> None:
    assert (await api.get("leases", limit="2", **{"continue": "bogus"})).said == (400, "BadRequest")


async def test_a_page_that_comes_too_late(place: ContractPlace) -> None:
    api = place.client
    await filled(api)
    first = await api.get("leases", limit="2")
    await api.delete("leases/d")
    await place.forget()
    late = await api.get("leases", limit="2", **{"continue": first.body["metadata"]["continue"]})
    assert late.said == (410, "Expired")
