"""Assertions outside test modules tell what they compared, too."""

import pytest

pytest.register_assert_rewrite("tests.plan.building", "tests.plan.stories")
