"""Fewer bytes over a slow line: what is the same for everyone is compressed once and kept.

Only for answers without secrets (static files, the counter's shell): a page that holds a token beside text of the
reader's choice would leak it through its length.

The smallest form of the QR reader takes seconds to make, so it lies beside its source in `packed/`. After an upgrade
of the reader: `python -m voucher_service.web.compression`.
"""

from __future__ import annotations

import gzip
from functools import cache, lru_cache
from pathlib import Path

import brotli
from flask import Request, Response

TYPES = ("text/", "application/javascript", "application/json", "application/manifest+json", "application/wasm")
SMALLEST = 512  # bytes; below it, nothing is gained
_HERE = Path(__file__).parent
QR_READER = _HERE / "static" / "vendor" / "zxing-wasm" / "zxing_reader.wasm"
PACKED = _HERE / "packed" / "zxing_reader.wasm.br"
_BEST = 11  # the QR reader of 1.1 MB: 4 s and 357 kB; all other files of the counter together 0.3 s
_QUALITY = 9  # the QR reader: 0.1 s and 406 kB
_QUICK = 128 * 1024  # bytes; what is smaller is packed as well as can be, once


def pack() -> None:
    """Make the smallest form of the QR reader again; takes seconds."""
    PACKED.parent.mkdir(exist_ok=True)
    PACKED.write_bytes(brotli.compress(QR_READER.read_bytes(), quality=_BEST))


@cache
def _prepared() -> dict[bytes, bytes]:
    """Return the smallest forms by their bodies; empty when what lies there is another reader's."""
    body, packed = QR_READER.read_bytes(), PACKED.read_bytes()
    return {body: packed} if brotli.decompress(packed) == body else {}


@lru_cache(maxsize=128)
def _packed(body: bytes, encoding: str) -> bytes:
    if encoding == "br":
        packed: bytes = _prepared().get(body) or brotli.compress(
            body, quality=_BEST if len(body) < _QUICK else _QUALITY
        )
        return packed
    return gzip.compress(body, 9, mtime=0)


def compress(request: Request, response: Response) -> Response:
    """Put the body of a public answer into the smallest form that the browser takes."""
    kind = response.mimetype or ""
    if not kind.startswith(TYPES) and kind != "image/svg+xml":
        return response
    response.vary.add("Accept-Encoding")
    body = response.get_data()
    accepted = request.accept_encodings
    encoding = "br" if accepted["br"] else "gzip" if accepted["gzip"] else ""
    if response.status_code == 200 and encoding and len(body) >= SMALLEST:
        response.set_data(_packed(body, encoding))
        response.content_encoding = encoding
    return response


if __name__ == "__main__":
    pack()
