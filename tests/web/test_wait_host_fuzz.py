"""The wait host with any `url=`: it never sends anybody to another site, repeats nothing and never fails."""

import asyncio
import re
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.web.browser import goes_to
from tests.web.conftest import DOOR, HOST, PortUnderTest
from tests.web.test_return_url import nearly_urls
from tests.web.wait_host import WAITING, get
from waker.plan.doors import port_name
from waker.plan.model import Phase


async def test_any_url(rig: PortUnderTest, caplog: pytest.LogCaptureFixture) -> None:
    loop = asyncio.get_running_loop()
    rig.apps.set_phase(Phase.AWAKE)
    secret = "<Zq9xEcho>"

    async def check(query: str, path: str, origin: str) -> None:
        headers = WAITING | {"Origin": re.sub(r"[^ -~]", "", origin)}
        answer = await get(rig, f"{path}?{query}", **headers)
        text = await answer.text()
        assert answer.status in (200, 302, 400, 503)
        assert secret not in text
        assert secret not in str(answer.raw_headers)
        if "Location" in answer.headers:
            assert goes_to(answer.headers["Location"]) in [("http", HOST), ("https", HOST)]
        allowed = answer.headers.get("Access-Control-Allow-Origin")
        assert allowed is None or goes_to(allowed)[1] == HOST

    @settings(max_examples=300, deadline=None, database=None)
    @given(
        nearly_urls, st.sampled_from(["/", "/back", "/api/v1/app"]), st.sampled_from(["", secret]), st.booleans(),
        st.one_of(nearly_urls, st.just(f"https://{HOST}")),
    )  # fmt: skip
    def fuzz(url: str, path: str, more: str, encoded: bool, origin: str) -> None:
        query = quote(url + more, safe="" if encoded else "/:@?&=%+;!", errors="surrogatepass")
        asyncio.run_coroutine_threadsafe(check(f"app={port_name(DOOR)}&url={query}", path, origin), loop).result(10)

    await asyncio.to_thread(fuzz)
    assert "could not be answered" not in caplog.text
