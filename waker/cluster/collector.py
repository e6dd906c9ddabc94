"""The garbage collector, paused while one large object is decoded or parsed.

An Ingress of 1.5 MB becomes 100,000 Python objects. While they are made, the collector would look again and again at them and
at everything else in memory, and nothing else would run for 150 ms instead of 25. None of them is garbage, and what is left
over of them afterwards has no cycles. `client` and `informer` use it.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused() -> Iterator[None]:
    """Collect nothing within the block. Nothing may wait in it: it is for all of the process."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
