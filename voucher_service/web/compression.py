"""Fewer bytes over a slow line: what is the same for everyone is compressed once and kept.

Only for answers without secrets (static files, the counter's shell): a page that holds a token beside text of the
reader's choice would leak it through its length.
"""

from __future__ import annotations

import gzip
import threading
from functools import lru_cache
from pathlib import Path

import brotli
from flask import Request, Response

TYPES = ("text/", "application/javascript", "application/json", "application/manifest+json", "application/wasm")
SMALLEST = 512  # bytes; below it, nothing is gained
_QUALITY = 9  # the QR reader of 1.1 MB: 0.1 s and 406 kB
_BEST = 11  # 4 s and 357 kB: made beforehand, behind the first requests
_best: dict[bytes, bytes] = {}


def prepare(path: Path) -> None:
    """Make the smallest form of one large file, for all later answers of this process; takes seconds."""
    body = path.read_bytes()
    _best[body] = brotli.compress(body, quality=_BEST)


def prepare_behind(path: Path) -> None:
    """Do the same in a thread of its own."""
    threading.Thread(target=prepare, args=(path,), name="compression", daemon=True).start()


@lru_cache(maxsize=128)
def _packed(body: bytes, encoding: str) -> bytes:
    if encoding == "br":
        packed: bytes = brotli.compress(body, quality=_QUALITY)
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
        response.set_data((encoding == "br" and _best.get(body)) or _packed(body, encoding))
        response.content_encoding = encoding
    return response
