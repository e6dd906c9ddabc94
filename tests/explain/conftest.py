"""Asserts in the words that these tests share with those of the plan are told as in tests."""

import pytest

pytest.register_assert_rewrite("tests.plan.building")
