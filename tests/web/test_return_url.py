import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.web.browser import goes_to
from tests.web.conftest import HOST, WAIT_HOST
from tests.web.tricks import TRICKS
from waker.web.return_url import ReturnUrl, from_query, parse, to_query


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        (f"https://{HOST}/", f"https://{HOST}/"),
        (f"https://{HOST}", f"https://{HOST}/"),
        (f"https://{HOST}?x=1", f"https://{HOST}/?x=1"),
        (f"HtTpS://{HOST.upper()}/A", f"https://{HOST}/A"),
        (f"http://{HOST}:80/", f"http://{HOST}/"),
        (f"https://{HOST}:443/", f"https://{HOST}/"),
        (f"http://{HOST}:8000/", f"http://{HOST}:8000/"),
        (f"https://{HOST}/a%20b/%E4%BD%A0?q=%22&r=a+b", f"https://{HOST}/a%20b/%E4%BD%A0?q=%22&r=a+b"),
        (f'https://{HOST}/a b?"<ü>', f"https://{HOST}/a%20b?%22%3C%C3%BC%3E"),
        (f"https://{HOST}//evil.example", f"https://{HOST}//evil.example"),
        (f"https://{HOST}/?next=https://evil.example", f"https://{HOST}/?next=https://evil.example"),
        (f"https://{HOST}/a?b#part", f"https://{HOST}/a?b#part"),
        ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example/"),
        ("http://localhost/", "http://localhost/"),
    ],
)
def test_what_is_taken(text: str, taken: str) -> None:
    back = parse(text, own_port=8000)
    assert str(back) == taken
    assert back
    assert from_query(to_query(back), 8000) == back


@pytest.mark.parametrize("text", TRICKS.values(), ids=TRICKS.keys())
def test_a_trick_is_nothing_or_plainly_another_host(text: str) -> None:
    back = parse(text)
    assert back is None or back.host != HOST
    if back:
        assert goes_to(text) == goes_to(str(back)) == (back.scheme, back.host)


def test_half_a_character_is_nothing() -> None:
    assert parse(f"https://{HOST}/\udc80") is None


def test_the_path_is_decoded_for_the_routes() -> None:
    assert ReturnUrl("https", HOST, 0, "/a%20b?c=/d#/e").path == "/a b"


@pytest.mark.parametrize(
    "query",
    ["", "url", "url=", "other=1", f"url=https://{HOST}/&url=https://{HOST}/", "&".join(["a=1"] * 2000) + "&url=b"],
    ids=["nothing", "a word", "empty", "another", "twice", "a crowd"],
)
def test_no_url_is_asked_for(query: str) -> None:
    assert from_query(query) is None


# Made of the pieces that addresses are broken with, so that many come close.
pieces = st.lists(
    st.one_of(
        st.sampled_from(["https", "http", ":", "/", "//", "\\", "@", "?", "#", "[", "]", ".", "%2e", "%00", "%5c", "\t",
                         "\r\n", " ", HOST, WAIT_HOST, "evil.example", "8000", "443", "\u3002", "\uff0f", "\uff53",
                         "\u00ad"]),
        st.text(max_size=3),
    ),
    max_size=12,
).map("".join)  # fmt: skip
near = st.one_of(pieces, st.tuples(st.just(f"https://{HOST}"), pieces).map("".join), st.text(max_size=80))


@given(near, st.sampled_from([0, 8000]))
def test_a_browser_goes_where_we_think_it_goes(text: str, port: int) -> None:
    back = parse(text, port)
    if back:
        out = str(back)
        assert out.isascii()
        assert out.isprintable()
        assert not set(out) & set(' "<>')
        assert goes_to(out) == (back.scheme, back.host)
        assert back.port in (0, port)
        assert parse(out, port) == back
