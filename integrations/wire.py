"""The bytes under the HTTP client: where they may go, by when, and whether the request has begun to leave."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable
from typing import Any

import httpcore

from integrations.addresses import resolve


class Wire(httpcore.NetworkBackend):
    """One exchange: connects to checked addresses only, and lets no step take longer than what is left.

    `left` becomes true just before the first byte of the content is handed to the system (the first byte of
    the request, where it has no content).
    """

    def __init__(self, *, seconds: float, private: bool, has_content: bool) -> None:
        self._system = httpcore.SyncBackend()
        self._end = time.monotonic() + seconds
        self._private = private
        self._leaves_at = "http11.send_request_body.started" if has_content else "http11.send_request_headers.started"
        self.left = False

    def trace(self, event: str, _details: dict[str, Any]) -> None:
        """Hear from the client what it is about to do."""
        if event == self._leaves_at:
            self.left = True

    def remaining(self, limit: float | None) -> float:
        """Return what a step may take. Raises httpcore.ReadTimeout when nothing is left."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the exchange took too long")
        return left if limit is None else min(left, limit)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first of the host's allowed addresses that answers, within `timeout` seconds for all.

        Raises:
            AddressRefused, OSError, httpcore.ConnectError, httpcore.ConnectTimeout.
        """
        end = time.monotonic() + self.remaining(timeout)
        fault: Exception = httpcore.ConnectTimeout("the address did not answer")
        for address in resolve(host, port, private=self._private):
            wait = end - time.monotonic()
            if wait <= 0:
                break
            try:
                stream = self._system.connect_tcp(address, port, wait, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                fault = error
            else:
                return _Stream(stream, self)
        raise fault

    def sleep(self, seconds: float) -> None:
        """Wait. Nothing here asks for it: there are no retries."""
        self._system.sleep(seconds)


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, wire: Wire) -> None:
        self._stream = stream
        self._wire = wire

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._wire.remaining(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._wire.remaining(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        inner = self._stream.start_tls(ssl_context, server_hostname, self._wire.remaining(timeout))
        return _Stream(inner, self._wire)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
