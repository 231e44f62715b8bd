"""Receipts of the price paid at a visit: numbered without gaps for each branch and year, given when asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from voucher_service.errors import Conflict, NotFound
from voucher_service.ids import local_day, new_id
from voucher_service.ledger.models import Transfer
from voucher_service.partners.models import Offer
from voucher_service.staff.models import Branch
from voucher_service.visits.models import Receipt, Visit, VisitUndo
from voucher_service.vouchers.models import Voucher


@dataclass(frozen=True, slots=True)
class Paid:
    """What a receipt says: nothing of the person. `receipt` is None until it is first printed."""

    visit: Visit
    branch: Branch
    offer: Offer
    receipt: Receipt | None
    undone_at: datetime | None


def paid_at(session: Session, visit_id: UUID) -> Paid:
    """Return what was paid at a visit.

    Raises:
        NotFound: no such visit. Conflict: `nothing_paid`.
    """
    visit = session.get(Visit, visit_id, populate_existing=True)
    if visit is None:
        raise NotFound("Ce passage n’existe pas.")
    if visit.paid_cents == 0 or visit.voucher_id is None:
        raise Conflict("Rien n’a été payé à ce passage : il n’y a pas de reçu.", code="nothing_paid")
    offer = session.scalars(
        select(Offer).join(Voucher, Voucher.offer_id == Offer.id).where(Voucher.id == visit.voucher_id)
    ).one()
    return Paid(
        visit,
        session.get_one(Branch, visit.branch_id),
        offer,
        session.scalar(select(Receipt).where(Receipt.visit_id == visit_id).execution_options(populate_existing=True)),
        session.scalar(select(VisitUndo.undone_at).where(VisitUndo.visit_id == visit_id)),
    )


def print_receipt(session: Session, *, visit_id: UUID, now: datetime) -> Paid:
    """Count one more print of the receipt, giving it its number at the first; `copies` above 1 is a duplicate.

    A receipt of a visit undone since is still printed, as void; a visit undone before gets none.

    Raises:
        NotFound: no such visit. Conflict: `nothing_paid`: nothing was paid, or it was given back.
    """
    found = paid_at(session, visit_id)
    # One after the other for each branch: the next number is looked for and then written. Redemptions do not wait.
    session.execute(select(Branch.id).where(Branch.id == found.branch.id).with_for_update(key_share=True))
    found = paid_at(session, visit_id)
    if found.receipt is None:
        if found.undone_at is not None:
            raise Conflict("Ce passage est annulé et le prix rendu : il n’y a pas de reçu.", code="nothing_paid")
        session.add(_receipt(session, found.visit, now))
        session.flush()
    else:
        session.execute(update(Receipt).where(Receipt.visit_id == visit_id).values(copies=Receipt.copies + 1))
    return paid_at(session, visit_id)


def _receipt(session: Session, visit: Visit, now: datetime) -> Receipt:
    year = local_day(now).year
    last = session.scalar(
        select(func.max(Receipt.number)).where(Receipt.branch_id == visit.branch_id, Receipt.year == year)
    )
    return Receipt(
        id=new_id(),
        visit_id=visit.id,
        transfer_id=session.scalars(select(Transfer.id).where(Transfer.key == f"price:{visit.scan_id}")).one(),
        branch_id=visit.branch_id,
        year=year,
        number=(last or 0) + 1,
        amount_cents=visit.paid_cents,
        printed_at=now,
        copies=1,
    )


def number_of(receipt: Receipt) -> str:
    """Return the number as it is printed: branch, year, number in the series."""
    return f"A{receipt.branch_id}-{receipt.year}-{receipt.number:04d}"


def paid_visits(session: Session, scan_ids: Iterable[UUID]) -> Mapping[UUID, UUID]:
    """Return the visits at which something was paid, by scan."""
    rows = session.execute(
        select(Visit.scan_id, Visit.id).where(Visit.scan_id.in_(list(scan_ids)), Visit.paid_cents > 0)
    )
    return {scan_id: visit_id for scan_id, visit_id in rows if scan_id is not None}
