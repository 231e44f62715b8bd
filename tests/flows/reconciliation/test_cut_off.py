"""Where a day ends: at the partner's midnight, on days of 23, 24 and 25 hours, to the second."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.flows.reconciliation.builders import NOON, VAULT, Wanted, World, add_orders, make_world
from voucher_service.db import Database
from voucher_service.errors import BadFile
from voucher_service.reconciliation import days
from voucher_service.reconciliation.intake import profiles
from voucher_service.reconciliation.models import Break, BreakClass
from voucher_service.reconciliation.reader.profile import Profile
from voucher_service.reconciliation.reader.words import Field
from voucher_service.reconciliation.run import run
from voucher_service.reconciliation.statements import import_statement

HEADER = "our ref;amount eur;status;date"
PARIS, REUNION, NEW_YORK = "Europe/Paris", "Indian/Reunion", "America/New_York"
# The zone, the day and its length in hours; New York changes its clock on other days than Paris.
DAYS = (
    (PARIS, date(2026, 3, 29), 23),
    (PARIS, date(2026, 10, 25), 25),
    (PARIS, date(2026, 6, 1), 24),
    (REUNION, date(2026, 3, 29), 24),
    (REUNION, date(2026, 10, 25), 24),
    (NEW_YORK, date(2026, 3, 8), 23),
    (NEW_YORK, date(2026, 11, 1), 25),
    (NEW_YORK, date(2026, 10, 25), 24),
)


def edges(zone: str, day: date, hours: int) -> tuple[list[datetime], list[datetime]]:
    """Instants on the day, and just outside it, reckoned from its first instant in UTC and its length alone."""
    start = datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)
    second, end = timedelta(seconds=1), start + timedelta(hours=hours)
    inside = [start, start + second, start + timedelta(hours=hours / 2), end - second]
    return inside, [start - second, start - timedelta(hours=1), end, end + timedelta(minutes=59)]


def speak_for(
    session: Session, world: World, zone: str, day: date, when: datetime, order: UUID, *, first: date | None = None
) -> UUID:
    """Keep and run the statement of the day (of those from `first`), with one line, dated in UTC; return its id."""
    if zone != PARIS:
        made = Profile(
            names=tuple(HEADER.split(";")), separator=";", width=4, unit="EUR", zone=zone,
            columns={Field.OUR_REF: 0, Field.QUANTITY: 1, Field.STATUS: 2, Field.EVENT_AT: 3},
        )  # fmt: skip
        profiles.keep(session, partner_id=world.partner_id, profile=made, actor="lea", now=NOON)
    content = f"{HEADER}\n{order};10,00;OK;{when:%Y-%m-%dT%H:%M:%SZ}\n".encode()
    statement = import_statement(
        session, vault=VAULT, partner_id=world.partner_id, file_name="jour.csv", content=content, actor="lea", now=NOON,
        period=(first or day, day),
    )  # fmt: skip
    run(session, statement.id, NOON)
    return statement.id


def missing(session: Session, zone: str, day: date, hours: int) -> tuple[set[UUID | None], set[UUID]]:
    """The orders found missing at the partner, and those that are: nothing but one is in the file."""
    world = make_world(session)
    inside, outside = edges(zone, day, hours)
    named, *ours = add_orders(session, world, [Wanted(at=at) for at in (inside[0], *inside)])
    add_orders(session, world, [Wanted(at=at) for at in outside])
    speak_for(session, world, zone, day, inside[-1], named)
    kind = Break.kind.in_([BreakClass.MISSING_AT_PARTNER.value, BreakClass.AWAITED_AT_PARTNER.value])
    return set(session.scalars(select(Break.order_id).where(kind))), set(ours)


@pytest.mark.parametrize(("zone", "day", "hours"), DAYS)
def test_the_orders_of_the_partners_day_and_no_others_are_missing(
    database: Database, zone: str, day: date, hours: int
) -> None:
    with database.begin() as session:
        found, wanted = missing(session, zone, day, hours)
        assert found == wanted


def test_a_line_a_second_outside_the_day_refuses_the_file(database: Database) -> None:
    zone, day, hours = DAYS[3]
    inside, outside = edges(zone, day, hours)
    for number, at in enumerate((outside[0], outside[2])):
        with database.begin() as session:
            world = make_world(session, f"Opérateur {number}")
            (order,) = add_orders(session, world, [Wanted(at=inside[0])])
            with pytest.raises(BadFile, match="hors de la période") as refused:
                speak_for(session, world, zone, day, at, order)
            session.rollback()
        assert refused.value.line == 2


def _of_24_hours(first: date, last: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    start = datetime.combine(first, time(), zone).astimezone(UTC)
    return start, start + timedelta(days=(last - first).days + 1)


def _of_paris(first: date, last: date, _zone: ZoneInfo) -> tuple[datetime, datetime]:
    return instants(first, last)


instants = days.instants


@pytest.mark.parametrize(("planted", "at"), [(_of_24_hours, 0), (_of_24_hours, 1), (_of_paris, 4), (_of_paris, 7)])
def test_a_cut_off_elsewhere_would_be_seen(
    database: Database, monkeypatch: pytest.MonkeyPatch, planted: object, at: int
) -> None:
    monkeypatch.setattr(days, "instants", planted)
    with database.begin() as session:
        found, wanted = missing(session, *DAYS[at])
        assert found != wanted
