"""Which cluster the scenarios run on: the test bed `ground`, or any cluster that KUBECONFIG names.

The bed's pods are processes of this machine with addresses that can be reached from here, so there a scenario may kill, freeze
and cut off what it likes, and use programs of its own as images. A scenario that does so says it with `needs_bed`.
docs/testing.md says how to run the others elsewhere.
"""

import os
from typing import Final

import pytest

ON_BED: Final = "GROUND_DIR" in os.environ


def needs_bed(what: str) -> pytest.MarkDecorator:
    """A mark for scenarios that only the test bed can run. `what` ends the sentence "it ..."."""
    return pytest.mark.skipif(not ON_BED, reason=f"only the test bed can run this: it {what}")
