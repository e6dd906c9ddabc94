"""What the layout promises, held by the names that modules use: see "The route seam" in docs/architecture.md."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from waker.plan.routes.kinds import KINDS

WAKER = Path(__file__).parents[1] / "waker"
ROUTES = "plan/routes/"

# What only the room of routes knows: where a backend stands in an object, and what tells its routes apart.
OF_ROUTES = {"pointer", "path_type", "pathType", "IngressPath", "IngressRouteId", "backend_json", "backend_of"}
# Who may read annotations of objects: the parsers, and those that read an Ingress's for its controller.
READ_ANNOTATIONS = (
    ROUTES,
    "cluster/manifests.py",
    "demo/",
    "explain/facts.py",
    "observe/app.py",
    "observe/cluster.py",
    "observe/observed_app.py",
    "plan/policy.py",
)

# Who writes by itself: the one module for it, and objects that are waker's own or nobody's (Events, reviews, tokens,
# records), and what only tries (dry runs).
WRITERS = (
    "checks/rights.py",
    "checks/writes.py",
    "cluster/writes.py",
    "cluster/events.py",
    "cluster/lease.py",
    "cluster/reviews.py",
    "commands/target.py",
    "demo/",
    "observe/activity.py",
    "observe/controller_namespaces.py",
)


def modules(*, outside: Iterable[str]) -> Iterator[tuple[str, ast.Module]]:
    """The modules of waker that are not in these places, as trees."""
    for file in sorted(WAKER.rglob("*.py")):
        name = file.relative_to(WAKER).as_posix()
        if not name.startswith(tuple(outside)):
            yield name, ast.parse(file.read_text())


def words(tree: ast.Module) -> Iterator[str]:
    """Every name, attribute, argument and text in it, docstrings included."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=word) | ast.Attribute(attr=word) | ast.arg(arg=word) | ast.alias(name=word):
                yield word
            case ast.keyword(arg=str(word)) | ast.Constant(value=str(word)):
                yield word


def test_only_the_room_of_routes_knows_what_an_ingress_looks_like() -> None:
    elsewhere = modules(outside=(ROUTES, "explain/", "demo/"))
    assert {name: found for name, tree in elsewhere if (found := OF_ROUTES & set(words(tree)))} == {}


def test_annotations_are_read_in_one_place() -> None:
    elsewhere = modules(outside=READ_ANNOTATIONS)
    found = {name for name, tree in elsewhere for node in ast.walk(tree)
             if isinstance(node, ast.Attribute) and node.attr == "annotations"}  # fmt: skip
    assert found == set()


def test_objects_of_users_are_written_in_one_place() -> None:
    found = {name for name, tree in modules(outside=WRITERS) for node in ast.walk(tree)
             if isinstance(node, ast.Attribute) and node.attr in {"patch", "create", "delete"}
             and isinstance(node.value, ast.Name | ast.Attribute) and "api" in ast.unparse(node.value)}  # fmt: skip
    assert found == set()


def test_snapshots_are_put_together_in_one_place() -> None:
    found = {name for name, tree in modules(outside=()) for node in ast.walk(tree)
             if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Snapshot"}  # fmt: skip
    assert found == {"observe/app.py"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_of_route_is_a_file_and_a_line(kind: str) -> None:
    assert (WAKER / ROUTES / f"{kind.lower()}.py").exists()


def test_no_two_classes_have_the_same_name() -> None:
    root = WAKER.parent
    files = [file for place in ("waker", "tests", "bench") for file in (root / place).rglob("*.py")]
    found: dict[str, list[str]] = {}
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, []).append(file.relative_to(root).as_posix())
    assert {name: places for name, places in found.items() if len(places) > 1} == {}
