"""The book of doors: who gets which number, and that nobody's is ever given to somebody else too early."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.plan.building import NOW
from waker.plan.doors import (
    NO_NUMBER,
    Claim,
    DoorBook,
    DoorKey,
    book_of,
    disputed_numbers,
    parse_key,
    port_name,
    remembering,
    revised,
)
from waker.plan.model import AppId, Kind
from waker.plan.routes.route import Backend
from waker.settings.parsing import PortRange

SECRET = "0123456789abcdef" * 2
FEW = PortRange(20_000, 20_004)
MANY = PortRange(20_000, 29_999)


def key(name: str = "web", namespace: str = "shop", port: str | int = "http") -> DoorKey:
    return DoorKey(AppId(Kind.DEPLOYMENT, namespace, name), Backend(name, port))


def book(**numbers: DoorKey) -> DoorBook:
    """`book(_20000=key())`."""
    return book_of("7", {"secret": SECRET} | {number[1:]: str(door) for number, door in numbers.items()})


def claim(door: DoorKey, number: int, *, minutes_ago: int = 10, namespace: str | None = None) -> Claim:
    """What a Service lists."""
    return Claim(NOW - timedelta(minutes=minutes_ago), namespace or door.app.namespace, port_name(door), number)


def after(old: DoorBook, *wanted: DoorKey, listed: tuple[Claim, ...] = (), chosen: PortRange = MANY) -> DoorBook:
    """The book after one revision."""
    change, _ = revised(old, wanted, listed, chosen)
    return book_of(
        "8", {"secret": SECRET} | {each: text for each, text in (old.data() | change).items() if text is not None}
    )


@pytest.mark.parametrize(
    "door",
    [
        key(),
        key(port=8080),
        DoorKey(AppId(Kind.STATEFUL_SET, "a-b", "db.main"), Backend("db", "d-0")),
    ],
    ids=str,
)
def test_an_entry_is_read_as_it_was_written(door: DoorKey) -> None:
    assert parse_key(str(door)) == door
    assert len(port_name(door)) == 15


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("20001", "gibberish"),
        ("20001", "Deployment shop/web shop:http\n"),
        ("99999", str(key("other"))),
        ("0", str(key("other"))),
        ("x", str(key("other"))),
        ("20001", str(key())),
    ],
)
def test_what_cannot_be_read_is_dropped_and_named(number: str, text: str) -> None:
    found = book_of("7", {"secret": SECRET, "20000": str(key()), number: text})
    assert (dict(found.doors), found.unreadable) == ({20_000: key()}, (number,))
    assert number not in after(found, key()).data()


def test_yesterdays_entry_does_not_keep_a_number_that_is_anothers_today() -> None:
    """Both are of one namespace: it lists the number, but not for that door."""
    yesterday = book(_20000=key("gone"))
    today = after(yesterday, key("new"), listed=(claim(key("new"), 20_000),))
    assert dict(today.doors) == {20_000: key("new")}


def test_numbers_are_given_next_fit() -> None:
    """A number that has just become free is the last one to be given again."""
    first = after(DoorBook(), key("a"), key("b"), chosen=FEW)
    assert dict(first.doors) == {20_000: key("a"), 20_001: key("b")}
    second = after(first, key("b"), chosen=FEW)
    third = after(second, key("b"), key("c"), chosen=FEW)
    assert dict(third.doors) == {20_001: key("b"), 20_002: key("c")}
    full = after(third, *map(key, "bcdef"), chosen=FEW)
    assert full.number(*key("f")) == 20_000


def test_a_number_is_not_free_while_its_own_namespace_lists_it() -> None:
    old = book(_20000=key("gone"))
    listing = (claim(key("gone"), 20_000),)
    assert dict(after(old, listed=listing).doors) == {20_000: key("gone")}
    assert dict(after(old).doors) == {}


def test_what_another_namespace_lists_holds_no_number() -> None:
    """A tenant that lists what is not its own neither keeps a number from others nor gets one."""
    old = book(_20000=key("gone"), _20001=key())
    listing = tuple(claim(key("evil", "evil"), number) for number in range(20_000, 20_005))
    assert dict(after(old, key(), listed=listing, chosen=FEW).doors) == {20_001: key()}
    assert after(old, key(), key("new"), listed=listing, chosen=FEW).number(*key("new")) == 20_000, "no other is left"
    assert after(old, key(), key("new"), listed=listing).number(*key("new")) == 20_005


def test_a_lost_book_is_what_it_was() -> None:
    doors = [key(name, space) for name in ("web", "api") for space in ("shop", "blog")]
    before = after(DoorBook(), *doors)
    listing = tuple(claim(door, number) for number, door in before.doors.items())
    assert dict(after(DoorBook(), *doors, listed=listing).doors) == dict(before.doors)


def test_a_book_of_yesterday_becomes_that_of_today() -> None:
    """What was given since is taken back from the Services before any new number is given."""
    today = after(book(_20000=key("old")), key("old"), key("new"))
    listing = tuple(claim(door, number) for number, door in today.doors.items())
    restored = after(book(_20000=key("old")), key("old"), key("new"), key("newest"), listed=listing)
    assert restored.number(*key("new")) == today.number(*key("new"))
    assert restored.number(*key("newest")) not in today.doors


@pytest.mark.parametrize("minutes_ago", [5, 9999])
@pytest.mark.parametrize("name", ["web", "evil"])
def test_a_number_that_two_namespaces_list_is_given_to_neither(name: str, minutes_ago: int) -> None:
    """Whoever is older, and whatever the other lists it for: a tenant may list what it likes."""
    ours, theirs = key("web", "shop"), key(name, "evil")
    listing = (claim(ours, 20_003, minutes_ago=60), claim(theirs, 20_003, minutes_ago=minutes_ago))
    for wanted in ({ours}, {theirs}, {ours, theirs}):
        found = after(DoorBook(), *wanted, listed=listing)
        assert {found.number(*each) for each in wanted}.isdisjoint({0, 20_003})


def test_of_two_claims_in_one_namespace_the_older_counts() -> None:
    older, newer = key("old"), key("new")
    listing = (claim(newer, 20_003, minutes_ago=5), claim(older, 20_003, minutes_ago=60))
    found = after(DoorBook(), older, newer, listed=listing)
    assert found.number(*older) == 20_003
    assert found.number(*newer) not in (0, 20_003)


def followed(*books: DoorBook, wanted: set[DoorKey]) -> DoorBook:
    """What a running waker makes of books that follow each other."""
    found = DoorBook()
    for each in books:
        found = remembering(found, each, wanted.__contains__)
    return found


@pytest.mark.parametrize(
    "restored", [book(), book(_20005=key("b", "other"))], ids=["forgotten", "forgotten by an older one"]
)
def test_a_wanted_door_keeps_the_number_that_is_remembered_for_it(restored: DoorBook) -> None:
    """Though an older Service of somebody else lists it, and its own lists another."""
    ours, theirs = key("web", "shop"), key("evil", "evil")
    now = followed(book(_20003=ours, _20004=theirs), restored, wanted={ours, theirs})
    listing = (claim(theirs, 20_003, minutes_ago=9999), claim(ours, 20_009))
    found = after(now, ours, theirs, listed=listing)
    assert (found.number(*ours), found.number(*theirs)) == (20_003, 20_004)


@pytest.mark.parametrize("older", [book(_20003=key("b", "other")), book(_20003=key("b", "other"), _20007=key("a"))])
def test_an_older_book_gives_no_number_of_a_wanted_door_away(older: DoorBook) -> None:
    mine, theirs = key("a"), key("b", "other")
    now = followed(book(_20003=mine), older, wanted={mine, theirs})
    assert now.at(20_003) == mine
    assert now.number(*theirs) == 0
    found = after(now, mine, theirs)
    assert found.at(20_003) in (mine, None)
    assert found.number(*theirs) not in (0, 20_003)
    assert found.number(*mine) == (now.number(*mine) or 20_003)


def test_a_number_that_was_given_away_in_order_is_not_taken_back() -> None:
    """Its former door was not wanted, or has got another one meanwhile."""
    first, second = key("a"), key("b")
    given = followed(book(_20003=first), book(_20003=second), wanted={second})
    assert dict(after(given, first, second).doors) == {20_000: first, 20_003: second}
    moved = followed(book(_20003=first), book(), book(_20005=first), book(_20003=second, _20005=first), wanted={first})
    assert dict(moved.doors) == {20_003: second, 20_005: first}


def test_what_is_remembered_of_others_is_claimed_by_nobody() -> None:
    """Requests of its former door's visitors may still be on their way."""
    gone, theirs = key("gone"), key("evil", "evil")
    now = followed(book(_20003=gone), book(), wanted=set())
    assert after(now, theirs, listed=(claim(theirs, 20_003),)).number(*theirs) == 20_000
    assert after(now, gone, listed=(claim(theirs, 20_003),)).number(*gone) == 20_003


