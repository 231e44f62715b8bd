"""A partner's own list as a statement: every page, every window, one file; the same list again changes nothing."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from tests.flows.reconciliation.builders import DAY, NOON, VAULT, Wanted, add_orders, make_world
from tests.integrations.cases import RELOADLY, a_reloadly
from tests.integrations.fixtures import recorded
from tests.integrations.talk import Said, instead
from voucher_service.db import Database
from voucher_service.errors import BadFile, BadInput, Conflict, NotReady
from voucher_service.fulfilment.abilities import Page, Record, RecordState, Window
from voucher_service.fulfilment.providers import Capabilities, Idempotency, Lookup, Mode
from voucher_service.reconciliation.intake import listing
from voucher_service.reconciliation.intake.files import file_of
from voucher_service.reconciliation.models import Statement, StatementLine
from voucher_service.reconciliation.reader.read import read
from voucher_service.units import Unit

DAYS = (DAY, DAY + timedelta(days=1))


@dataclass
class Lister:
    """Lists what it holds, two a page, at most a day at a time."""

    records: list[Record]
    asked: list[Window] = field(default_factory=list)
    broken_at: int = 0
    window: timedelta | None = timedelta(hours=24)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            mode=Mode.DIRECT, needs_number=True, sync_limit=timedelta(minutes=3), lookup=Lookup.BY_REFERENCE,
            idempotency=Idempotency.ADVERTISED, list_window=self.window,
        )  # fmt: skip

    def list_records(self, window: Window, cursor: str | None = None) -> Page:
        assert window.until - window.since <= timedelta(hours=24)
        self.asked.append(window)
        if self.broken_at and len(self.asked) >= self.broken_at:
            raise TimeoutError
        # Its windows have blurred edges: what lies on one is told twice.
        inside = [r for r in self.records if r.at and window.since <= r.at <= window.until]
        start = int(cursor or 0)
        return Page(inside[start : start + 2], str(start + 2) if start + 2 < len(inside) else None)


def record(theirs: str, ours: object, state: RecordState = RecordState.DELIVERED, **more: object) -> Record:
    made = Record(theirs, str(ours), state, state.value, NOON, "p", 1000, Unit.EUR_CENT)
    return replace(made, **more)  # type: ignore[arg-type]  # fields of a record


def test_every_page_of_every_window_becomes_one_statement(database: Database) -> None:
    with database.begin() as session:
        world = make_world(session)
        one, two, three = add_orders(session, world, [Wanted(), Wanted(), Wanted()])
    edge = datetime(2026, 3, 10, 23, 0, tzinfo=UTC)  # midnight in Paris: the end of one window, the start of the next
    partner = Lister(
        [
            record("A", one), record("B", two, quantity=900), record("C", three, at=edge),
            record("D", "inconnue", RecordState.REFUSED, quantity=None, unit=None),
            record("E", "en-cours", RecordState.PENDING),
            record("F", "hors-jours", at=NOON + timedelta(days=9)),
        ]
    )  # fmt: skip
    told = listing.fetch(partner, "ondine", *DAYS)
    assert len(partner.asked) == 4  # three pages of the first day, one of the second
    assert told.records == 5
    assert listing.fetch(partner, "ondine", *DAYS) == told
    with database.begin() as session:
        kept = listing.keep(session, VAULT, told, partner_id=world.partner_id, actor="lea", now=NOON)
        assert (kept.line_count, kept.file_sha256) == (4, hashlib.sha256(told.content).digest())
        assert file_of(VAULT, kept) == told.content
        lines = {row.partner_ref: row for row in session.scalars(select(StatementLine))}
        assert {ref: row.status for ref, row in lines.items()} == {
            "A": "delivered", "B": "delivered", "C": "delivered", "D": "refused",
        }  # fmt: skip
        assert told.content.split(b"\n")[lines["B"].line - 1].find(b'"theirs":"B"') > 0
        assert lines["C"].event_at == edge
    with database.begin() as session:
        later = NOON + timedelta(days=1)
        again = listing.keep(session, VAULT, told, partner_id=world.partner_id, actor="lea", now=later)
        assert again.id == kept.id
        assert session.scalar(select(func.count()).select_from(Statement)) == 1


def test_a_list_that_is_not_whole_is_no_list(database: Database) -> None:
    with pytest.raises(NotReady):
        listing.fetch(Lister([record(name, name) for name in "abc"], broken_at=2), "ondine", *DAYS)
    with pytest.raises(Conflict) as caught:
        listing.fetch(Lister([], window=None), "ondine", *DAYS)
    assert caught.value.code == "no_listing"
    for days in ((DAYS[1], DAYS[0]), (DAY, DAY + timedelta(days=31))):
        with pytest.raises(BadInput):
            listing.fetch(Lister([]), "ondine", *days)
    told = listing.fetch(Lister([record("A", "x", quantity=None, unit=None)]), "ondine", *DAYS)
    with database.begin() as session:
        world = make_world(session)
    with pytest.raises(BadFile) as broken, database.begin() as session:
        listing.keep(session, VAULT, told, partner_id=world.partner_id, actor="lea", now=NOON)
    assert (broken.value.line, broken.value.column) == (2, "unit")
    with pytest.raises(BadFile, match="ne se lit pas"):
        read(told.content.replace(b'"theirs"', b'"thairs"'))


def test_the_report_that_reloadly_recorded_is_kept_whole_though_none_of_it_is_final() -> None:
    with RELOADLY.at_work() as work:
        adapter = a_reloadly(work.there.base)
        adapter.balance()
        page = Said(200, recorded("report__transaction_history_unfiltered_page"))
        work.there.question_mishap = instead(page)
        day = datetime(2018, 11, 16, tzinfo=UTC).date()
        told = listing.fetch(adapter, "reloadly", day, day)
    assert told.records == sum(1 for line in told.content.splitlines() if b'"theirs"' in line) > 0
    with pytest.raises(BadFile, match="aucune ligne"):  # its recorded answers carry no state
        read(told.content)
