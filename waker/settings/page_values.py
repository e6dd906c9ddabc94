"""What an app's user may put on its waiting page: a colour, a way to reach somebody, a picture.

Parsers like those in `parsing`, and as strict as they can be: what passes stands in a page that others open. A colour is
hexadecimal, a contact is one mail address or one https address, a picture is a data URI, so no value can end an attribute,
run, or have anything loaded. `plan.policy` reads the first two, `cluster.manifests` looks at the picture and forgets it, and
`observe.logos` reads it again when a page is made.
"""

import binascii
import re
from base64 import b64decode
from html import escape
from typing import Final

from waker.errors import SettingsError
from waker.settings.parsing import HOST_NAME

LONGEST_CONTACT: Final = 200  # characters, as HTML: a page has to carry it
LONGEST_LOGO: Final = 8 * 1024  # characters of the data URI
COLOUR: Final = re.compile(r"#([0-9a-f]{3}|[0-9a-f]{6})", re.ASCII)
MAIL: Final = re.compile(rf"[a-z0-9._+-]{{1,64}}@{HOST_NAME}", re.ASCII | re.IGNORECASE)
# No user, no port, and nothing that HTML or a browser could read in another way.
WEB: Final = re.compile(
    rf"https://{HOST_NAME}(?:/[a-z0-9._~!$*+,;=:@%/-]*)?(?:\?[a-z0-9._~=&%/-]*)?(?:#[a-z0-9._~=&%/-]*)?",
    re.ASCII | re.IGNORECASE,
)
LOGO: Final = re.compile(r"data:image/(png|svg\+xml|webp|jpeg|gif);base64,([A-Za-z0-9+/]+={0,2})", re.ASCII)
# An <img> runs nothing and loads nothing, but somebody may open it by itself. So it may have none of the ways in which an SVG
# runs a script, and nothing by which one could be written in another way.
ACTIVE_SVG: Final = re.compile(
    rb"[\0\x1b]"  # UTF-16, and encodings in which a tag may be interrupted
    rb"|&(?!(?:amp|lt|gt|quot|apos);)|<!entity"  # letters written as something else
    rb"|<(?:[^\s<>/]*:)?(?:script|foreignobject)|1999/xhtml|<\?xml-stylesheet"
    rb"|\son[a-z]+\s*=|javascript:|attributename\s*=\s*[\"']\s*(?:on|[^\"']*href)",
    re.IGNORECASE,
)


def parse_accent(text: str) -> str:
    """`#06c` -> `#0066cc`. Raises SettingsError."""
    colour = text.strip().lower()
    if not COLOUR.fullmatch(colour):
        raise SettingsError(f"{text[:40]!r} is not a colour such as #0066cc")
    return colour if len(colour) == 7 else "#" + "".join(2 * digit for digit in colour[1:])


def parse_contact(text: str) -> str:
    """`help@example.com` -> `mailto:help@example.com`; an https address stays as it is. Raises SettingsError."""
    contact = text.strip()
    address = contact.removeprefix("mailto:")
    fits = len(escape(contact)) <= LONGEST_CONTACT
    if fits and MAIL.fullmatch(address):
        return f"mailto:{address}"
    if fits and WEB.fullmatch(contact):
        return contact
    raise SettingsError(f"{text[:60]!r} is neither a mail address nor one such as https://example.com/help")


def describe_logo(text: str) -> str:
    """A picture that can be shown, in words: `image/png, 2312 characters`. Raises SettingsError."""
    uri = text.strip()
    if len(uri) > LONGEST_LOGO:
        raise SettingsError(f"a picture of {len(uri)} characters is longer than {LONGEST_LOGO}")
    found = LOGO.fullmatch(uri)
    if not found:
        kinds = "png, svg+xml, webp, jpeg or gif"
        raise SettingsError(f"{text[:40]!r} is not a picture such as data:image/png;base64,... ({kinds})")
    try:
        content = b64decode(found[2], validate=True)
    except binascii.Error:
        raise SettingsError("the picture is not written in base64") from None
    if found[1] == "svg+xml" and ACTIVE_SVG.search(content):
        raise SettingsError("the picture is an SVG that contains a script, or what could be one")
    return f"image/{found[1]}, {len(uri)} characters"
