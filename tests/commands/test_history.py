"""`waker history` after a real cycle: slept, woke and by whom."""

import json
from pathlib import Path

from tests.service.scene import scene
from waker.commands import history


async def test_it_slept_and_was_woken_by_a_visitor(tmp_path: Path) -> None:
    async with scene(tmp_path) as it, it.waker():
        await it.put_to_sleep()
        await it.served()
        await it.awake()
        await it.until(lambda: [each for each in it.events() if each[0] == "Awake"])
        found = json.loads(await history.history(it.settings(), "default", "shop", "json"))
        told = await history.history(it.settings(), "default", "deployment/shop", "text")
    what = [each["what"] for each in found["moments"] if each["what"] != "note"]
    assert {"FallingAsleep", "Asleep", "Waking", "RestoringRoutes", "Awake"} <= set(what)
    (waking,) = (each for each in found["moments"] if each["what"] == "Waking")
    assert waking["why"] == "visited"
    assert found["typicalWake"]
    assert told.startswith("WHEN ")


async def test_an_app_without_a_story(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        told = await history.history(it.settings(), "default", "shop", "text")
    assert told.startswith("Nothing is known of default/shop")