def test_new_numbers_spare_what_is_remembered_of_wanted_doors() -> None:
    moved = followed(book(_20000=key()), book(_20007=key()), wanted={key()})
    assert after(moved, key(), key("new")).number(*key("new")) == 20_001


def test_a_service_cannot_take_what_is_somebodys() -> None:
    old = book(_20000=key())
    listing = (claim(key("evil", "evil"), 20_000, minutes_ago=9999),)
    found = after(old, key(), key("evil", "evil"), listed=listing)
    assert found.number(*key()) == 20_000
    assert found.number(*key("evil", "evil")) != 20_000


@pytest.mark.parametrize("number", [80, 1024, 8080, 9090, 6443, 65535])
def test_a_claim_outside_the_range_counts_for_nothing(number: int) -> None:
    """Nobody makes waker listen where it should not."""
    assert after(DoorBook(), key(), listed=(claim(key(), number),)).number(*key()) == 20_000


def test_doors_survive_a_change_of_the_range() -> None:
    old = after(DoorBook(), key("a"))
    assert dict(after(old, key("a"), key("b"), chosen=PortRange(21_000, 21_999)).doors) == {
        20_000: key("a"),
        21_000: key("b"),
    }


def test_where_no_number_is_left_nobody_loses_one() -> None:
    old = after(DoorBook(), *map(key, "abcde"), chosen=FEW)
    change, without = revised(old, [key(name) for name in "abcdefg"], (), FEW)
    assert (change, set(without)) == ({}, {key("f"), key("g")})
    assert set(without.values()) == {NO_NUMBER}


