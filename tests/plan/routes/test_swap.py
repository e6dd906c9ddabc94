"""What is patched: exactly that, guarded, and with the original in the same patch as its change."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.plan.building import NOW, ago
from tests.plan.neighbours import DOOR, WAKER, ingress, path_id, workload
from waker import names
from waker.errors import Conflict
from waker.plan import workload_patches
from waker.plan.actions import Forget, RequestWake, ScaleToZero, ScaleUp
from waker.plan.routes.ingress import redirect, restore
from waker.plan.routes.ingress_object import Ingress, write_saved
from waker.plan.routes.route import Backend, Holder, Original, Patch, Route

SHOP, API = Backend("shop", "http"), Backend("api", 8080)
ANNOTATION = "/metadata/annotations/kubesleeper.io~1saved-backends"
GUARD = {"op": "test", "path": "/metadata/resourceVersion", "value": "7"}
TO_WAKER = {"service": {"name": "kubesleeper-waker", "port": {"number": 20000}}}


def original(path: str, backend: Backend, swaps: int = 1) -> Original:
    return Original(path_id(path), backend, ago(hours=1), swaps)


def holding(*entries: Original) -> Ingress:
    """Two paths that lead to waker, with these originals."""
    return ingress(("/", WAKER), ("/api", WAKER), annotations=saved(*entries))


def saved(*entries: Original) -> dict[str, str]:
    """The annotation of an Ingress with these originals."""
    return {names.SAVED_BACKENDS: write_saved(entries)}


def route_of(found: Ingress, place: int, backend: Backend, swaps: int = 0) -> Route:
    path = found.paths[place]
    held = Holder.WAKER if path.backend == WAKER else Holder.APP
    return Route(path.id, backend, held, "", swaps, door=DOOR)


def saved_by(patch: Patch) -> dict[str, Any]:
    """What the patch remembers: swaps by path."""
    text = next(step["value"] for step in patch if step["path"] == ANNOTATION)
    return {entry["path"]: entry["swaps"] for entry in json.loads(text)["routes"]}


def test_redirect_guards_remembers_and_changes_in_this_order() -> None:
    found = ingress(("/", SHOP), ("/api", API), annotations={"team": "shop"})
    patch = redirect(found, [route_of(found, 0, SHOP)], NOW)
    remembered = write_saved([Original(path_id("/"), SHOP, NOW, 1)])
    assert patch == [
        GUARD,
        {"op": "add", "path": ANNOTATION, "value": remembered},
        {"op": "replace", "path": "/spec/rules/0/http/paths/0/backend", "value": TO_WAKER},
    ]


def test_an_ingress_without_annotations_gets_the_map_first() -> None:
    found = ingress(("/", SHOP))
    patch = redirect(found, [route_of(found, 0, SHOP)], NOW)
    assert patch[:2] == [GUARD, {"op": "add", "path": "/metadata/annotations", "value": {}}]


def test_redirect_keeps_what_another_app_has_saved() -> None:
    found = ingress(("/", SHOP), ("/api", WAKER), annotations=saved(original("/api", API)))
    assert saved_by(redirect(found, [route_of(found, 0, SHOP)], NOW)) == {"/api": 1, "/": 1}


def test_a_route_that_was_pointed_back_counts_its_swaps() -> None:
    found = ingress(("/", SHOP), annotations=saved(original("/", SHOP, swaps=2)))
    assert saved_by(redirect(found, [route_of(found, 0, SHOP, swaps=2)], NOW)) == {"/": 3}


def test_a_route_without_a_door_stays_where_it_is() -> None:
    found = ingress(("/", SHOP))
    with pytest.raises(Conflict, match="no door"):
        redirect(found, [replace(route_of(found, 0, SHOP), door=0)], NOW)


def test_a_route_at_another_door_is_pointed_at_its_own_and_not_counted() -> None:
    """Nobody has pointed it back at the app: that is no drift."""
    found = holding(original("/", SHOP, swaps=2))
    patch = redirect(found, [replace(route_of(found, 0, SHOP, swaps=2), door=20_007)], NOW)
    assert saved_by(patch) == {"/": 2}
    assert patch[-1]["value"]["service"]["port"] == {"number": 20_007}


def test_restore_keeps_what_another_app_has_saved() -> None:
    found = holding(original("/", SHOP), original("/api", API))
    patch = restore(found, [route_of(found, 0, SHOP)])
    assert saved_by(patch) == {"/api": 1}
    assert patch[-1] == {
        "op": "replace",
        "path": "/spec/rules/0/http/paths/0/backend",
        "value": {"service": {"name": "shop", "port": {"name": "http"}}},
    }


def test_the_last_one_takes_the_annotation_away() -> None:
    found = holding(original("/api", API))
    assert restore(found, [route_of(found, 1, API)]) == [
        GUARD,
        {"op": "remove", "path": ANNOTATION},
        {
            "op": "replace",
            "path": "/spec/rules/0/http/paths/1/backend",
            "value": {"service": {"name": "api", "port": {"number": 8080}}},
        },
    ]


def test_entries_without_a_route_are_dropped_and_no_backend_is_touched() -> None:
    found = holding(original("/", SHOP), original("/old", SHOP))
    patch = restore(found, [], [path_id("/old")])
    assert saved_by(patch) == {"/": 1}
    assert [step["op"] for step in patch] == ["test", "add"]


def test_a_route_is_found_where_it_stands_by_now() -> None:
    before, reordered = ingress(("/", SHOP), ("/api", API)), ingress(("/api", API), ("/", SHOP))
    patch = redirect(reordered, [route_of(before, 0, SHOP)], NOW)
    assert patch[-1] == {"op": "replace", "path": "/spec/rules/0/http/paths/1/backend", "value": TO_WAKER}


@pytest.mark.parametrize(
    "now",
    [
        pytest.param(ingress(("/api", API)), id="its path is gone"),
        pytest.param(ingress(("/", API)), id="its path was given another backend"),
        pytest.param(ingress(("/", WAKER)), id="it leads to waker already"),
    ],
)
def test_a_route_that_is_not_as_it_was_is_a_conflict(now: Ingress) -> None:
    seen = ingress(("/", SHOP))
    with pytest.raises(Conflict, match=r"front: shop\.example\.org/ is not as it was"):
        redirect(now, [route_of(seen, 0, SHOP)], NOW)


def test_a_route_that_somebody_pointed_back_is_not_restored_over_it() -> None:
    with pytest.raises(Conflict):
        restore(ingress(("/", API)), [route_of(holding(original("/", SHOP)), 0, SHOP)])


# --- workloads --------------------------------------------------------------------------------------------------------

NOTED = workload(
    replicas=3, wake_requested_at="2026-01-31T10:00:00Z", sleep_requested_at="2026-01-31T11:00:00Z", enabled="true"
)
ASLEEP = replace(workload(replicas=0, saved_replicas="3"), version="8")
WISH = {names.WAKE_REQUESTED_AT: "2026-01-31T12:00:00Z"}


@pytest.mark.parametrize(
    ("found", "action", "annotations", "replicas"),
    [
        pytest.param(
            NOTED,
            ScaleToZero(3),
            {
                names.SAVED_REPLICAS: "3",
                names.ASLEEP_SINCE: "2026-01-31T12:00:00Z",
                names.WAKE_REQUESTED_AT: None,
                names.SLEEP_REQUESTED_AT: None,
            },
            0,
            id="to zero: the number is saved, older notes end",
        ),
        pytest.param(
            ASLEEP,
            ScaleUp(3),
            WISH | {names.SCALED_UP_AT: "2026-01-31T12:00:00Z"},
            3,
            id="up: the wish is written down, the number stays saved",
        ),
        pytest.param(ASLEEP, RequestWake(), WISH, None, id="a wish: nothing else changes"),
        pytest.param(
            NOTED,
            RequestWake(),
            WISH | {names.SLEEP_REQUESTED_AT: None},
            None,
            id="a wish takes the place of a request for sleep",
        ),
        pytest.param(
            NOTED,
            Forget(),
            {names.WAKE_REQUESTED_AT: None, names.SLEEP_REQUESTED_AT: None, names.AWAKE_SINCE: "2026-01-31T12:00:00Z"},
            None,
            id="forget: the idle clock starts",
        ),
        pytest.param(
            NOTED,
            Forget(clean=True),
            {names.WAKE_REQUESTED_AT: None, names.SLEEP_REQUESTED_AT: None},
            None,
            id="nothing is left",
        ),
    ],
)
def test_a_workloads_patch_is_guarded_and_exact(
    found: Any, action: workload_patches.WorkloadAction, annotations: dict[str, str | None], replicas: int | None
) -> None:
    wanted: dict[str, Any] = {"metadata": {"resourceVersion": found.version, "annotations": annotations}}
    if replicas is not None:
        wanted["spec"] = {"replicas": replicas}
    assert workload_patches.patch(found, action, NOW) == wanted


def test_times_of_patches_are_those_they_are_given() -> None:
    found = workload_patches.patch(ASLEEP, RequestWake(), NOW + timedelta(microseconds=1))
    assert found["metadata"]["annotations"] == {names.WAKE_REQUESTED_AT: "2026-01-31T12:00:00.000001Z"}
