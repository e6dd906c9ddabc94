import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from waker.web.hosts import normalized_host


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("shop.example.com", "shop.example.com"),
        ("Shop.Example.COM:8080", "shop.example.com"),
        ("shop.example.com.", "shop.example.com"),
        (" shop.example.com ", "shop.example.com"),
        ("bücher.example:80", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("[2001:DB8::1]:443", "[2001:db8::1]"),
        ("10.0.0.1:80", "10.0.0.1"),
        ("", ""),
        (":80", ""),
        ("a/b", ""),
        ("a b", ""),
        ("user@host", ""),
        ("<script>", ""),
        ("a" * 300, ""),
        ("ü" * 200, ""),
        ("\xe9." * 120 + "a", ""),  # longer in its xn-- form
        ("a\r\nb", ""),
    ],
)
def test_a_host_is_normalized(text: str, host: str) -> None:
    assert normalized_host(text) == host


@given(st.text(max_size=400))
@example("[»:")
def test_normalizing_never_raises_and_changes_nothing_twice(text: str) -> None:
    assert normalized_host(normalized_host(text)) == normalized_host(text)
