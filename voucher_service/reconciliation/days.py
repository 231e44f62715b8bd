"""The days a statement speaks for, as instants: days of the partner's zone, of 23 to 25 hours."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import object_session

from voucher_service.ids import PROGRAMME_ZONE
from voucher_service.reconciliation.intake.models import ReaderProfile, StatementReading
from voucher_service.reconciliation.models import Statement
from voucher_service.reconciliation.reader.profile import from_json


def instants(first_day: date, last_day: date, zone: ZoneInfo = PROGRAMME_ZONE) -> tuple[datetime, datetime]:
    """Return the first instant of `first_day` and the one after `last_day`."""
    start = datetime.combine(first_day, time(), tzinfo=zone)
    end = datetime.combine(last_day + timedelta(days=1), time(), tzinfo=zone)
    return start, end


def days_of(statement: Statement) -> tuple[datetime, datetime]:
    """Return the instants of the days the statement, which a session holds, speaks for."""
    return instants(statement.first_day, statement.last_day, zone_of(statement))


def zone_of(statement: Statement) -> ZoneInfo:
    """Return the zone in which the days of the statement, which a session holds, are days."""
    session = object_session(statement)
    assert session is not None, "the statement was read by a session"
    settings = session.scalar(
        select(ReaderProfile.settings)
        .join(StatementReading, StatementReading.profile_id == ReaderProfile.id)
        .where(StatementReading.statement_id == statement.id)
    )
    return ZoneInfo(from_json(settings).zone) if settings else PROGRAMME_ZONE
