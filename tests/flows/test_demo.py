"""The demonstration: a believable programme whose books are as sound as any, the same from the same seed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text

from integrations import build_providers
from tests.databases import fresh_postgres, fresh_sqlite
from tests.house import make_settings
from voucher_service.crypto import Vault
from voucher_service.db import Database
from voucher_service.demo import desk, programme, showcase
from voucher_service.demo.gifts import OFFERS, PARTNERS
from voucher_service.demo.moment import Clock, Joined
from voucher_service.demo.staff import ACCOUNTS, COLLEAGUES, PASSWORD
from voucher_service.fulfilment.models import ItemState, Order, OrderState, StockItem
from voucher_service.fulfilment.providers import (
    Capabilities,
    Found,
    Idempotency,
    Lookup,
    Mode,
    Provider,
    Ref,
    Submitted,
    TopUp,
)
from voucher_service.ids import local_day, new_id
from voucher_service.ledger.audit import audit
from voucher_service.partners.models import Allocation, AllocationState, Partner
from voucher_service.reconciliation.closing.models import PeriodClose
from voucher_service.reconciliation.models import Break, BreakClass, Statement
from voucher_service.reconciliation.run import Figures, figures
from voucher_service.reconciliation.work.models import Settlement, Way
from voucher_service.reconciliation.work.suggest import suggestions
from voucher_service.reconciliation.work.worklist import item_of
from voucher_service.services import Services
from voucher_service.staff.accounts import authenticate
from voucher_service.staff.models import Branch
from voucher_service.visits.models import Scan, Visit, VisitKind
from voucher_service.visits.outcomes import Outcome
from voucher_service.visits.present import look
from voucher_service.vouchers.key_ring import KeyRing
from voucher_service.vouchers.links import open_link
from voucher_service.vouchers.models import Batch, Voucher, VoucherState

NOW = datetime(2026, 3, 18, 15, 20, tzinfo=UTC)  # a Wednesday afternoon
FEW = 40

FIGURES = {
    "balances": "SELECT account_id, SUM(moved) FROM (SELECT destination_id AS account_id, quantity AS moved"
    " FROM transfer UNION ALL SELECT source_id, -quantity FROM transfer) each_side GROUP BY 1 ORDER BY 1",
    "vouchers": "SELECT state, offer_code, COUNT(*) FROM voucher GROUP BY 1, 2 ORDER BY 1, 2",
    "orders": "SELECT state, outcome_code, COUNT(*) FROM top_up_order GROUP BY 1, 2 ORDER BY 1, 2",
    "scans": "SELECT outcome, COUNT(*) FROM scan GROUP BY 1 ORDER BY 1",
    "visits": "SELECT branch_id, kind, COUNT(*), SUM(paid_cents) FROM visit GROUP BY 1, 2 ORDER BY 1, 2",
    "breaks": "SELECT kind, COUNT(*), SUM(quantity) FROM reconciliation_break GROUP BY 1 ORDER BY 1",
    "people": "SELECT branch_id, COUNT(*) FROM person GROUP BY 1 ORDER BY 1",
}


@dataclass(frozen=True)
class Filled:
    """A filled database and what fills it."""

    services: Services
    progress: list[tuple[str, int, int]]

    def one(self, query: Any) -> Any:
        """The first value of a query."""
        with self.services.database.read() as session:
            return session.scalar(query)

    def table(self, name: str) -> list[tuple[Any, ...]]:
        """One of FIGURES."""
        with self.services.database.read() as session:
            return [tuple(row) for row in session.execute(text(FIGURES[name]))]


def services_on(url: str, folder: Path) -> Services:
    """What a process holds on the migrated database at `url`."""
    settings = make_settings(url, folder, demo=True)
    vault = Vault(settings.load_master_key)
    return Services(
        settings=settings,
        database=Database(url),
        vault=vault,
        ring=KeyRing(vault, settings.organisation),
        providers=build_providers(settings),
    )


def filled(url: str, folder: Path, **options: Any) -> Filled:
    """Fill the database at `url`."""
    services, seen = services_on(url, folder), list[tuple[str, int, int]]()
    programme.fill(services, lambda *told: seen.append(told), now=NOW, **options)
    return Filled(services, seen)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """The demonstration as `make run` fills it."""
    folder = tmp_path_factory.mktemp("demo")
    made = filled(fresh_sqlite(folder), folder)
    yield made
    made.services.database.close()


def test_its_books_are_sound(whole: Filled) -> None:
    with whole.services.database.read() as session:
        assert list(audit(session)) == []


def test_it_tells_of_months_of_work(whole: Filled) -> None:
    assert whole.one(select(func.count(Branch.city.distinct()))) == 7
    assert whole.one(select(func.count(Partner.id))) == len(PARTNERS) == 2
    assert whole.one(select(func.count()).select_from(Visit)) > 400
    assert whole.one(select(func.count()).where(Visit.kind == VisitKind.FOLLOW_UP.value)) >= 10
    outcomes = {row[0] for row in whole.table("scans")}
    assert outcomes >= {Outcome.ACCEPTED, Outcome.USED, Outcome.EXPIRED, Outcome.MISTYPED, Outcome.NOT_A_VOUCHER}
    assert {row[0] for row in whole.table("vouchers")} == {state.value for state in VoucherState}
    states = {row[0] for row in whole.table("orders")}
    assert states >= {OrderState.DELIVERED, OrderState.GIVEN_BACK, OrderState.UNKNOWN, OrderState.MANUAL}
    first, last = whole.one(select(func.min(Visit.occurred_at))), whole.one(select(func.max(Visit.occurred_at)))
    assert last - first > timedelta(days=150)
    assert last < NOW


def test_nobody_came_at_the_weekend(whole: Filled) -> None:
    with whole.services.database.read() as session:
        days = {local_day(at) for at in session.scalars(select(Visit.occurred_at))}
    assert [day for day in days if day.weekday() > 4] == []


def test_something_waits_for_people(whole: Filled) -> None:
    pending = (Allocation.state == AllocationState.PENDING.value, Batch.state == "pending")
    assert [whole.one(select(func.count()).where(waits)) for waits in pending] == [1, 1]
    soon = local_day(NOW) + timedelta(days=30)
    expiring = (Allocation.state == AllocationState.OPEN.value, Allocation.valid_until <= soon)
    assert whole.one(select(func.count()).where(*expiring)) >= 1
    assert whole.one(select(func.count()).where(Allocation.state == AllocationState.CLOSED.value)) == 1
    scarce = (StockItem.state == ItemState.IN_STOCK.value, StockItem.product_code == OFFERS[-1].product)
    assert 1 <= whole.one(select(func.count()).where(*scarce)) <= 5


def statement_of(made: Filled, partner: str) -> Figures:
    """The figures of the last month's statement of one operator."""
    with made.services.database.read() as session:
        statement = session.scalars(
            select(Statement)
            .join(Partner, Partner.id == Statement.partner_id)
            .where(Partner.name == partner)
            .order_by(Statement.last_day.desc())
        ).first()
        assert statement is not None
        return figures(session, statement)


