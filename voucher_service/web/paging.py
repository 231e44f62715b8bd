"""Long lists, page by page: by key, so that page 900 costs what page 1 costs and nothing shows twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from flask import request, url_for
from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute, Session

from voucher_service.errors import BadInput

T = TypeVar("T")
K = TypeVar("K")

PAGE = 50


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page, newest first. An address is empty where there is no such page."""

    items: Sequence[T]
    previous_href: str
    next_href: str


def page_of(
    database: Session,
    query: Select[T],
    *,
    by: InstrumentedAttribute[K],
    parse: Callable[[str], K],
    size: int = PAGE,
) -> Page[T]:
    """Return the page of `query` that the query string asks for (`before` or `after` a key), newest first.

    `by` is a unique column of the entity that grows with time; `parse` reads it from text (`UUID`, `int`).

    Raises:
        BadInput: the key cannot be read.
    """
    before, after = (_key(name, parse) for name in ("before", "after"))
    if after is not None:  # going back: the nearest newer ones, then turned round
        rows: list[T] = list(database.scalars(query.where(by > after).order_by(by.asc()).limit(size + 1)))
        newer, rows = len(rows) > size, rows[:size][::-1]
        older = True
    else:
        query = query if before is None else query.where(by < before)
        rows = list(database.scalars(query.order_by(by.desc()).limit(size + 1)))
        newer, older, rows = before is not None, len(rows) > size, rows[:size]
    return Page(
        items=rows,
        previous_href=_href("after", getattr(rows[0], by.key)) if rows and newer else "",
        next_href=_href("before", getattr(rows[-1], by.key)) if rows and older else "",
    )


def _key(name: str, parse: Callable[[str], K]) -> K | None:
    text = request.args.get(name)
    if text is None:
        return None
    try:
        return parse(text)
    except ValueError:
        raise BadInput("Cette page de la liste n’existe pas : repartez du début.", field=name) from None


def _href(name: str, key: Any) -> str:
    assert request.endpoint is not None, "a page is shown by a view"
    kept = {other: value for other, value in request.args.items() if other not in {"before", "after"}}
    values: dict[str, Any] = {**kept, **(request.view_args or {}), name: str(key)}
    return url_for(request.endpoint, **values)
