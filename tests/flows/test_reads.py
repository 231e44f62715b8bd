"""What reads cannot write, on either database, and does not keep others from writing."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from tests.programme import Programme
from voucher_service.partners.models import Partner

RENAME = text("UPDATE partner SET name = 'Quelqu’un d’autre'")


def names(programme: Programme) -> list[str]:
    """What the partners are called."""
    with programme.database.read() as session:
        return list(session.scalars(select(Partner.name)))


def test_a_write_by_mistake_is_refused_and_not_kept(programme: Programme) -> None:
    with (
        pytest.raises(DBAPIError, match=r"read-only transaction|readonly database"),
        programme.database.read() as session,
    ):
        session.execute(RENAME)
    assert names(programme) == ["Opérateur Un"]


def test_who_writes_after_a_read_may(programme: Programme) -> None:
    for run in (programme.database.run, programme.database.run_autocommit):
        assert names(programme)
        run(lambda session: session.execute(RENAME))
        assert names(programme) == ["Quelqu’un d’autre"]
