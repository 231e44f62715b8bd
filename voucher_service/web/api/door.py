"""The blueprint of `/api/v1` and what its routes share: the limit, pages of lists, answers as JSON."""

from __future__ import annotations

from typing import TypeVar

from flask import Blueprint, Response, request, url_for
from pydantic import BaseModel

from voucher_service.web import doors

M = TypeVar("M", bound=BaseModel)

blueprint = Blueprint("api", __name__, url_prefix="/api/v1")

REQUESTS = doors.Rule("api", tries=600, seconds=60)
PAGE = 50


@blueprint.before_request
def limit() -> None:
    """Let a program ask ten times a second for a minute, no more. Raises TooManyTries."""
    doors.throttle().spend(REQUESTS, request.headers.get("Authorization") or doors.address())


def query(model: type[M]) -> M:
    """Return the query string as `model`: what is empty was sent, and is wrong; a program leaves out what it lacks.

    Raises:
        BadForm.
    """
    return doors.parse(model, request.args.to_dict())


def next_page(page: int, total: int) -> str | None:
    """Return the address of the page after this one, or None."""
    assert request.endpoint is not None, "a list is told by a view"
    if page * PAGE >= total:
        return None
    kept: dict[str, object] = {name: value for name, value in request.args.items() if name != "page"}
    return url_for(request.endpoint, **(request.view_args or {}), **kept, page=page + 1)  # type: ignore[arg-type]  # names of our own routes


def as_json(answer: BaseModel, status: int = 200) -> Response:
    """Return the answer of a view."""
    return Response(answer.model_dump_json(), status, content_type="application/json")
