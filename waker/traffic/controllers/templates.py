"""Names from a template, such as `namespace={namespace},service={service}`: for controllers that only settings describe.

Pure. A template is written by an administrator, and the words that fill it in come from Ingresses and Services of tenants.
Only the placeholders that are named here are replaced; all other text stays, so that a query may have braces of its own.
"""

import re
from collections.abc import Iterator
from functools import cache
from itertools import product
from typing import Final

from waker.plan.routes.route import CountedBackend
from waker.settings.ingress_class import PLACEHOLDERS
from waker.traffic.controllers.adapter import SeriesKey

# As an expression, what such a word may be of an app's route, and never is of a keeper's.
UNLIKE: Final = {"host": r"(?:\*.*)?", "port-name": "", "target-port": r".*\D.*"}
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
    """All label values under which a backend may be counted. A controller that names ports has no name for some."""
    unnamed = () if backend.port_name else filled_in(labels.replace("{port}", ""), backend)
    texts = dict.fromkeys((*filled_in(labels, backend), *unnamed))
    return tuple(_values(text) for text in texts)


def unlike_keepers(labels: str, key: SeriesKey) -> bool:
    """Whether these label values may have a form that those of waker's keeper never have.

    Its rule has one literal host, its port a name, and that leads to a number. So requests for it prove nothing of wildcards,
    of rules without a host, of ports without a name, nor of named ports of pods.
    """
    return any(
        pattern.fullmatch(value)
        for template, value in zip(_values(labels), key, strict=False)
        for pattern in _unlike(template)
    )


def _values(labels: str) -> SeriesKey:
    return tuple(each.partition("=")[2].strip() for each in labels.split(","))


@cache  # an administrator writes a handful of templates
def _unlike(template: str) -> tuple[re.Pattern[str], ...]:
    """What a label's value looks like with one of its placeholders filled in unlike a keeper's, whatever the others are."""
    parts = PLACEHOLDER.split(template)  # text, placeholder, text, ...
    literals, used = [re.escape(each) for each in parts[::2]], parts[1::2]
    found = []
    for unlike in UNLIKE.keys() & set(used):
        words = [UNLIKE[unlike] if each == unlike else ".*" for each in used]
        text = "".join(literal + word for literal, word in zip(literals, [*words, ""], strict=True))
        found.append(re.compile(text, re.DOTALL))
    return tuple(found)
