"""The HTTP client of all partners: one request per call, and an honest word on how far it came.

No retry, no redirect, no cookie, no connection kept open (a kept one may die just as an order leaves on it);
answers of at most 1 MiB; one limit on the whole exchange, so that an answer in drops ends too. A fault says
whether the content may have begun to leave: only if not is the order certainly unknown to the partner.
"""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any, Final
from urllib.parse import quote, urlencode

import httpcore
import httpx
import structlog

from integrations.addresses import AddressRefused, check_base
from integrations.wire import Wire

CONNECT_SECONDS: Final = 5.0
ANSWER_LIMIT: Final = 2**20

_log = structlog.get_logger(__name__)


class Fault(Exception):
    """No answer that can be used. `code` is stable; `left` says that the content may have begun to leave."""

    def __init__(self, code: str, *, left: bool) -> None:
        super().__init__(code)
        self.code = code
        self.left = left


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, whole. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    milliseconds: int

    def json(self) -> Any:
        """Return the body's JSON, decimals exact; None when it is none (a proxy's HTML page, a torn text)."""
        try:
            return json.loads(self.body, parse_float=Decimal, parse_constant=_refuse)
        except (ValueError, RecursionError):
            return None

    def record(self) -> Mapping[str, Any]:
        """Return the JSON object of the body; empty when it is anything else."""
        found = self.json()
        return found if isinstance(found, dict) else {}


class Line:
    """A way to one base address. `private` allows http and private addresses, for trials; `name` is for the log.

    Raises (when made):
        AddressRefused: no such address may be used.
    """

    def __init__(self, base: str, *, name: str, private: bool = False, connect: float = CONNECT_SECONDS) -> None:
        check_base(base, private=private)
        self._base = base.rstrip("/")
        self._name = name
        self._private = private
        self._connect = connect

    def get(
        self,
        path: str,
        *,
        limit: float,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Ask, within `limit` seconds once connected. Raises Fault."""
        return self._call("GET", path + (f"?{urlencode(query)}" if query else ""), b"", headers or {}, limit)

    def post(
        self, path: str, *, limit: float, content: object = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Send `content` as JSON (nothing when None) once, within `limit` seconds once connected. Raises Fault."""
        if content is None:
            return self._call("POST", path, b"", headers or {}, limit)
        body = json.dumps(content, ensure_ascii=False, default=_plain).encode()
        return self._call("POST", path, body, {"content-type": "application/json", **(headers or {})}, limit)

    def post_bytes(self, path: str, body: bytes, *, limit: float, headers: Mapping[str, str]) -> Reply:
        """Send `body` exactly as it is (it is signed) once, within `limit` seconds once connected. Raises Fault."""
        return self._call("POST", path, body, headers, limit)

    def _call(self, method: str, target: str, body: bytes, headers: Mapping[str, str], limit: float) -> Reply:
        wire = Wire(seconds=self._connect + limit, private=self._private, has_content=bool(body))
        sent = {"accept": "application/json", "user-agent": "coup-de-pouce", **headers, "accept-encoding": "identity"}
        waits = {"connect": self._connect, "read": limit, "write": limit, "pool": self._connect}
        call = f"{method} {_shape(target)}"
        try:
            reply = _exchange(wire, method, self._base + target, body, sent, waits)
        except Fault as fault:
            _log.warning("partner_call", partner=self._name, call=call, fault=fault.code, left=fault.left)
            raise
        _log.info("partner_call", partner=self._name, call=call, status=reply.status, ms=reply.milliseconds)
        return reply


def segment(text: str) -> str:
    """Return `text` as one segment of a path, whatever it holds.

    Raises:
        ValueError: it would mean another folder.
    """
    if text in {"", ".", ".."}:
        raise ValueError("not a segment of a path")
    return quote(text, safe="")


def _shape(target: str) -> str:
    # Without the query, and without what may be a reference or a number: a log holds neither.
    parts = target.split("?", maxsplit=1)[0].split("/")
    return "/".join("…" if len(part) > 2 and any(c.isdigit() for c in part) else part for part in parts)


def _exchange(
    wire: Wire, method: str, url: str, body: bytes, headers: Mapping[str, str], waits: Mapping[str, float]
) -> Reply:
    started = time.monotonic()
    options: dict[str, Any] = {
        "headers": list(headers.items()),
        "content": body,
        "extensions": {"timeout": dict(waits), "trace": wire.trace},
    }
    with (
        _faults(wire),
        httpcore.ConnectionPool(ssl_context=_tls(), network_backend=wire, max_keepalive_connections=0) as pool,
        pool.stream(method, url, **options) as response,
    ):
        got = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
        if got.get("content-encoding", "identity").lower() != "identity":
            raise Fault("answer_encoded", left=True)  # we asked for none: what it unpacks to has no limit
        whole = _whole(response.iter_stream())
        return Reply(response.status, got, whole, round((time.monotonic() - started) * 1000))


def _whole(parts: Iterable[bytes]) -> bytes:
    whole = bytearray()
    for part in parts:
        whole += part
        if len(whole) > ANSWER_LIMIT:
            raise Fault("answer_too_long", left=True)
    return bytes(whole)


@contextmanager
def _faults(wire: Wire) -> Iterator[None]:
    """Give every fault its name, and say whether the content may have left by then."""
    try:
        yield
    except Fault:
        raise
    except AddressRefused as error:
        raise Fault(str(error), left=wire.left) from None
    except httpcore.TimeoutException:
        raise Fault("timeout" if wire.left else "connect_timeout", left=wire.left) from None
    except ssl.SSLError:
        raise Fault("tls_failed", left=wire.left) from None
    except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
        refused = isinstance(error, OSError) and not wire.left
        raise Fault("name_unknown" if refused else _broken(wire, error), left=wire.left) from None
    except UnicodeError:
        raise Fault("header_unreadable", left=wire.left) from None


def _broken(wire: Wire, error: Exception) -> str:
    if wire.left:
        return "answer_unreadable" if isinstance(error, httpcore.ProtocolError) else "hung_up"
    return "tls_failed" if any(isinstance(cause, ssl.SSLError) for cause in error.args) else "connect_failed"


@cache
def _tls() -> ssl.SSLContext:
    context = httpx.create_ssl_context()  # with the certificates of certifi, on every machine the same
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _plain(value: object) -> int | float:
    # The shortest text of a float is the decimal it came from, up to fifteen digits: "12.35" leaves as 12.35.
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"{type(value).__name__} cannot be sent")


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number of JSON")
