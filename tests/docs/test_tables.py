"""The tables of the documents say what the code says."""

import dataclasses
import re
from pathlib import Path

import pytest

from tests.docs.tables import ROOT, TABLES, files, filled, rows_of
from waker import names
from waker.explain import shape
from waker.metrics import DESCRIBED
from waker.names import EventReason
from waker.plan.model import Phase
from waker.plan.notes import ANNOTATIONS
from waker.traffic.controllers.adapter import Adapter

WRITTEN = {*ANNOTATIONS, names.SAVED_BACKENDS}  # by KubeSleeper; all others are the user's


@pytest.mark.parametrize("file", files(), ids=lambda file: str(file.relative_to(ROOT)))
def test_tables_are_up_to_date(file: Path) -> None:
    text = file.read_text()
    assert filled(text) == text, "run: python -m tests.docs.tables"


@pytest.mark.parametrize("name", TABLES)
def test_each_table_is_somewhere(name: str) -> None:
    assert rows_of(name)


def test_all_annotations_are_described_once() -> None:
    known = {
        value
        for key, value in vars(names).items()
        if key.isupper() and isinstance(value, str) and value.startswith(f"{names.DOMAIN}/") and key != "INSTALLATION"
    }
    assert [row[0] for row in rows_of("annotations")] == list(dict.fromkeys(row[0] for row in rows_of("annotations")))
    assert {row[0] for row in rows_of("annotations")} == known - WRITTEN
    assert {row[0] for row in rows_of("notes")} == WRITTEN


def test_all_phases_are_described() -> None:
    assert [row[0] for row in rows_of("phases")] == [str(each) for each in Phase]


def test_all_fields_of_explain_are_described() -> None:
    parts = {
        "app": shape.ExplainedApp,
        "against": shape.Reason,
        "settings": shape.Setting,
        "services": shape.ServiceFacts,
        "routes": shape.RouteFacts,
        "pods": shape.PodFacts,
        "series": shape.SeriesFacts,
        "activity": shape.Sign,
    }
    described = dict(row[:2] for row in rows_of("explained"))
    assert list(described) == list(shape.Explained.__annotations__)
    for field, part in parts.items():
        assert [key for key in part.__annotations__ if f"`{key}`" not in described[field]] == []
    for part in (shape.Value, shape.Spelling):
        assert [key for key in part.__annotations__ if f"`{key}`" not in described["series"]] == []


def test_all_events_are_described() -> None:
    assert [row[0] for row in rows_of("events")] == [str(each) for each in EventReason]


def test_each_phase_is_reported_by_its_own_name() -> None:
    assert {str(each) for each in Phase} <= {str(each) for each in EventReason}


@pytest.mark.parametrize("field", [each.field for each in DESCRIBED])
def test_every_metric_is_counted_somewhere(field: str) -> None:
    texts = [file.read_text() for file in (ROOT / "waker").rglob("*.py") if file.name != "metrics.py"]
    own = (ROOT / "waker" / "metrics.py").read_text()
    assert any(f"metrics.{field}." in text for text in texts) or f"self.{field}." in own


def test_all_fields_of_an_adapter_are_described() -> None:
    text = (ROOT / "docs" / "controllers.md").read_text()
    described = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", text, re.MULTILINE)))
    settings_only = {"name", "title", "access"}
    assert set(described) == {each.name for each in dataclasses.fields(Adapter)} - settings_only
