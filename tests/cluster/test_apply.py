"""Actions -> the API: what is carried out when an object went away in the meantime."""

import pytest

from tests.plan.building import NOW, at_waker, route
from tests.plan.neighbours import workload
from waker.cluster.apply import apply
from waker.cluster.client import Api
from waker.errors import Conflict
from waker.plan.actions import Action, Redirect, Restore


@pytest.mark.parametrize(
    "action",
    [
        pytest.param(Redirect((route(),)), id="redirect"),
        pytest.param(Restore((at_waker(),)), id="restore"),
        pytest.param(Restore((), (route().id,)), id="forget"),
    ],
)
async def test_an_object_that_is_gone_is_a_conflict(action: Action) -> None:
    asks_nobody = Api(None, lambda verb, status: None)
    with pytest.raises(Conflict, match="Ingress demo/front is gone"):
        await apply(asks_nobody, action, workload(), lambda id: None, NOW)
