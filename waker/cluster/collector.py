"""The garbage collector, kept from looking again and again at what is no garbage.

- `paused`, while one large object is decoded or parsed. An Ingress of 1.5 MB becomes 100,000 Python objects, and while they are
  made nothing else would run for 150 ms instead of 25. What is left over of them afterwards has no cycles.
- `relaxed`, while everything is listed. With 5,000 apps one full collection takes 70 ms, and the start would have six of them.
  What is there at the end is there to stay, and no later collection looks at it: nothing else would run meanwhile.

Objects that go are freed at once, whatever the collector does: it is needed for cycles alone. `client` and `informer` use the
first, `service` the second.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

YOUNG: Final = 20_000  # objects, until the young ones are collected; about 2 MB
SELDOM: Final = (100, 100)  # collections of the younger generation, until one of the next


@contextmanager
def paused() -> Iterator[None]:
    """Collect nothing within the block. Nothing may wait in it: it is for all of the process."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextmanager
def relaxed() -> Iterator[None]:
    """Collect seldom, and only what is young, within the block; what is there at its end is not looked at any more."""
    before = gc.get_threshold()
    gc.set_threshold(YOUNG, *SELDOM)
    try:
        yield
    finally:
        gc.collect()  # or what is garbage now would never be freed
        gc.freeze()
        gc.set_threshold(*before)
