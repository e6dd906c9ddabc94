"""Which IngressClass a sentence means that says `controller.CLASS.SETTING`: the name is filled in where one fits. Pure.

The traffic room knows controllers by the name that their classes go by, see `traffic.controllers.configured`.
"""

from collections.abc import Mapping
from typing import Final

from waker.settings.ingress_class import CLASS_PREFIX

ANY_CLASS: Final = f"{CLASS_PREFIX}CLASS."


def class_of(controller: str, served_by: Mapping[str, str]) -> str:
    """The class of a controller; "" if several have it. `served_by`: the controllers by class."""
    _, _, name = controller.partition("@")
    found = [each for each, served in served_by.items() if served == controller]
    return name or (found[0] if len(found) == 1 else "")


def with_class(sentence: str, name: str) -> str:
    """The sentence about this class; as it is without a name."""
    return sentence.replace(ANY_CLASS, f"{CLASS_PREFIX}{name}.") if name else sentence
