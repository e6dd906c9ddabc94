"""What holds for every test.

Assertions in modules that tests share say what they compared, too: registered here, before anybody imports them.
"""

import logging
from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite("tests.plan.building", "tests.plan.stories")


@pytest.fixture(autouse=True)
def _own_log() -> Iterator[None]:
    """Undo what the program does to the logging of its process, which is this one: a handler left behind writes on."""
    root = logging.getLogger()
    loggers = [logging.getLogger(name) for name in ("kubernetes_asyncio", "asyncio")]
    before = root.handlers[:], root.level, [each.level for each in loggers]
    yield
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    for each, level in zip(loggers, before[2], strict=True):
        each.setLevel(level)
