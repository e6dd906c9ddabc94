"""Debian's HAProxy, configured as the ingress controllers do: visits, open sessions, and those that a reload hides."""

import math
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.traffic.real.programs import Proxy, app, free_ports, program, running
from waker.plan.model import Pod
from waker.plan.routes.route import CountedBackend
from waker.traffic.controllers import HAPROXYTECH, interest
from waker.traffic.ledger import Ledger, Movement, Scrape

pytestmark = pytest.mark.skipif(not program("haproxy"), reason="haproxy is not installed (Debian: haproxy)")

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
INTERVAL = timedelta(seconds=15)
SHOP = HAPROXYTECH.spellings(CountedBackend("team-a", "shop", "shop-web", "http", "http", 80))[0]
BLOG = HAPROXYTECH.spellings(CountedBackend("team-a", "blog", "blog", 80, "", 80))[0]
assert HAPROXYTECH.process
DRAIN = HAPROXYTECH.process.drain

CONFIG = """
global
    hard-stop-after 30s
defaults
    mode http
    timeout connect 2s
    timeout client 30s
    timeout server 30s
    timeout tunnel 30s
frontend http
    bind 127.0.0.1:{http}
    use_backend {shop} if {{ hdr(host) shop.example.org }}
    default_backend {blog}
frontend stats
    bind 127.0.0.1:{stat}
    http-request use-service prometheus-exporter if {{ path /metrics }}
backend {shop}
    server s1 127.0.0.1:{app}
backend {blog}
    server s1 127.0.0.1:{app}
"""


@pytest.fixture
async def proxy(tmp_path: Path) -> AsyncIterator[Proxy]:
    async with app() as port:
        http, stat = free_ports(2)
        config = tmp_path / "haproxy.cfg"
        config.write_text(CONFIG.format(http=http, stat=stat, app=port, shop=SHOP[0], blog=BLOG[0]))
        pod = Pod("haproxy-controller", "h-1", "uid", "127.0.0.1", ready=True, ports={"stat": stat})
        async with running([program("haproxy"), "-W", "-f", str(config)], HAPROXYTECH, pod, http) as proxy:
            yield proxy


async def begun(proxy: Proxy) -> Ledger:
    """A ledger with a baseline of the proxy."""
    ledger = Ledger()
    ledger.baseline("uid", await proxy.scrape(SHOP, BLOG))
    return ledger


async def test_backends_are_listed_before_their_first_visit(proxy: Proxy) -> None:
    scrape = await proxy.scrape(SHOP, BLOG)
    assert scrape.tallies.keys() == {SHOP, BLOG}
    assert scrape.tallies[BLOG].total == 0
    assert scrape.proven
    assert scrape.started


async def test_a_visit_is_seen_and_nobody_else_is_visited(proxy: Proxy) -> None:
    ledger = await begun(proxy)
    assert ledger.observe("uid", await proxy.scrape(SHOP, BLOG), NOW) == Movement({})
    assert await proxy.get() == 200
    assert ledger.observe("uid", await proxy.scrape(SHOP, BLOG), NOW).visits.keys() == {SHOP}
    assert await proxy.get(host="blog.example.org") == 200
    assert ledger.observe("uid", await proxy.scrape(SHOP, BLOG), NOW).visits.keys() == {BLOG}


async def test_an_ownership_check_is_no_visit(proxy: Proxy) -> None:
    ledger = await begun(proxy)
    await proxy.get(method="HEAD")
    ledger.discount(
        "uid", interest(HAPROXYTECH, CountedBackend("team-a", "shop", "shop-web", "http", "http", 80)).keys, 1, NOW
    )
    await proxy.until(lambda scrape: not scrape.open, SHOP)
    assert ledger.observe("uid", await proxy.scrape(SHOP, BLOG), NOW).visits == {}


async def test_an_open_websocket_is_a_visit_as_long_as_it_lasts(proxy: Proxy) -> None:
    ledger = await begun(proxy)
    async with proxy.websocket() as socket:
        for _ in range(3):
            await socket.send_str("still here")
            assert await socket.receive_str() == "still here"
            assert ledger.observe("uid", await proxy.scrape(SHOP, BLOG), NOW).visits.keys() == {SHOP}
    ledger.observe("uid", await proxy.until(lambda scrape: not scrape.open, SHOP, BLOG), NOW)
    assert ledger.observe("uid", await proxy.scrape(SHOP, BLOG), NOW).visits == {}


async def test_a_slow_download_is_one_too(proxy: Proxy) -> None:
    ledger = await begun(proxy)
    url = f"http://127.0.0.1:{proxy.port}/endless"
    async with proxy.session.get(url, headers={"Host": "shop.example.org"}) as answer:
        assert await answer.content.readline() == b"first\n"
        for _ in range(2):
            assert ledger.observe("uid", await proxy.scrape(SHOP, BLOG), NOW).visits.keys() == {SHOP}


async def test_a_reload_hides_an_open_websocket_and_the_ledger_remembers_it(proxy: Proxy) -> None:
    ledger = await begun(proxy)
    async with proxy.websocket() as socket:
        before = await older(proxy, 1)
        assert ledger.observe("uid", before, NOW).visits.keys() == {SHOP}
        proxy.process.send_signal(signal.SIGUSR2)
        after = await proxy.until(lambda scrape: scrape.started != before.started, SHOP, BLOG)
        await socket.send_str("still here")
        assert await socket.receive_str() == "still here"
        assert SHOP not in after.open, "a new process, which knows nothing of the socket"
        assert ledger.observe("uid", after, NOW + INTERVAL) == Movement(
            {SHOP: math.inf}, lost=True, hidden=frozenset({SHOP})
        )
        later = await proxy.scrape(SHOP, BLOG)
        assert ledger.observe("uid", later, NOW + DRAIN).visits.keys() == {SHOP}
        assert ledger.observe("uid", later, NOW + INTERVAL + DRAIN).visits == {}


async def older(proxy: Proxy, seconds: int) -> Scrape:
    """A scrape of a process of this age. Start times are whole seconds: two starts within one second look the same."""
    first = await proxy.scrape(SHOP, BLOG)
    assert first.started
    return await proxy.until(lambda _: datetime.now(UTC).timestamp() > (first.started or 0) + seconds, SHOP, BLOG)