def test_one_namespace_does_not_get_all_numbers() -> None:
    """A Service of five thousand ports is the limit; the neighbours' apps get theirs."""
    crowd = [key(f"app-{i}", "crowd") for i in range(5200)]
    change, without = revised(DoorBook(), [*crowd, key("web", "shop")], (), MANY)
    assert len(without) == 200
    assert all(each.app.namespace == "crowd" for each in without)
    assert sum(1 for text in change.values() if text and text.startswith("Deployment ")) == 5001


def test_ingress_nginx_gets_no_more_ports_than_it_can_take() -> None:
    """In one namespace 200 doors, and in all of them no more than it can hand to its workers; neighbours still get theirs."""
    crowds = [key(f"app-{i:03}", f"crowd-{n}") for n in range(6) for i in range(300)]
    few = [key(f"app-{i}", f"few-{n}") for n in range(20) for i in range(3)]
    _, without = revised(DoorBook(), [*crowds, *few], (), MANY, {*crowds, *few})
    given = Counter(each.app.namespace for each in {*crowds, *few} - without.keys())
    assert max(given.values()) == 200
    assert sum(count * count for count in given.values()) <= 250_000
    assert all(given[f"few-{n}"] == 3 for n in range(20))
    _, without = revised(DoorBook(), crowds, (), MANY)
    assert not without, "other controllers do not repeat them"


def test_a_proof_is_for_one_door_and_one_nonce() -> None:
    found = book()
    nonce, other = "0" * 32, "1" * 32
    proofs = {found.proof(20_000, nonce), found.proof(20_001, nonce), found.proof(20_000, other)}
    assert len(proofs) == 3
    assert book_of("7", {"secret": "f" * 32}).proof(20_000, nonce) not in proofs, "another waker's"
    assert [found.proof(20_000, bad) for bad in ("", "0", "0" * 33, "G" * 32)] == [""] * 4
    assert DoorBook().proof(20_000, nonce) == ""


KEYS = [key(name, space) for name in ("a", "b", "c") for space in ("one", "two")]
STEPS = st.lists(st.tuples(st.sets(st.sampled_from(KEYS)), st.booleans()), min_size=1, max_size=8)


@settings(max_examples=300, deadline=None)
@given(STEPS)
def test_in_no_history_a_number_means_two_apps(steps: list[tuple[set[DoorKey], bool]]) -> None:
    """Apps come and go, Services follow late or not at all, and the book is lost now and then."""
    now = DoorBook()
    listed: dict[tuple[str, str], int] = {}  # by namespace and port name: what the Services list
    for wanted, lost in steps:
        claims = tuple(Claim(NOW, space, name, number) for (space, name), number in listed.items())
        now = after(DoorBook() if lost else now, *wanted, listed=claims)
        for door, number in ((key, number) for number, key in now.doors.items()):
            if door in wanted:
                listed[door.app.namespace, port_name(door)] = number
        for door in KEYS:
            if door not in wanted and len(wanted) % 2:  # corrected at once, or not yet
                listed.pop((door.app.namespace, port_name(door)), None)
        assert all(now.number(*door) for door in wanted)
        for (space, name), number in listed.items():
            owner = now.doors.get(number)
            assert owner is None or (owner.app.namespace, port_name(owner)) == (space, name)
        assert len(set(now.doors.values())) == len(now.doors)
        assert {now.number(*door) for door in now.doors.values()} == set(now.doors)


def test_who_lets_go_of_a_disputed_number_does_not_leave_it_to_the_other() -> None:
    """Its owner, who has got another one by then: requests for the owner may still be under way to it."""
    theirs, stranger = key(), key("evil", "team-a")
    both = [claim(theirs, 20_005), claim(stranger, 20_005)]
    assert disputed_numbers(both) == {20_005}
    assert disputed_numbers([claim(theirs, 20_005), claim(theirs, 20_005, minutes_ago=5)]) == set()
    known = replace(book(), disputed=frozenset({20_005}))
    assert 20_005 not in after(known, stranger, listed=(claim(stranger, 20_005),)).doors
    assert 20_005 in after(book(), stranger, listed=(claim(stranger, 20_005),)).doors
    assert remembering(known, book(_20001=theirs), lambda _: True).disputed == {20_005}
