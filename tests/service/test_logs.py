"""The log of one cycle: a line for each change of phase, with the fields that the documents promise."""

import json
import logging
from pathlib import Path

import pytest

from tests.docs.tables import rows_of
from waker.logs import JsonFormatter, TextFormatter

from .scene import scene

CYCLE = ["FallingAsleep", "Asleep", "Waking", "RestoringRoutes", "Awake"]


async def test_each_change_of_phase_is_one_line_with_stable_fields(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with scene(tmp_path) as it, it.waker() as running:
        await it.put_to_sleep()
        await it.served()
        await it.until(running.service.runtime.wakes.ended)
    records = [each for each in caplog.records if each.getMessage() == "phase changed"]
    lines = [json.loads(JsonFormatter().format(each)) for each in records]
    assert [line["phase"] for line in lines] == CYCLE
    assert [line["was"] for line in lines] == ["Awake", *CYCLE[:-1]]
    documented = [row[0] for row in rows_of("logged")]
    for line in lines:
        assert line.keys() - {"time", "level", "logger", "message"} <= set(documented)
        assert (line["app"], line["kind"], bool(line["reason"])) == ("default/shop", "Deployment", True)
    assert list(lines[-1])[4:] == documented, "in this order"
    assert all(isinstance(line["took"], float) for line in lines[1:])
    text = TextFormatter("%(message)s").format(records[-1])
    assert text.startswith("phase changed (app=default/shop kind=Deployment was=RestoringRoutes phase=Awake code=")
    assert ' reason="' in text
