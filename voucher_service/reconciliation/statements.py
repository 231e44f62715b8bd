"""Keep a partner's statement: the file as it came, and its canonical lines."""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from voucher_service.crypto import Vault
from voucher_service.errors import BadFile, BadInput, NotFound
from voucher_service.ids import PROGRAMME_ZONE, new_id
from voucher_service.partners.models import Partner
from voucher_service.reconciliation.balances.declare import take_in
from voucher_service.reconciliation.beside import Costs
from voucher_service.reconciliation.closing.models import refuse_closed_days
from voucher_service.reconciliation.days import instants
from voucher_service.reconciliation.intake import profiles, sequence
from voucher_service.reconciliation.intake.files import sealed_file
from voucher_service.reconciliation.intake.models import ReaderProfile, StatementReading
from voucher_service.reconciliation.load import Load, line_loader
from voucher_service.reconciliation.models import Statement, StatementIntake
from voucher_service.reconciliation.numbers import Numbers, write_numbers
from voucher_service.reconciliation.reader.columns import Columns, instant_text
from voucher_service.reconciliation.reader.profile import Profile
from voucher_service.reconciliation.reader.read import read
from voucher_service.reconciliation.reader.sources import listed
from voucher_service.reconciliation.sums import Sums, write_sums


def known_statement(session: Session, partner_id: UUID, digest: bytes) -> Statement | None:
    """Return the partner's statement with that SHA-256, if the same file was imported before."""
    return session.scalar(select(Statement).where(Statement.partner_id == partner_id, Statement.file_sha256 == digest))


def last_file(session: Session, partner_id: UUID) -> bytes | None:
    """Return the SHA-256 of the partner's newest statement."""
    return session.scalar(
        select(Statement.file_sha256)
        .where(Statement.partner_id == partner_id)
        .order_by(Statement.uploaded_at.desc(), Statement.id.desc())
        .limit(1)
    )


def import_statement(
    session: Session,
    *,
    vault: Vault,
    partner_id: UUID,
    file_name: str,
    content: bytes,
    actor: str,
    now: datetime,
    period: tuple[date, date] | None = None,
    number: int | None = None,
    replaces: UUID | None = None,
) -> Statement:
    """Keep the file, sealed, and its lines. The same content again changes nothing and answers with the first.

    It is read with the partner's profile in force; without one, by the names everybody uses.
    `period` is the first and last day the file speaks for, in the zone of the partner's profile (Europe/Paris where
    there is none); without it, the days of its first and last line. A delivery of ours on a day no file speaks for is
    never looked for. `number` is its own, unless the file says it; `replaces` is the one it corrects, whose lines then
    count no more.

    Raises:
        NotFound: no such partner. BadFile: rejected whole, with line, column and remedy. BadInput: the period ends
            before it begins, or the number is not that of the file.
        Conflict: the number stands already, or what is replaced cannot be: see `sequence.edition_of`;
            `period_closed`: the file speaks of days of a closed month.
    """
    if session.get(Partner, partner_id) is None:
        raise NotFound("Cet opérateur n’existe pas : choisissez-le dans la liste.")
    digest = hashlib.sha256(content).digest()
    if known := known_statement(session, partner_id, digest):
        return known
    # Before a line is read, as far as it is known.
    told, edition, old = sequence.edition_of(session, partner_id=partner_id, number=number, replaces=replaces)
    profile = _profile_for(session, partner_id, content)
    statement_id, settings = new_id(), profiles.profile_of(profile)
    intake = (session.scalar(select(func.max(StatementIntake.number))) or 0) + 1
    with line_loader(session, intake) as load:
        beside = _Beside.before(load, vault)
        parsed = read(content, _watched(beside.sums, period, settings), settings)
    if parsed.number is not None:
        number = _only(parsed.number, number)
        told, edition, old = sequence.edition_of(session, partner_id=partner_id, number=number, replaces=replaces)
    first_day, last_day = period or (parsed.first_day, parsed.last_day)
    refuse_closed_days(session, partner_id, first_day, last_day)
    statement = Statement(
        id=statement_id, partner_id=partner_id, file_sha256=digest, uploaded_by=actor, uploaded_at=now,
        content=sealed_file(vault, statement_id, content, digest),
        file_name="".join(c for c in file_name if c.isprintable())[-200:] or "releve.csv", first_day=first_day,
        last_day=last_day, line_count=parsed.count,
    )  # fmt: skip
    reading = StatementReading(
        statement_id=statement_id, partner_id=partner_id, profile_id=profile.id if profile else None, series_no=told,
        edition=edition, replaces_id=old.id if old else None,
    )  # fmt: skip
    _write(session, statement, StatementIntake(statement_id=statement_id, number=intake), reading)
    beside.write(session, statement, ZoneInfo(settings.zone) if settings else PROGRAMME_ZONE)
    _place(session, statement, old, told, now)
    take_in(session, statement, parsed.balances, now=now)
    return statement


def _place(session: Session, statement: Statement, old: Statement | None, told: int | None, now: datetime) -> None:
    """Let go of the statement it replaces, and open or close the gaps before and after its number."""
    if old:
        sequence.release(session, old, now)
    if told is not None:
        sequence.follow_gaps(session, statement, now)


class _Beside(NamedTuple):
    """What lines state besides, remembered while they are loaded."""

    sums: Sums
    numbers: Numbers
    costs: Costs

    @classmethod
    def before(cls, load: Load, vault: Vault) -> _Beside:
        """Return loaders that stand before `load`, the sums first."""
        numbers = Numbers(costs := Costs(load), vault)
        return cls(Sums(numbers), numbers, costs)

    def write(self, session: Session, statement: Statement, zone: ZoneInfo) -> None:
        """Keep it, once the statement is there."""
        write_numbers(session, statement.number, self.numbers)
        self.costs.write(session, statement.number)
        write_sums(session, statement, self.sums.found, zone)


def _profile_for(session: Session, partner_id: UUID, content: bytes) -> ReaderProfile | None:
    """Return the profile to read with: what a service lists has one shape, whatever the partner's files look like."""
    return None if content.startswith(listed.START) else profiles.in_force(session, partner_id)


def _only(said: int, number: int | None) -> int:
    """Return the number that the file says. Raises BadInput when another was given."""
    if number not in {None, said}:
        raise BadInput("Le fichier dit qu’il est le n° {said}.", field="number", said=said)
    return said


def _write(session: Session, statement: Statement, intake: StatementIntake, reading: StatementReading) -> None:
    session.add(statement)
    session.flush()
    session.add_all([intake, reading])
    session.flush()
    session.expire(statement, ["number"])


def _watched(load: Load, period: tuple[date, date] | None, settings: Profile | None) -> Load:
    """Return the loader that refuses a line outside the days the file is said to speak for."""
    if period is None:
        return load
    first_day, last_day = period
    if last_day < first_day:
        raise BadInput("La période finit avant de commencer : corrigez les dates.", field="last_day")
    zone = ZoneInfo(settings.zone) if settings else PROGRAMME_ZONE
    start, end = (instant_text(at) for at in instants(first_day, last_day, zone))

    def watch(columns: Columns) -> None:
        for line, at in zip(columns.line, columns.event_at, strict=True):
            if not start <= at < end:
                raise BadFile(
                    "cette date est hors de la période du {first_day:%d/%m/%Y} au {last_day:%d/%m/%Y} : "
                    "corrigez la période ou le fichier.",
                    line=line,
                    column="date",
                    first_day=first_day,
                    last_day=last_day,
                )
        load(columns)

    return watch
