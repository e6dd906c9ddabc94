"""How much memory a held request costs, in slots of `concurrency`: a long head or a body takes more of them."""

from typing import Final

from aiohttp import web

from waker.web import heads

SLOT_BYTES: Final = 16 * 1024  # of memory; measured, a held request costs 12 KiB
HEAD_COPIES: Final = 3  # of a head in memory: as bytes, as texts, and what the heap needs beside them
FIELD_BYTES: Final = 200  # of memory for each field, measured; the first USUAL_FIELDS are part of the 12 KiB
USUAL_FIELDS: Final = 32
# Bytes that are accepted of a body before it is forwarded: READ_AHEAD and RECEIVE_BUFFER, twice.
BODY_AHEAD: Final = 64 * 1024


def slots_needed(request: web.Request) -> int:
    """How many slots a held request takes: one, and more for a long head and for a body that may be read ahead."""
    length = BODY_AHEAD if request.content_length is None else request.content_length
    kept = heads.head_size(request.method, request.raw_path, request.raw_headers) * HEAD_COPIES
    kept += max(0, len(request.raw_headers) - USUAL_FIELDS) * FIELD_BYTES
    return 1 + (kept + (min(length, BODY_AHEAD) if request.body_exists else 0)) // SLOT_BYTES
