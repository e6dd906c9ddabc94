"""Doors: which port of waker is for which app and backend.

    20000  Deployment shop/web shop:http
    20001  Deployment shop/api api:8080

A request at a door is for that app and that backend, whatever its host, path and headers say. The book of all doors is the
data of one ConfigMap, `kubesleeper-doors`, in waker's own namespace; the Services in the namespaces of apps are projections of
it. Only the holder of the Lease writes it. Rules:

- A number belongs to one door for as long as the door is wanted, or something in its own namespace lists it for that door.
- If the book is lost or restored from a backup, what a running waker remembers of newer books counts first: a wanted door keeps
  its number, also against an older book that has another door there.
- Then what Services list: a door without a number takes the one that its own namespace's Service lists for it, if the number is
  nobody's and nobody else's in memory. Within a namespace the older Service counts. A number that two namespaces list, or have
  listed since this waker began, is given to neither, because a tenant may list anything.
- All other numbers are given next-fit: a number is given again as late as possible, and only if no other is left while anything
  anywhere lists it.

Pure. `observe.doors` reads the ConfigMap, `reconcile.doors` writes it, `web.doors` listens.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Set
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain
from sys import intern
from typing import Final, NamedTuple

from waker.plan.model import AppId, Kind
from waker.plan.port_budget import PortBudget
from waker.plan.routes.route import Backend
from waker.settings.parsing import PortRange

SECRET: Final = "secret"  # noqa: S105 the name of a key; its value is 128 random bits in hex
NEXT: Final = "next"  # the key of the number from which the next free one is looked for
ENTRY: Final = re.compile(r"(Deployment|StatefulSet) ([a-z0-9-]+)/([a-z0-9.-]+) ([a-z0-9-]+):([a-z0-9-]+)")
NUMBER: Final = re.compile(r"[1-9]\d{3,4}")
NONCE: Final = re.compile(r"[0-9a-f]{32}")
NO_NUMBER: Final = "no number is left for it, widen the setting door-ports"


class DoorKey(NamedTuple):
    """What a door is for."""

    app: AppId
    backend: Backend

    def __str__(self) -> str:
        return f"{self.app.kind} {self.app.namespace}/{self.app.name} {self.backend.service}:{self.backend.port}"


def parse_key(text: str) -> DoorKey | None:
    """The inverse of `str`; None if it is not a door. A port's name has a letter, so it is never taken for a number."""
    found = ENTRY.fullmatch(text)
    if not found:
        return None
    kind, namespace, name, service, port = found.groups()
    app = AppId(Kind(kind), intern(namespace), name)
    service = name if service == name else service  # mostly they are the same; thousands of doors share the text
    return DoorKey(app, Backend(service, int(port) if port.isdigit() else intern(port)))


def port_name(key: DoorKey) -> str:
    """The name of the door's port in its Service, and in the slices of it. A Service's ports are named in 15 letters."""
    return f"d-{hashlib.sha256(str(key).encode()).hexdigest()[:13]}"


class Claim(NamedTuple):
    """That the Service of a namespace, made at that time, lists this number under this name."""

    made_at: datetime
    namespace: str
    name: str
    number: int


@dataclass(frozen=True, slots=True)
class DoorBook:
    """All doors. `version` is the resourceVersion of the ConfigMap, "" if there is none.

    `former`: whose the numbers were that this book gives to nobody, the latest last. `disputed`: those that several namespaces
    have listed at the same time. Both are memory, and not in the ConfigMap.
    """

    version: str = ""
    secret: str = ""
    next: int = 0
    doors: Mapping[int, DoorKey] = field(default_factory=dict)
    namespaces: Mapping[str, Mapping[DoorKey, int]] = field(default_factory=dict)  # the inverse, by the apps' namespace
    unreadable: tuple[str, ...] = ()  # keys of the ConfigMap that are to be removed
    former: Mapping[int, DoorKey] = field(default_factory=dict)
    disputed: Set[int] = frozenset()

    def number(self, app: AppId, backend: Backend) -> int:
        """The door's number, 0 if it has none."""
        return self.namespaces.get(app.namespace, {}).get(DoorKey(app, backend), 0)

    def at(self, number: int) -> DoorKey | None:
        """Whose door it is; or was, as long as it is nobody's."""
        return self.doors.get(number) or self.former.get(number)

    def data(self) -> dict[str, str]:
        """The ConfigMap's data: the inverse of `book_of`."""
        fixed = {SECRET: self.secret, NEXT: str(self.next) if self.next else ""}
        return {key: text for key, text in fixed.items() if text} | {str(n): str(key) for n, key in self.doors.items()}

    def token(self, *about: str) -> str:
        """128 bits that only waker can know: the same for the same words, as long as the secret is. "" without a secret."""
        if not self.secret:
            return ""
        return hmac.digest(bytes.fromhex(self.secret), "\n".join(about).encode(), "sha256").hex()[:32]

    def proof(self, number: int, nonce: str) -> str:
        """That waker answers at this door, for this nonce; "" if the nonce is none."""
        return self.token("proof", str(number), nonce) if NONCE.fullmatch(nonce) else ""