def test_one_statement_is_clean_and_the_other_names_its_differences(whole: Filled) -> None:
    clean, other = (statement_of(whole, name) for name in PARTNERS)
    assert clean.clean
    assert clean.lines > 20
    assert other.unexplained == 0
    assert (other.open, len(other.by_class)) == (5, 5)
    assert whole.one(select(func.count()).where(PeriodClose.agreed_at.is_not(None))) == 1
    assert whole.one(select(func.count()).where(PeriodClose.agreed_at.is_(None))) == 1


def test_balances_are_declared_one_within_the_tolerance_and_two_sides_may_be_one_top_up(whole: Filled) -> None:
    with whole.services.database.read() as session:
        used = session.scalars(select(Settlement).where(Settlement.way == Way.TOLERANCE.value)).all()
        assert [(one.quantity, one.unit) for one in used] == [(-4, "eur_cent")]
        told = [json.loads(row.manifest) for row in session.scalars(select(PeriodClose))]
        assert sorted(len(one["tolerance"]) for one in told) == [0, 1]
        assert {one.get("residual") for month in told for one in month["balances"]} == {0}
        kinds = (BreakClass.MISSING_AT_PARTNER, BreakClass.UNEXPECTED_AT_PARTNER)
        mine = {kind: session.scalars(select(Break.id).where(Break.kind == kind.value)).one() for kind in kinds}
        found = {kind: suggestions(session, item_of(session, one, NOW)) for kind, one in mine.items()}
    assert mine[kinds[1]] in {one.break_id for one in found[kinds[0]]}
    assert mine[kinds[0]] in {one.break_id for one in found[kinds[1]]}


