"""The process: what it listens on, and which exceptions end it quietly."""

import socket

import pytest

from waker.process import Shutdown, ending_on_shutdown
from waker.web.doors import listening_socket

FAMILIES = [
    pytest.param("127.0.0.1", id="IPv4"),
    pytest.param(
        "::1",
        id="IPv6",
        marks=pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6"),
    ),
]


@pytest.mark.parametrize("host", FAMILIES)
def test_it_listens_on_every_address_family(host: str) -> None:
    with listening_socket(0) as bound, socket.create_connection((host, bound.getsockname()[1]), timeout=5):
        visitor, _ = bound.accept()
        visitor.close()


@pytest.mark.parametrize(
    "raised", [Shutdown(), ExceptionGroup("tasks", [Shutdown(), Shutdown()])], ids=["alone", "group"]
)
def test_a_shutdown_ends_quietly(raised: Exception) -> None:
    with ending_on_shutdown():
        raise raised


def test_a_crash_beside_a_shutdown_goes_on() -> None:
    with pytest.raises(ExceptionGroup) as caught, ending_on_shutdown():
        raise ExceptionGroup("tasks", [Shutdown(), ValueError("crash")])
    assert caught.group_contains(ValueError, match="crash")
    assert not caught.group_contains(Shutdown)


def test_an_error_goes_on_as_it_is() -> None:
    with pytest.raises(ValueError, match="crash"), ending_on_shutdown():
        raise ValueError("crash")
