"""Random faults, an attacker and steady visitors: nothing is lost, nothing goes astray, nothing sleeps on unknown data.

What happens, and what each fault may cost, is in `bench.soak`. It takes two minutes with one seed, so that a failure is the
change's; `.ci/run --nightly` takes twenty with a new one.
"""

import os

from bench.soak import run as soak
from tests.e2e.bed import needs_bed
from tests.e2e.cluster import ClusterApi

MINUTES = float(os.environ.get("SOAK_MINUTES", "2"))
SEED = int(os.environ.get("SOAK_SEED", "4"))


@needs_bed("kills processes of waker, of controllers and of Kubernetes")
def test_random_faults(api: ClusterApi) -> None:
    replay = f"python -m bench soak --minutes {MINUTES:g} --seed {SEED}"
    assert soak.run(api, soak.SoakPlan(MINUTES, SEED)), f"see above; the same choices again: {replay}"
