"""A short reference of an app, which a visitor in trouble can pass on: `7F3K-2M5Q`.

Made from the workload's UID, so it says nothing of namespace and name, nobody can guess it, and nothing has to be kept:
`waker explain 7F3K-2M5Q` looks which workload has it. In capitals, as no workload's name can be.
"""

import re
from base64 import b32encode
from hashlib import sha256
from typing import Final

REFERENCE: Final = re.compile(r"[A-Z2-7]{4}-[A-Z2-7]{4}", re.ASCII)


def reference_of(uid: str) -> str:
    """40 bits, in letters that can be read out."""
    text = b32encode(sha256(uid.encode()).digest()[:5]).decode()
    return f"{text[:4]}-{text[4:]}"
