"""Which cluster the scenarios run on: the test bed `ground`, or the one that KUBECONFIG names, if E2E_CLUSTER says so.

The bed's pods are processes of this machine with addresses that can be reached from here, so there a scenario may kill, freeze
and cut off what it likes, and use programs of its own as images. A scenario that does so says it with `needs_bed`.
docs/testing.md says how to run the others elsewhere. KUBECONFIG alone is no permission: people have it set for their work, and
the scenarios remove and reconfigure waker.
"""

import os
from typing import Final

import pytest

BY_KUBECONFIG: Final = os.environ.get("E2E_CLUSTER") == "kubeconfig"
ON_BED: Final = "GROUND_DIR" in os.environ and not BY_KUBECONFIG


def needs_bed(what: str) -> pytest.MarkDecorator:
    """A mark for scenarios that only the test bed can run. `what` ends the sentence "it ..."."""
    return pytest.mark.skipif(not ON_BED, reason=f"only the test bed can run this: it {what}")
