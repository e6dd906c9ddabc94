import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.web.browser import goes_to
from tests.web.conftest import HOST, WAIT_HOST
from tests.web.tricks import TRICKS
from waker.web.return_url import ReturnUrl, WaitQuery, from_query, parse, to_query


@pytest.mark.parametrize(
    ("text", "expected"),
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
def test_accepted_urls(text: str, expected: str) -> None:
    url = parse(text, own_port=8000)
    assert str(url) == expected
    assert url
    assert from_query(to_query(WaitQuery("d-0", url)), 8000) == ("d-0", url)


@pytest.mark.parametrize("text", TRICKS.values(), ids=TRICKS.keys())
def test_a_trick_is_refused_or_plainly_another_host(text: str) -> None:
    url = parse(text)
    assert url is None or url.host != HOST
    if url:
        assert goes_to(text) == goes_to(str(url)) == (url.scheme, url.host)


def test_half_a_character_is_refused() -> None:
    assert parse(f"https://{HOST}/\udc80") is None


def test_the_path_is_decoded_for_the_routes() -> None:
    assert ReturnUrl("https", HOST, 0, "/a%20b?c=/d#/e").path == "/a b"


APP_AND_URL = f"app=d-0&url=https://{HOST}/"


@pytest.mark.parametrize(
    "query",
    [
        "",
        "url",
        "app=d-0&url=",
        "other=1",
        f"url=https://{HOST}/",
        "app=d-0",
        f"{APP_AND_URL}&url=https://{HOST}/",
        f"{APP_AND_URL}&app=d-0",
    ],
    ids=["none", "no value", "an empty value", "another field", "no app", "no url", "two urls", "two apps"],
)
def test_a_query_without_exactly_one_app_and_one_url_is_refused(query: str) -> None:
    assert from_query(query) is None


def test_a_query_with_one_of_each() -> None:
    assert from_query(f"x=1&{APP_AND_URL}") == ("d-0", ("https", HOST, 0, "/"))


# Made of the pieces that attacks on addresses are made of, so that many come close to one.
pieces = st.lists(
    st.one_of(
        st.sampled_from(["https", "http", ":", "/", "//", "\\", "@", "?", "#", "[", "]", ".", "%2e", "%00", "%5c", "\t",
                         "\r\n", " ", HOST, WAIT_HOST, "evil.example", "8000", "443", "\u3002", "\uff0f", "\uff53",
                         "\u00ad"]),
        st.text(max_size=3),
    ),
    max_size=12,
).map("".join)  # fmt: skip
nearly_urls = st.one_of(pieces, st.tuples(st.just(f"https://{HOST}"), pieces).map("".join), st.text(max_size=80))


@given(nearly_urls, st.sampled_from([0, 8000]))
def test_a_browser_goes_where_waker_expects(text: str, port: int) -> None:
    url = parse(text, port)
    if url:
        out = str(url)
        assert out.isascii()
        assert out.isprintable()
        assert not set(out) & set(' "<>')
        assert goes_to(out) == (url.scheme, url.host)
        assert url.port in (0, port)
        assert parse(out, port) == url
