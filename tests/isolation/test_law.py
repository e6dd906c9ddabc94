"""The law: nothing that namespace A contains changes what waker says to a visitor of B, or what it writes in B.

Over generated clusters: whatever A writes, B is as it would be without A. The second test puts old faults back, one at a time,
and counts in how many clusters each shows: a generator that finds none of them would prove nothing.
"""

from collections.abc import Mapping
from itertools import product
from typing import Any

import pytest

from tests.isolation.observing import IDLE, seen_by_b
from tests.isolation.tenants import B, attack, household
from waker.cluster.informer import Informer
from waker.observe import indexes
from waker.observe.app import RuntimeFacts
from waker.plan import doors
from waker.plan.doors import Claim, DoorBook, book_of
from waker.plan.snapshot import Traffic
from waker.web import return_url

CLUSTERS = 150
STATES = {
    f"{'held' if held else 'own routes'}, {replicas} replicas, {'idle' if idle else 'visited'}": (replicas, held, idle)
    for replicas, held, idle in product((0, 2), (True, False), (True, False))
}


def facts(*, idle: bool) -> RuntimeFacts:
    traffic = IDLE if idle else Traffic(IDLE.visited_at, "a controller does not answer")
    return RuntimeFacts(traffic=traffic, leader=True, ready=True)


def offences(state: str, seeds: int = CLUSTERS) -> list[tuple[int, str]]:
    """In which generated clusters something of B differs from a cluster without A, and what."""
    replicas, held, idle = STATES[state]
    alone = seen_by_b(household(replicas, held=held), facts(idle=idle))
    found = []
    for seed in range(seeds):
        beside = seen_by_b([*household(replicas, held=held), *attack(seed)], facts(idle=idle))
        found += [(seed, what) for what in alone.keys() | beside.keys() if alone.get(what) != beside.get(what)]
    return found


@pytest.mark.parametrize("state", STATES)
def test_nothing_of_a_changes_anything_for_b(state: str) -> None:
    assert offences(state) == []


def test_a_is_a_real_attacker() -> None:
    """It uses B's hosts, names, numbers and labels, in what waker takes for its own as well."""
    written = str([attack(seed) for seed in range(CLUSTERS)])
    for word in ("shop.example.com", "*.com", "20000", "kubesleeper-waker", "kubesleeper-keeper-way", "saved-backends"):
        assert written.count(word) > 20


# --- old faults, put back -----------------------------------------------------------------------------------------


def every_namespace(informer: Informer[Any], _namespace: str) -> Mapping[str, Any]:
    """Objects are looked for by name, in whatever namespace."""
    return {name: each for objects in informer._store.values() for name, each in objects.items()}


def any_apps_host(url: Any, _hosts: Any, _domains: Any) -> bool:
    """A host is good for going back if any app has it."""
    return bool(url.host in ANY_HOST)


def anybodys_listing(book: DoorBook, wanted: Any, listed: Any, *rest: Any) -> Any:
    """A number that is listed in another namespace is taken from its door."""
    claims = [each for each in listed if isinstance(each, Claim)]
    elsewhere = {each.number for each in claims if each.namespace != B}
    kept = {str(number): str(key) for number, key in book.doors.items() if number not in elsewhere}
    return REVISED(book_of(book.version, {"secret": book.secret} | kept), wanted, (), *rest)


def pairs_of_everybody(_namespace: str, labels: Mapping[str, str]) -> set[indexes.LabelPair]:
    """Workloads and Services stand beside those of whatever namespace that have the same label."""
    return {indexes.LabelPair("", *each) for each in labels.items()}


REVISED = doors.revised
ANY_HOST = {"shop.example.com", "evil.com"}
FAULTS: dict[
    str, tuple[Any, str, Any, int]
] = {  # where, what stands there instead, in how many clusters it shows at least
    "objects are looked for in every namespace": (Informer, "in_namespace", every_namespace, 120),
    "what another namespace lists takes a number from its door": (doors, "revised", anybodys_listing, 50),
    "a selector reaches over namespaces": (indexes, "_pairs", pairs_of_everybody, 100),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_old_fault_would_be_found(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    where, name, broken, at_least = FAULTS[fault]
    monkeypatch.setattr(where, name, broken)
    found = {seed for seed, _ in offences("held, 0 replicas, idle")}
    assert len(found) >= at_least


def test_hosts_of_others_are_no_way_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fault does not depend on A's objects, so it shows at once."""
    before = seen_by_b(household(0, held=True), facts(idle=True))["back"]
    monkeypatch.setattr(return_url, "may_return", any_apps_host)
    assert seen_by_b(household(0, held=True), facts(idle=True))["back"] != before
