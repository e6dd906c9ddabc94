"""The process: what it listens on."""

import socket

import pytest

from waker.process import listening

FAMILIES = [
    pytest.param("127.0.0.1", id="IPv4"),
    pytest.param(
        "::1",
        id="IPv6",
        marks=pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6"),
    ),
]


@pytest.mark.parametrize("host", FAMILIES)
def test_every_family_is_listened_to(host: str) -> None:
    with listening(0) as bound, socket.create_connection((host, bound.getsockname()[1]), timeout=5):
        visitor, _ = bound.accept()
        visitor.close()
