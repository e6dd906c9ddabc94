"""How programs in Go read `true` and `false`, in flags and in annotations: as `strconv.ParseBool` does.

Ingress controllers are such programs. What is neither is an error to them, and what they then do differs: so ask for the one of
the two whose mistake keeps an app awake.
"""

from typing import Final

TRUE: Final = frozenset({"1", "t", "true"})
FALSE: Final = frozenset({"0", "f", "false"})


def is_true(text: str) -> bool:
    """Whether it says yes, in whatever case: `true`, `T`, `1`."""
    return text.strip().lower() in TRUE


def is_false(text: str) -> bool:
    """Whether it says no: `False`, `f`, `0`."""
    return text.strip().lower() in FALSE
