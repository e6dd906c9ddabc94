"""Requests to the wait host, for the tests of redirect mode."""

from urllib.parse import quote

import aiohttp
import pytest

from tests.web.conftest import BROWSER, HOST, WAIT_HOST, PortUnderTest
from waker.plan.model import Phase

WAITING = BROWSER | {"Host": WAIT_HOST}  # the headers of a browser
PROGRAM = {"Host": WAIT_HOST}  # the headers of a program
DEEP = f"https://{HOST}/deep/link?a=1&b=%22x%22"

# A visitor who goes back now does not get the waiting page again.
MAY_GO_BACK = pytest.mark.parametrize(
    ("phase", "is_open"), [(Phase.RESTORING_ROUTES, True), (Phase.AWAKE, False), (Phase.NOT_MANAGED, False)]
)


def path_with(path: str, url: str = DEEP) -> str:
    """A path of the wait host with this `url=`."""
    return f"{path}?url={quote(url, safe='', errors='surrogatepass')}"


async def get(rig: PortUnderTest, path: str, **headers: str) -> aiohttp.ClientResponse:
    """The answer to one GET, whatever its status; redirects are not followed."""
    async with rig.client.get(path, headers=headers, allow_redirects=False) as answer:
        await answer.read()
        return answer
