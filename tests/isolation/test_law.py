"""The law: nothing that namespace A contains changes what waker answers B's visitors, or what it writes in B.

The whole service, on generated clusters: whatever A writes, B is as it would be without A. Then faults are put back, one at a
time, and it is counted in how many clusters each shows: a generator that finds none of them would prove nothing.
`LAW_SEED=40 pytest tests/isolation` tries the law in other clusters, from that seed on; a failure names its seed.
"""

import asyncio
import difflib
import os
from collections.abc import Collection
from datetime import timedelta
from pathlib import Path

import pytest

from tests.docs.tables import ROOT
from tests.isolation.attacks import Attack
from tests.isolation.faults import CLUSTERS as FAULTY_CLUSTERS
from tests.isolation.faults import FAULTS
from tests.isolation.neighbourhood import Record
from tests.isolation.story import ENDED_EARLY, Chapter, observe
from waker import names

FIRST_SEED = int(os.environ.get("LAW_SEED", "0"))
CLUSTERS = 10
AT_ONCE = 6  # clusters; they mostly wait


async def records(folder: Path, seeds: range, chapters: Collection[Chapter]) -> tuple[Record, dict[int, Record]]:
    """B alone, and beside each A, by its seed."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(seed: int | None) -> Record:
        async with turn:
            (folder / str(seed)).mkdir()
            return await observe(folder / str(seed), None if seed is None else Attack(seed), chapters)

    alone, *beside = await asyncio.gather(one(None), *map(one, seeds))
    assert ENDED_EARLY not in alone, alone
    return alone, dict(zip(seeds, beside, strict=True))


def differences(alone: Record, beside: Record) -> dict[str, list[str]]:
    """What is not the same, and how."""
    return {
        what: [*difflib.unified_diff(alone.get(what, "").split(", "), beside.get(what, "").split(", "), n=0)][2:12]
        for what in sorted(alone.keys() | beside.keys())
        if alone.get(what) != beside.get(what)
    }


async def test_nothing_of_a_changes_anything_for_b(tmp_path: Path) -> None:
    alone, beside = await records(tmp_path, range(FIRST_SEED, FIRST_SEED + CLUSTERS), tuple(Chapter))
    assert {seed: found for seed, each in beside.items() if (found := differences(alone, each))} == {}


def test_a_is_a_real_attacker() -> None:
    """It uses B's hosts, names and labels, in what waker takes for its own as well."""
    written = str([Attack(seed).opening for seed in range(CLUSTERS)])
    for word in (
        "shop.example.com",
        "*.example.com",
        names.KEEPER,
        names.SAVED_BACKENDS,
        names.SAVED_REPLICAS,
        "traefik",
    ):
        assert written.count(word) > CLUSTERS / 2, word


@pytest.mark.parametrize("fault", FAULTS)
async def test_an_old_fault_would_be_found(fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the fault, B beside A differs from B alone, or does not get where it should."""
    for waiting in ("isolation.neighbourhood.PATIENCE", "isolation.story.PATIENCE", "service.scene.WITHIN"):
        monkeypatch.setattr(f"tests.{waiting}", timedelta(seconds=3))
    for where, name, instead in FAULTS[fault].patches:
        monkeypatch.setattr(where, name, instead)
    alone, beside = await records(tmp_path, range(FAULTY_CLUSTERS), FAULTS[fault].chapters)
    shown = [seed for seed, each in beside.items() if alone != each]
    assert len(shown) >= FAULTS[fault].shown - 1, f"in {shown}"  # what meets in time is chance


def test_the_threat_model_has_these_counts() -> None:
    text = (ROOT / "docs" / "security.md").read_text()
    rows = [f"| {fault} | {each.shown} |" for fault, each in FAULTS.items()]
    assert "\n".join([f"| fault | clusters of {FAULTY_CLUSTERS} |", "| --- | --- |", *rows, ""]) in text
