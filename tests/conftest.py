"""Assertions in modules that tests share say what they compared, too: registered here, before anybody imports them."""

import pytest

pytest.register_assert_rewrite("tests.plan.building", "tests.plan.stories")
