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
    """In whose namespace a pass for an app writes. None for what waker keeps itself: one key a namespace holds one worker."""
    return key.namespace if isinstance(key, AppId) else None
