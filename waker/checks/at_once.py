"""Asks many things, but only so many at a time: a check must not flood the API server."""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import TypeVar

T = TypeVar("T")


async def a_few_at_once(asks: Iterable[Awaitable[T]], most: int) -> list[T]:
    """All answers, in the order of the questions."""
    turn = asyncio.Semaphore(most)

    async def in_turn(ask: Awaitable[T]) -> T:
        async with turn:
            return await ask

    return await asyncio.gather(*map(in_turn, asks))
