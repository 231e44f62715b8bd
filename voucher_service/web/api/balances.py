"""Balances for partners' programs: what is left of each gift at the end of a day, on both sides; declare it."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from voucher_service.ids import local_day
from voucher_service.partners.api.keys import Scope
from voucher_service.partners.models import Allocation
from voucher_service.reconciliation.balances import view
from voucher_service.reconciliation.balances.declare import REASON_MOST, Said, declare
from voucher_service.units import MAX_QUANTITY, Unit
from voucher_service.web import doors
from voucher_service.web.api.describe import Description, described
from voucher_service.web.api.door import PAGE, as_json, blueprint, next_page, query
from voucher_service.web.api.once import once
from voucher_service.web.api.schemas import Asked, Day, Pieces

Left = Annotated[int, Field(ge=-MAX_QUANTITY, le=MAX_QUANTITY, description="Whole pieces of the gift's unit.")]
Moved = Annotated[int, Field(ge=0, le=MAX_QUANTITY)]


FIRST, LAST = date(2000, 1, 1), date(2199, 12, 31)
Dated = Annotated[Day, Field(ge=FIRST, le=LAST)]


class AskedBalances(Asked):
    """At the end of which day, and which page."""

    as_of: Day | None = Field(default=None, description="A day of your zone; else the last day of last month.")


class BalanceIn(BaseModel):
    """What is left of a gift at the end of a day; the movements are those since the first of its month."""

    model_config = ConfigDict(extra="forbid")

    allocation_id: int = Field(ge=1, lt=2**53)
    as_of: Dated = Field(description="A day of your zone that is over.")
    closing: Left
    opening: Left | None = None
    granted: Moved | None = None
    delivered: Moved | None = None
    reversed: Moved | None = None
    expired: Moved | None = None
    returned: Moved | None = None
    reason: str = Field(default="", max_length=REASON_MOST, description="Needed to correct what was declared.")


class BalanceSideOut(BaseModel):
    """One side's figures, in whole pieces of the gift's unit; null: not said."""

    opening: int | None
    granted: int | None
    delivered: int | None
    reversed: int | None
    expired: int | None
    returned: int | None
    closing: int


class BalanceOut(BaseModel):
    """A gift at the end of a day. `theirs` is yours, null while you declared nothing: that is not agreement."""

    allocation_id: int
    unit: Unit
    as_of: date
    theirs: BalanceSideOut | None
    ours: BalanceSideOut
    residual: int | None = Field(description="Yours minus ours. Anything but 0 holds the month up; null: not declared.")
    unexplained: Pieces
    around_midnight: Pieces
    edition: int = Field(ge=0, description="0: nothing declared; above 1: a correction.")

    @classmethod
    def of(cls, row: view.Row) -> BalanceOut:
        """Return a gift's balance as the API tells it."""
        return cls(
            allocation_id=row.gift, unit=row.unit, as_of=row.as_of,
            theirs=None if row.said is None else BalanceSideOut.model_validate(row.said, from_attributes=True),
            ours=BalanceSideOut.model_validate(row.ours, from_attributes=True), residual=row.residual,
            unexplained=row.unexplained, around_midnight=row.around_midnight, edition=row.edition,
        )  # fmt: skip


class BalancesOut(BaseModel):
    """The gifts that had begun by then, oldest first: of fifty gifts, a page may hold fewer."""

    items: list[BalanceOut]
    next: str | None = Field(description="The address of the following part, null at the end.")


@blueprint.get("/balances")
@doors.requires_key(Scope.STATEMENTS_READ)
@described(
    Description(
        "What is left of each of your gifts at the end of a day, on both sides.",
        answer=BalancesOut,
        query=AskedBalances,
    )
)
def balances() -> ResponseReturnValue:
    """Tell the balances of the partner's gifts."""
    asked, partner_id = query(AskedBalances), doors.key_holder().partner_id
    as_of = asked.as_of or view.last_month_end(local_day(doors.now()))
    with doors.services().database.read() as session:
        chosen, more = view.gifts_page(session, partner_id, asked.page, PAGE)
        # Nothing had begun before the first day, nor is known after the last.
        found = view.rows(session, partner_id, min(as_of, LAST), chosen) if as_of >= FIRST else []
    following = next_page(asked.page, (asked.page + more) * PAGE)
    return as_json(BalancesOut(items=[BalanceOut.of(row) for row in found], next=following))


@blueprint.post("/balances")
@doors.requires_key(Scope.STATEMENTS_WRITE)
@described(
    Description(
        "Declare what is left of a gift at the end of a day. It is compared at once; again it is a correction.",
        answer=BalanceOut,
        status=201,
        body=BalanceIn,
        conflicts=("period_closed",),
        misses=True,
    )
)
def declare_balance() -> ResponseReturnValue:
    """Declare a balance."""
    return once(201, _declare, doors.read_form(BalanceIn))


def _declare(session: Session, sent: BalanceIn) -> BalanceOut:
    holder = doors.key_holder()
    said = Said(**sent.model_dump(exclude={"allocation_id", "as_of", "reason"}))
    declare(
        session, partner_id=holder.partner_id, allocation_id=sent.allocation_id, as_of=sent.as_of, said=said,
        reason=sent.reason, actor=holder.actor, now=doors.now(),
    )  # fmt: skip
    (row,) = view.rows(session, holder.partner_id, sent.as_of, [session.get_one(Allocation, sent.allocation_id)])
    return BalanceOut.of(row)
