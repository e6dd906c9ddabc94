"""Reads a controller pod's metrics page through the API server, where the caller of a command cannot reach pods.

It shows whether the page is there and has the counter. It does not show whether waker gets there: NetworkPolicies do not
concern the API server.
"""

import re
from typing import Final

from waker.checks.controllers import PageShows, ReadPage, page_path
from waker.cluster.client import Api
from waker.errors import ClusterError, ScrapeError
from waker.plan.model import Pod
from waker.traffic.controllers import Adapter

MOST: Final = 8 << 20  # bytes; the counter of a busy controller stands further down, and then it is not known


def through(api: Api) -> ReadPage:
    """How to read pages with this connection."""

    async def read(adapter: Adapter, pod: Pod) -> PageShows:
        try:
            page = await api.text(page_path(adapter, pod), MOST)
        except ClusterError as error:
            if error.status in (401, 403):
                raise
            raise ScrapeError(
                f"shows no page {adapter.path} on port {adapter.metrics.of(pod)}; {adapter.enable}"
            ) from error
        if page.lstrip().startswith("<"):
            raise ScrapeError(f"sends no metrics page (markup); {adapter.enable}")
        return shown_on(page, adapter)

    return read


def shown_on(page: str, adapter: Adapter) -> PageShows:
    """What a page, or its beginning, has of this controller: the names of a program's metrics begin with the same word."""
    proof = re.escape(adapter.proof)
    if re.search(rf'^\s*{proof}[{{\s]|"{proof}"', page, re.MULTILINE):
        return PageShows.COUNTER
    family = re.escape(adapter.proof.partition("_")[0])
    others = re.search(rf'^\s*(?:{family}_|{{\s*"{family}_)', page, re.MULTILINE)
    return PageShows.OTHERS if others else PageShows.NOTHING


async def not_tried(_adapter: Adapter, _pod: Pod) -> None:
    """Nothing can be sent through a controller from here."""
