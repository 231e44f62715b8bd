"""One JSON line a request: what, how long, how it ended. No path, no form, no name, no code, no address.

A path may hold a voucher's code and an exception's message may quote what was typed; so the endpoint stands
for the path, and the place in our code for the message.
"""

from __future__ import annotations

import logging
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import structlog
from flask import Flask, Response, g, request

_ROOT = Path(__file__).parents[2]


class _StandardError:
    """Writes to what standard error is at that moment; a line is one write, so threads do not mix lines."""

    def msg(self, line: str) -> None:
        sys.stderr.write(line + "\n")
        sys.stderr.flush()

    debug = info = warning = error = msg


def make_logger(level: str) -> Any:
    """Return a logger of this application only: JSON lines on standard error."""
    return structlog.wrap_logger(
        _StandardError(),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        cache_logger_on_first_use=True,
    )


def where(error: BaseException) -> dict[str, Any]:
    """Return the kind of an exception and the lines of our code it passed, without its message."""
    frames = [
        f"{Path(frame.filename).relative_to(_ROOT)}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(_ROOT) and ".venv" not in frame.filename
    ]
    cause = getattr(error, "orig", None) or error.__cause__
    kinds = [type(found).__name__ for found in (error, cause) if found is not None]
    return {"error": " ← ".join(kinds), "at": frames}


def install(app: Flask, level: str) -> None:
    """Log every request of `app`."""
    app.extensions["log"] = make_logger(level)

    @app.before_request
    def start() -> None:
        g.started = time.perf_counter()

    @app.after_request
    def note(response: Response) -> Response:
        quiet = request.endpoint in {"static", "house.healthz"}
        write = app.extensions["log"].debug if quiet else app.extensions["log"].info
        write(
            "request",
            method=request.method,
            endpoint=request.endpoint,
            status=response.status_code,
            code=g.get("code"),
            ms=round((time.perf_counter() - g.get("started", time.perf_counter())) * 1000, 1),
        )
        return response
