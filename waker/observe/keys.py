"""What can be reconciled: an app, what waker keeps in a namespace of apps, and the book of all doors."""

from typing import NamedTuple

from waker.plan.model import AppId


class NamespaceKey(NamedTuple):
    """The key of what waker keeps in a namespace."""

    name: str


class DoorsKey(NamedTuple):
    """The key of the book of all doors."""


Key = AppId | NamespaceKey | DoorsKey


def namespace_of(key: Key) -> str | None:
    """In whose namespace a pass for this key writes; None for the book of doors, which is waker's own."""
    match key:
        case DoorsKey():
            return None
        case NamespaceKey():
            return key.name
    return key.namespace