def book_of(version: str, data: Mapping[str, str]) -> DoorBook:
    """The ConfigMap's data. What cannot be read is left out, and named. Two numbers of one door: the lower one counts."""
    doors: dict[int, DoorKey] = {}
    namespaces: dict[str, dict[DoorKey, int]] = {}
    unreadable = []
    for key in sorted(data.keys() - {SECRET, NEXT}):
        door = parse_key(data[key]) if NUMBER.fullmatch(key) and int(key) <= 65535 else None
        here = namespaces.setdefault(door.app.namespace, {}) if door else {}
        if door is None or door in here:
            unreadable.append(key)
        else:
            doors[int(key)] = door
            here[door] = int(key)
    secret, start = data.get(SECRET, ""), data.get(NEXT, "")
    return DoorBook(
        version,
        secret if re.fullmatch(r"[0-9a-f]{32}", secret) else "",
        int(start) if NUMBER.fullmatch(start) else 0,
        doors,
        namespaces,
        tuple(unreadable),
    )


def remembering(old: DoorBook, new: DoorBook, is_wanted: Callable[[DoorKey], bool]) -> DoorBook:
    """The newer book, with what is remembered of the older ones.

    waker never gives away the number of a wanted door. A book that does is an older one, restored: that entry is to be removed.
    """
    known = {**old.former, **old.doors}
    denied = {
        str(number)
        for number, key in known.items()
        if new.doors.get(number, key) != key
        and is_wanted(key)
        and (old.number(*key) == number or not new.number(*key))  # else the door has got another number since
    }
    if denied:
        believed = book_of(new.version, {each: text for each, text in new.data().items() if each not in denied})
        new = replace(believed, unreadable=(*new.unreadable, *sorted(denied)))
    return replace(
        new,
        former={number: key for number, key in known.items() if number not in new.doors},
        disputed=old.disputed,
        namespaces={name: _same_or(here, old.namespaces.get(name)) for name, here in new.namespaces.items()},
    )


def _same_or(new: Mapping[DoorKey, int], old: Mapping[DoorKey, int] | None) -> Mapping[DoorKey, int]:
    """The old one if they are equal: so that who has seen it knows at once that nothing has changed there."""
    return old if old is not None and old == new else new


def revised(
    book: DoorBook,
    wanted: Iterable[DoorKey],
    listed: Iterable[Claim],
    chosen: PortRange,
    repeating: Set[DoorKey] = frozenset(),
) -> tuple[dict[str, str | None], dict[DoorKey, str]]:
    """What has to change in the data (None: to be removed), and why which doors can have no number.

    `listed`: everything that the Services and EndpointSlices of namespaces list at this moment. `repeating`: see `port_budget`.
    """
    wanted = set(wanted)
    listings = list(listed)
    leaving = {number: key for number, key in book.doors.items() if key not in wanted}
    in_use = {(each.namespace, each.name, each.number) for each in listings} if leaving else set()
    gone = {number for number, key in leaving.items() if (key.app.namespace, port_name(key), number) not in in_use}
    kept = {number: key for number, key in book.doors.items() if number not in gone}
    missing = wanted - set(kept.values())
    remembered = {key: number for number, key in book.former.items() if key in missing}  # the latest
    added = {number: key for key, number in remembered.items()}
    barred = kept.keys() | added.keys() | book.disputed | disputed_numbers(listings)
    added |= _claimed(missing - remembered.keys(), listings, book.former, barred, chosen)
    taken = kept.keys() | added.keys()
    spared = {each.number for each in listings} | {number for number, key in book.former.items() if key in wanted}
    budget = PortBudget()
    for key in (*kept.values(), *added.values()):
        budget.add(key.app.namespace, repeats=key in repeating)
    start = book.next
    without: dict[DoorKey, str] = {}
    for key in sorted(missing - set(added.values()), key=str):
        refusal = budget.refusal(key.app.namespace, repeats=key in repeating)
        number = 0 if refusal else _next_free(taken | spared, start, chosen) or _next_free(taken, start, chosen)
        if not number:
            without[key] = refusal or NO_NUMBER
            continue
        added[number] = key
        taken.add(number)
        budget.add(key.app.namespace, repeats=key in repeating)
        start = number + 1
    change: dict[str, str | None] = {str(number): str(key) for number, key in added.items()}
    change |= {str(number): None for number in gone - added.keys()}
    change |= {each: None for each in book.unreadable if each not in change}
    if start != book.next:
        change[NEXT] = str(start)
    return change, without


def disputed_numbers(listed: Iterable[Claim]) -> set[int]:
    """The numbers that more than one namespace lists."""
    first: dict[int, str] = {}
    return {each.number for each in listed if first.setdefault(each.number, each.namespace) != each.namespace}


def _claimed(
    missing: Iterable[DoorKey],
    listings: Iterable[Claim],
    former: Mapping[int, DoorKey],
    barred: Set[int],
    chosen: PortRange,
) -> dict[int, DoorKey]:
    """The numbers that doors get because their own namespace lists them; the older Service first."""
    by_name = {(key.app.namespace, port_name(key)): key for key in missing}
    found: dict[int, DoorKey] = {}
    for each in sorted(each for each in listings if (each.namespace, each.name) in by_name):
        key = by_name.get((each.namespace, each.name))
        free = each.number not in barred and each.number not in found and chosen.first <= each.number <= chosen.last
        if key and free and former.get(each.number, key) == key:
            found[each.number] = key
            del by_name[each.namespace, each.name]
    return found


def _next_free(taken: Collection[int], start: int, chosen: PortRange) -> int:
    """The first free number from `start` on, and around; 0 if there is none."""
    first = start if chosen.first <= start <= chosen.last else chosen.first
    around = chain(range(first, chosen.last + 1), range(chosen.first, first))
    return next((number for number in around if number not in taken), 0)