def test_every_sign_in_opens(whole: Filled) -> None:
    with whole.services.database.read() as session:
        opened = {account.login: authenticate(session, account.login, PASSWORD) for account in ACCOUNTS + COLLEAGUES}
    assert [login for login, staff in opened.items() if staff is None] == []


def test_the_card_shows_a_voucher_that_can_be_presented(whole: Filled) -> None:
    services = whole.services
    with services.database.read() as session:
        assert showcase.is_demonstration(session)
        shown = showcase.live_voucher(session, services, NOW)
        assert shown is not None
        for code in (shown.printed.digits, shown.printed.typed):
            sight = look(session, services.ring, code, NOW)
            assert sight.refusal is None
            assert sight.voucher is not None
            assert open_link(services.vault, shown.token) == sight.voucher.id


def test_progress_goes_from_the_first_day_to_the_last(whole: Filled) -> None:
    counts = [done for _, done, _ in whole.progress]
    assert counts == list(range(1, whole.progress[-1][2] + 1))


def test_it_starts_empty_elsewhere(sqlite_url: str, tmp_path: Path) -> None:
    services = services_on(sqlite_url, tmp_path)
    with services.database.read() as session:
        assert not showcase.is_demonstration(session)
        assert showcase.live_voucher(session, services, NOW) is None


def test_the_same_seed_gives_the_same_figures_and_another_seed_others(tmp_path: Path) -> None:
    made = []
    for name, seed in (("one", 7), ("two", 7), ("three", 8)):
        folder = tmp_path / name
        folder.mkdir()
        made.append(filled(fresh_sqlite(folder), folder, seed=seed, people=FEW))
    first, second, other = ({name: one.table(name) for name in FIGURES} for one in made)
    assert first == second
    assert first["balances"] != other["balances"]


def test_it_fills_postgresql_too(tmp_path: Path) -> None:
    with fresh_postgres() as url:
        made = filled(url, tmp_path, people=FEW)
        with made.services.database.read() as session:
            assert list(audit(session)) == []
        assert made.one(select(func.count()).select_from(Scan).where(Scan.outcome == Outcome.ACCEPTED)) >= FEW
        made.services.database.close()


class RealOperator:
    """A partner that would cost somebody something."""

    @property
    def capabilities(self) -> Capabilities:
        """As a direct operator."""
        return Capabilities(
            mode=Mode.DIRECT,
            needs_number=True,
            sync_limit=timedelta(),
            lookup=Lookup.BY_REFERENCE,
            idempotency=Idempotency.ENFORCED,
        )

    def submit(self, top_up: TopUp) -> Submitted:
        """Nobody may come here."""
        raise AssertionError(top_up)

    def query(self, ref: Ref) -> Found:
        """Nobody may come here."""
        raise AssertionError(ref)


def test_a_real_operator_is_left_alone(whole: Filled) -> None:
    routes: dict[str, Provider] = {**whole.services.providers, "real": RealOperator()}
    assert sorted(desk.rehearsed(routes, Clock(NOW))) == [
        "code_stock",
        "handset_stock",
        "sandbox",
        "seat_stock",
        "sim_stock",
    ]


def test_a_day_that_fails_leaves_nothing(sqlite_url: str) -> None:
    database = Database(sqlite_url)

    def half_a_day() -> None:
        with database.begin() as session:
            Joined(session).run(lambda inner: inner.add(Partner(id=new_id(), name="X", created_at=NOW)))
            raise RuntimeError("the power went")

    with pytest.raises(RuntimeError, match="the power went"):
        half_a_day()
    with database.read() as session:
        assert session.scalar(select(func.count(Partner.id))) == 0
        assert session.scalar(select(func.count(Order.id))) == 0
        assert session.scalar(select(func.count(Voucher.id))) == 0
