"""`python -m bench saving`: percent of the ideal sleep, and wrong sleeps, for each case."""

import asyncio
import logging
import os
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor

from bench.saving.cases import CASES, SavingCase
from bench.saving.town import Outcome, SimulatedTown
from bench.tables import table

HEAD = ["case", "% of ideal sleep", "goal", "sleeps", "wrong", "turned back"]


def run(days: float, seeds: int, apps: int, only: str) -> None:
    """Simulate all cases whose name has `only` in it, on all cores, and print the table."""
    cases = [each for each in CASES if only in each.name]
    runs = [(number, seed, days, apps) for number in map(CASES.index, cases) for seed in range(1, seeds + 1)]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(_one, runs))
    rows = [
        _row(each, [outcome for run, outcome in zip(runs, found, strict=True) if CASES[run[0]] is each])
        for each in cases
    ]
    print(f"{apps} apps, {days:g} days, {seeds} seeds; idle-after 30m, scrape-interval 15s\n")
    print(table(HEAD, rows))


def _one(each: tuple[int, int, float, int]) -> Outcome:
    logging.disable(logging.WARNING)
    number, seed, days, apps = each
    return asyncio.run(SimulatedTown(CASES[number], seed, days, apps).run())


def _row(case: SavingCase, outcomes: Iterable[Outcome]) -> list[str]:
    all = list(outcomes)
    percent = 100 * sum(each.slept for each in all) / sum(each.ideal for each in all)
    numbers = (sum(each.sleeps for each in all), sum(each.wrong for each in all), sum(each.turned_back for each in all))
    return [case.name, f"{percent:.1f}", f"{case.goal:g}" if case.goal else "-", *map(str, numbers)]
