"""The metrics pages of `bench scrape` have the shape of real ones."""

import re
from collections.abc import Iterable

import pytest

from bench import pages
from bench.reading import key_of
from tests.traffic.test_exposition import PAGES, read
from waker.traffic.controllers import INGRESS_NGINX, TRAEFIK, Adapter
from waker.traffic.ledger import ScrapeBuilder

LABEL = re.compile(r'(\w+)="')


def shapes(page: str, family: str) -> set[tuple[str, ...]]:
    """The label names of a family's lines, in their order."""
    return {tuple(LABEL.findall(line)) for line in page.splitlines() if line.startswith(f"{family}{{")}


@pytest.mark.parametrize(
    ("adapter", "made", "others"),
    [
        pytest.param(INGRESS_NGINX, pages.ingress_nginx(3), 92, id="ingress-nginx"),
        pytest.param(TRAEFIK, pages.traefik(3), 9, id="Traefik"),
    ],
)
def test_pages(adapter: Adapter, made: Iterable[str], others: int) -> None:
    text = "".join(made)
    real = (PAGES / f"{adapter.title.lower()}.txt").read_text()
    metric = adapter.requests.metric
    assert shapes(text, metric) == shapes(real, metric)
    lines = [line for line in text.splitlines() if "{" in line]
    wanted = [line for line in lines if line.startswith(f"{metric}{{")]
    assert len(wanted) == 3 * len(pages.COMBINATIONS)
    assert len(lines) == len(wanted) * (1 + others)
    keys = frozenset(key_of(adapter, number) for number in range(3))
    builder = ScrapeBuilder(adapter, keys)
    builder.add(read(text.encode(), *adapter.wanted))
    assert builder.scrape().tallies.keys() == keys
