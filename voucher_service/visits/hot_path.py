"""The redemption's own statement: the voucher's row is the guard, everything else is an insert.

One conditional UPDATE stamps the voucher with the scan that won; the inserts take their facts from the
stamped row, so they add nothing when the update hit nothing. On PostgreSQL all of it is one statement;
SQLite has no writing CTEs, so the same parts run one after another. Nothing that two redemptions share is
written, and none waits for another.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    CTE,
    JSON,
    BigInteger,
    BindParameter,
    Boolean,
    ColumnElement,
    Date,
    FromClause,
    Insert,
    Integer,
    LargeBinary,
    Select,
    String,
    Uuid,
    and_,
    bindparam,
    exists,
    insert,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from voucher_service.db import Base, UtcDateTime
from voucher_service.fulfilment.models import Order, OrderState
from voucher_service.ledger.models import AccountKind, Reason, Transfer
from voucher_service.partners.models import STOCK_ROUTES, Offer
from voucher_service.prepared import Prepared
from voucher_service.units import Unit
from voucher_service.visits.models import Scan, Visit, VisitKind
from voucher_service.visits.outcomes import Outcome
from voucher_service.vouchers.models import Voucher, VoucherState

Columns = Any  # the facts' columns: of the CTE, or of the table


def _given(name: str, kind: Any) -> BindParameter[Any]:
    """Return the parameter `name`, under a name that no column has, as UPDATE wants it."""
    return bindparam(f"p_{name}", type_=kind)


def _constant(value: str | int) -> ColumnElement[Any]:
    """Return a constant of the rules, written out in the SQL: the planner may count on it."""
    return literal_column(f"'{value}'" if isinstance(value, str) else str(value))


_JSON = ("p_detail", "p_answers")
_BRANCH = _given("branch_id", Integer)
_STAFF = _given("staff_id", Uuid)
_ACTOR = _given("actor", String)
_SCAN = _given("scan_id", Uuid)
_ORDER = _given("order_id", Uuid)
_HOLD = _given("hold_id", Uuid)
_HASH = _given("request_hash", LargeBinary)
_NOW = _given("now", UtcDateTime)
_SCANNED = _given("scanned_at", UtcDateTime)
_TODAY = _given("today", Date)
_PAID = _given("paid_cents", Integer)
_NUMBER = _given("number_sealed", LargeBinary)

_VOUCHERS = Base.metadata.tables[Voucher.__tablename__]  # no object is loaded or tracked on this path

# Read from the voucher that was stamped; `facts` below is that row, as a CTE or as the table itself.
_FACTS = (
    Voucher.id,
    Voucher.organisation,
    Voucher.allocation_id,
    Voucher.reservation_id,
    Voucher.campaign_id,
    Voucher.person_id,
    Voucher.offer_id,
    Voucher.unit,
    Voucher.quantity,
    Voucher.price_cents,
)


def _same_as_signed() -> ColumnElement[bool]:
    """Every field of the body must be what the books say: a revoked key alone then opens nothing."""
    return and_(
        Voucher.organisation == _given("organisation", Integer),
        Voucher.key_id == _given("key_id", Integer),
        Voucher.serial == _given("serial", BigInteger),
        Voucher.nonce == _given("nonce", BigInteger),
        Voucher.offer_code == _given("offer_code", Integer),
        Voucher.quantity == _given("value", Integer),
        Voucher.last_day == _given("last_day", Date),
    )


def _typed() -> ColumnElement[bool]:
    return Voucher.typed_lookup == _given("typed_lookup", LargeBinary)


def _stamp(which: ColumnElement[bool]) -> Any:
    return (
        update(_VOUCHERS)
        .where(
            which,
            Voucher.state == _constant(VoucherState.ISSUED),
            Voucher.last_day >= _TODAY,
            Voucher.price_cents >= _PAID,
            or_(_given("has_number", Boolean), exists().where(Offer.id == Voucher.offer_id, _needs_no_number())),
            # A replayed scan gets its first answer, even when the voucher was given back since.
            ~exists().where(Scan.id == _SCAN),
        )
        .values(
            state=_constant(VoucherState.REDEEMED),
            redeemed_key=_SCAN,
            redeemed_at=_NOW,
            redeemed_branch_id=_BRANCH,
        )
        .returning(*_FACTS)
    )


def _needs_no_number() -> ColumnElement[bool]:
    return Offer.route.in_([_constant(route) for route in STOCK_ROUTES])


def _fill(
    table: type[Any], values: Mapping[str, Any], facts: FromClause, where: Sequence[ColumnElement[bool]]
) -> Insert:
    """Return INSERT INTO table (…) SELECT … FROM facts."""
    chosen: Select[Any] = select(*values.values()).select_from(facts).where(*where)
    return insert(table.__table__).from_select(list(values), chosen, include_defaults=False)


def _hold(v: Columns) -> dict[str, Any]:
    """The value goes from reserved to in delivery; the reservation is resolved, which happens once at most."""
    book = v.allocation_id * _constant(100)
    return _transfer(_HOLD, "hold_key", Reason.REDEEMED) | {
        "unit": v.unit,
        "quantity": v.quantity,
        "source_id": book + _constant(int(AccountKind.RESERVED)),
        "destination_id": book + _constant(int(AccountKind.IN_DELIVERY)),
        "resolves_id": v.reservation_id,
    }


def _cash(_v: Columns) -> dict[str, Any]:
    """The solidarity price goes from the person into the branch's till."""
    till = _given("till_book_id", BigInteger) * _constant(100)
    return _transfer(_given("cash_id", Uuid), "cash_key", Reason.PRICE_PAID) | {
        "unit": _constant(Unit.EUR_CENT),
        "quantity": _PAID,
        "source_id": till + _constant(int(AccountKind.PERSON)),
        "destination_id": till + _constant(int(AccountKind.TILL)),
    }


