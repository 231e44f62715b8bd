"""Long lists page by page: every row once, forwards and back, while others are added."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests.house import services_of
from voucher_service.errors import BadInput
from voucher_service.ids import utc_now
from voucher_service.staff.branches import create_branch
from voucher_service.staff.models import Branch
from voucher_service.web import doors


def add(session: Session, count: int) -> None:
    """Open `count` more branches."""
    known = len(session.scalars(select(Branch.id)).all())
    for n in range(known, known + count):
        create_branch(session, name=f"Antenne {n}", city="Lyon", address="1 rue", hours="9 h", now=utc_now())


def branches(app: Flask) -> int:
    """Return how many branches there are; they are numbered from 1."""
    with services_of(app).database.read() as session:
        return session.scalars(select(func.count()).select_from(Branch)).one()


def page(app: Flask, query: str, size: int) -> doors.Page[Branch]:
    """Return the page that a request with this query string shows."""
    with app.test_request_context("/?" + query), services_of(app).database.read() as session:
        return doors.page_of(session, select(Branch), by=Branch.id, parse=int, size=size)


def query_of(href: str) -> str:
    """Return the query string of an address."""
    return href.partition("?")[2]


@pytest.mark.parametrize(("count", "size"), [(0, 3), (1, 3), (2, 3), (3, 3), (9, 4), (13, 10), (13, 20)])
def test_every_row_is_shown_once_forwards_and_back(app: Flask, count: int, size: int) -> None:
    services_of(app).database.run(add, count)
    total = branches(app)
    shown, query = [], "city=Lyon"
    while True:
        found = page(app, query, size)
        shown.append([branch.id for branch in found.items])
        if not found.next_href:
            break
        assert re.search(r"[?&]city=Lyon(&|$)", found.next_href), "filters stay"
        query = query_of(found.next_href)
    assert [row for rows in shown for row in rows] == list(range(total, 0, -1))
    back = [shown[-1]]
    while found.previous_href:
        found = page(app, query_of(found.previous_href), size)
        back.append([branch.id for branch in found.items])
    assert back == shown[::-1]


def test_a_row_added_meanwhile_moves_no_page(app: Flask) -> None:
    first, total = page(app, "", 3), branches(app)
    services_of(app).database.run(add, 2)
    second = [branch.id for branch in page(app, query_of(first.next_href), 3).items]
    assert second == [total - 3, total - 4, total - 5]


@pytest.mark.parametrize("query", ["before=x", "after=", "after=1.5"])
def test_a_key_that_cannot_be_read_is_named(app: Flask, query: str) -> None:
    with pytest.raises(BadInput) as error:
        page(app, query, 3)
    assert error.value.field in {"before", "after"}
