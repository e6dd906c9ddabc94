"""What an app's user may put on its page: what is meant passes, and nothing that could do more than that."""

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waker.errors import SettingsError
from waker.settings.page_values import LONGEST_LOGO, describe_logo, parse_accent, parse_contact

PNG = "data:image/png;base64,iVBORw0KGgo="


def svg(text: str) -> str:
    return f"data:image/svg+xml;base64,{b64encode(text.encode()).decode()}"


@pytest.mark.parametrize(
    ("text", "colour"), [("#0066cc", "#0066cc"), (" #06C ", "#0066cc"), ("#ABCDEF", "#abcdef"), ("#000", "#000000")]
)
def test_colours(text: str, colour: str) -> None:
    assert parse_accent(text) == colour


@pytest.mark.parametrize(
    "text", ["", "red", "#12", "#12345", "#1234567", "0066cc", "#0066cg", "#fff;}", "rgb(0,0,0)", "#\u0660\u0660\u0660"]
)
def test_what_is_no_colour(text: str) -> None:
    with pytest.raises(SettingsError, match="is not a colour"):
        parse_accent(text)


@pytest.mark.parametrize(
    ("text", "contact"),
    [
        ("help@example.com", "mailto:help@example.com"),
        ("mailto:Ops+shop@example.com", "mailto:Ops+shop@example.com"),
        ("https://example.com", "https://example.com"),
        (" https://status.example.com/shop?team=a#now ", "https://status.example.com/shop?team=a#now"),
    ],
)
def test_contacts(text: str, contact: str) -> None:
    assert parse_contact(text) == contact


@pytest.mark.parametrize(
    "text",
    [
        "", "help", "help@", "http://example.com", "javascript:alert(1)", "JAVASCRIPT:alert(1)", "data:text/html,x",
        "https://user@example.com/", "https://example.com:8443/", "https://127.0.0.1/", "https://example.com/\"onclick=",
        "https://example.com/<b>", "https://example.com/ x", "https://exämple.com/", "//example.com", "/help",
        "mailto:help@example.com?bcc=all@example.com", "help@example.com,all@example.com",
        "https://example.com\\@evil.example/", "x" * 300 + "@example.com",
    ],
)  # fmt: skip
def test_what_is_no_contact(text: str) -> None:
    with pytest.raises(SettingsError, match="is neither a mail address"):
        parse_contact(text)


def test_pictures() -> None:
    assert describe_logo(f" {PNG}\n") == f"image/png, {len(PNG)} characters"
    assert describe_logo(svg('<svg xmlns="http://www.w3.org/2000/svg"/>')).startswith("image/svg+xml, ")


def test_what_pictures_usually_have_in_them_passes() -> None:
    drawn = """<?xml version="1.0" encoding="UTF-8"?><!-- Generator --><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN"
        "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd"><svg xmlns="http://www.w3.org/2000/svg"
        xmlns:xlink="http://www.w3.org/1999/xlink"><title>Tea &amp; books</title><style>.a { fill: red }</style>
        <g id="a"/><use xlink:href="#a"/><animate attributeName="opacity" values="0;1" dur="2s"/></svg>"""
    assert describe_logo(svg(drawn)).startswith("image/svg+xml, ")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("https://example.com/logo.png", "is not a picture", id="an address"),
        pytest.param("data:text/html;base64,PGI+", "is not a picture", id="a document"),
        pytest.param("data:image/png,plain", "is not a picture", id="not in base64"),
        pytest.param('data:image/png;base64,AAAA"onerror="x', "is not a picture", id="out of the attribute"),
        pytest.param("data:image/svg+xml;charset=utf-16;base64,AAAA", "is not a picture", id="in another encoding"),
        pytest.param("data:image/png;base64,AAAAA", "not written in base64", id="wrong padding"),
        pytest.param("data:image/png;base64," + "A" * LONGEST_LOGO, "is longer than 8192", id="too long"),
        pytest.param(svg("<svg><script>x</script></svg>"), "contains a script", id="a script"),
        pytest.param(svg("<svg><g onload = 'x'/></svg>"), "contains a script", id="a handler"),
        pytest.param(svg("<!DOCTYPE s [<!ENTITY a 'x'>]><svg/>"), "contains a script", id="entities"),
        pytest.param(svg("<svg>\0</svg>"), "contains a script", id="UTF-16"),
        pytest.param(svg("<svg><scr\x1b(Bipt>x</script></svg>"), "contains a script", id="ISO-2022-JP"),
        pytest.param(
            svg("<svg xmlns:s='x'><s:script>x</s:script></svg>"), "contains a script", id="a script by prefix"
        ),
        pytest.param(svg("<svg xmlns:é='x'><é:script>x</é:script></svg>"), "contains a script", id="an odd prefix"),
        pytest.param(svg("<svg><S:foreignObject/></svg>"), "contains a script", id="HTML inside"),
        pytest.param(
            svg("<svg><h:iframe xmlns:h='http://www.w3.org/1999/xhtml'/></svg>"), "contains a script", id="HTML"
        ),
        pytest.param(svg("<svg><a href='javascript&#58;x'/></svg>"), "contains a script", id="a letter by number"),
        pytest.param(svg("<svg><a href='javascript&colon;x'/></svg>"), "contains a script", id="a letter by name"),
        pytest.param(svg("<svg><set attributeName='onclick' to='x'/></svg>"), "contains a script", id="a handler, set"),
        pytest.param(
            svg('<svg><animate attributeName = " xlink:href"/></svg>'), "contains a script", id="an address, set"
        ),
        pytest.param(svg("<?xml-stylesheet href='data:text/xml,x'?><svg/>"), "contains a script", id="a stylesheet"),
    ],
)
def test_what_is_no_picture(text: str, reason: str) -> None:
    with pytest.raises(SettingsError, match=reason):
        describe_logo(text)


@given(st.text(max_size=80) | st.from_regex(r"(#|mailto:|https://|data:image/png;base64,AA).{0,60}"))
def test_what_passes_could_stand_anywhere_in_a_page(text: str) -> None:
    for parse in (parse_accent, parse_contact, shown_logo):
        try:
            value = parse(text)
        except SettingsError:
            continue
        assert value.isascii()
        assert not set(value) & set("\"'<>`\\{} \n\t")
        assert value.startswith(("#", "mailto:", "https://", "data:image/"))


def shown_logo(text: str) -> str:
    """A picture as a page shows it."""
    describe_logo(text)
    return text.strip()
