"""Names from a template, such as `namespace={namespace},service={service}`: for controllers that only settings describe.

Pure. A template is written by an administrator, and the words that fill it in come from Ingresses and Services of tenants.
Only the placeholders that are named here are replaced; all other text stays, so that a query may have braces of its own.
"""

import re
from collections.abc import Iterator
from itertools import product
from typing import Final

from waker.plan.routes.route import CountedBackend
from waker.settings.ingress_class import PLACEHOLDERS
from waker.traffic.controllers.adapter import SeriesKey

PLACEHOLDER: Final = re.compile(rf"\{{({'|'.join(PLACEHOLDERS)})\}}")


def _words(backend: CountedBackend, placeholder: str) -> tuple[str, ...]:
    """What a placeholder may stand for: nearly always one word."""
    number = backend.port_number
    found: dict[str, tuple[str | int, ...]] = {
        "namespace": (backend.namespace,),
        "ingress": (backend.object_name,),
        "service": (backend.service,),
        "port": (backend.port_written, number, backend.port_name or number),  # controllers differ in what they name
        "port-name": (backend.port_name,),
        "port-number": (number,),
        "target-port": (backend.port_target or number,),
        "host": (backend.host,),
    }
    return tuple(dict.fromkeys(map(str, found[placeholder])))


def filled_in(template: str, backend: CountedBackend) -> Iterator[str]:
    """All texts that a template may mean for a backend, the typical one first."""
    used = tuple(dict.fromkeys(PLACEHOLDER.findall(template)))
    for words in product(*(_words(backend, each) for each in used)):
        by_name = dict(zip(used, words, strict=True))
        yield PLACEHOLDER.sub(lambda found, by_name=by_name: by_name[found[1]], template)  # type: ignore[misc]


def label_names(labels: str) -> tuple[str, ...]:
    """`namespace={namespace},service={service}` -> namespace, service."""
    return tuple(each.partition("=")[0].strip() for each in labels.split(","))


def spellings(labels: str, backend: CountedBackend) -> tuple[SeriesKey, ...]:
    """All label values under which a backend may be counted."""
    return tuple(
        tuple(each.partition("=")[2].strip() for each in text.split(",")) for text in filled_in(labels, backend)
    )