def _transfer(transfer_id: BindParameter[Any], key: str, reason: Reason) -> dict[str, Any]:
    return {
        "id": transfer_id,
        "key": _given(key, String),
        "request_hash": _HASH,
        "reason": _constant(reason),
        "object_kind": _constant("order"),
        "object_id": _given("order_text", String),
        "actor": _ACTOR,
        "occurred_at": _SCANNED,
        "recorded_at": _NOW,
    }


def _order(v: Columns) -> dict[str, Any]:
    return {
        "id": _ORDER,
        "voucher_id": v.id,
        "reservation_id": v.reservation_id,
        "hold_id": _HOLD,
        "allocation_id": v.allocation_id,
        "branch_id": _BRANCH,
        "unit": v.unit,
        "quantity": v.quantity,
        "wrapped_key": _given("order_key", LargeBinary),
        "number_sealed": _NUMBER,
        "number_lookup": _given("number_lookup", LargeBinary),
        "number_tail": _given("number_tail", String),
        "state": _constant(OrderState.WAITING),
        "created_at": _NOW,
        "due_at": _NOW,
        "tries": _constant(0),
        "queries": _constant(0),
    }


def _scan(v: Columns) -> dict[str, Any]:
    return {
        "id": _SCAN,
        "request_hash": _HASH,
        "voucher_id": v.id,
        "order_id": _ORDER,
        "branch_id": _BRANCH,
        "staff_id": _STAFF,
        "scanned_at": _SCANNED,
        "received_at": _NOW,
        "outcome": _constant(Outcome.ACCEPTED),
        "detail": _given("detail", JSON),
    }


def _visit(v: Columns) -> dict[str, Any]:
    return {
        "id": _given("visit_id", Uuid),
        "kind": _constant(VisitKind.REDEMPTION),
        "scan_id": _SCAN,
        "voucher_id": v.id,
        "person_id": v.person_id,
        "campaign_id": v.campaign_id,
        "branch_id": _BRANCH,
        "staff_id": _STAFF,
        "occurred_at": _SCANNED,
        "recorded_at": _NOW,
        "answers": _given("answers", JSON),
        "wrapped_key": _given("visit_key", LargeBinary),
        "note_sealed": _given("note_sealed", LargeBinary),
        "next_visit_on": _given("next_visit_on", Date),
        "paid_cents": _PAID,
    }


def _inserts(facts: FromClause, v: Columns, where: Sequence[ColumnElement[bool]] = ()) -> list[Insert]:
    """Return the redemption's rows, in the order their foreign keys want them."""
    return [
        _fill(Transfer, _hold(v), facts, where),
        _fill(Transfer, _cash(v), facts, [*where, _constant(0) < _PAID]),
        _fill(Order, _order(v), facts, where),
        _fill(Scan, _scan(v), facts, where),
        _fill(Visit, _visit(v), facts, where),
    ]


def _as_one(which: ColumnElement[bool]) -> Select[Any]:
    won: CTE = _stamp(which).cte("won")
    written = [part.cte(f"written_{number}") for number, part in enumerate(_inserts(won, won.c))]
    return select(*won.c).add_cte(*written)


_ONE_BY_ONE = _inserts(Voucher.__table__, Voucher.__table__.c, [Voucher.id == _given("voucher_id", Uuid)])
_STATEMENTS = {
    "signed": (Prepared(_as_one(_same_as_signed())), _stamp(_same_as_signed())),
    "typed": (Prepared(_as_one(_typed())), _stamp(_typed())),
}


class Won(NamedTuple):
    """The voucher that was redeemed: the facts a door tells."""

    voucher_id: UUID
    organisation: int
    allocation_id: int
    reservation_id: UUID
    campaign_id: UUID
    person_id: UUID | None
    offer_id: UUID
    unit: str
    quantity: int
    price_cents: int


def redeem_row(session: Session, how: str, parameters: Mapping[str, Any]) -> Won | None:
    """Redeem if the voucher is live and everything fits; write all rows or none.

    `how` is "signed" or "typed"; returns the voucher's facts, or None when nothing was written, for whatever
    reason: the caller looks up which.

    Raises:
        IntegrityError: someone else won between our update and our inserts (cannot be, three times over).
    """
    as_one, stamp = _STATEMENTS[how]
    given = {f"p_{name}": value for name, value in parameters.items()}
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        row = as_one.one_or_none(connection, given | {name: json.dumps(given[name]) for name in _JSON})
        return None if row is None else Won(*row)
    won = connection.execute(stamp, given).one_or_none()
    if won is None:
        return None
    for part in _ONE_BY_ONE:
        connection.execute(part, {**given, "p_voucher_id": won[0]})
    return Won(*won)
