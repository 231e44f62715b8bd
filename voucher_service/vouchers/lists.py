"""What screens list of vouchers, and how one is found."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from voucher_service.errors import BadInput, NotFound
from voucher_service.vouchers import typed_code
from voucher_service.vouchers.key_ring import KeyRing
from voucher_service.vouchers.models import Batch, BatchState, Voucher, VoucherState

_REFERENCE = re.compile(r"([0-9]{1,3})-([0-9]{1,18})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which vouchers; None means all. `ends_by` is the latest last day."""

    state: VoucherState | None = None
    campaign_id: UUID | None = None
    branch_id: int | None = None
    person_id: UUID | None = None
    batch_id: UUID | None = None
    ends_by: date | None = None


def vouchers_query(wanted: Filter) -> Select[Voucher]:
    """Return the query for vouchers."""
    query = select(Voucher)
    if wanted.state is not None:
        query = query.where(Voucher.state == wanted.state.value)
    if wanted.ends_by is not None:
        query = query.where(Voucher.last_day <= wanted.ends_by)
    for column, value in (
        (Voucher.campaign_id, wanted.campaign_id),
        (Voucher.branch_id, wanted.branch_id),
        (Voucher.person_id, wanted.person_id),
        (Voucher.batch_id, wanted.batch_id),
    ):
        if value is not None:
            query = query.where(column == value)
    return query


def reference_of(voucher: Voucher) -> str:
    """Return what a voucher is called on paper and on screens: key id and serial. It opens nothing."""
    return f"{voucher.key_id}-{voucher.serial}"


def find(session: Session, ring: KeyRing, text: str) -> Voucher:
    """Return the voucher with this reference, or with these 16 typed digits.

    Raises:
        BadInput: `code`: it is neither. NotFound: no such voucher.
    """
    reference = _REFERENCE.fullmatch(text.strip())
    if reference is not None:
        where = (Voucher.key_id == int(reference[1])) & (Voucher.serial == int(reference[2]))
        found = session.scalar(select(Voucher).where(Voucher.organisation == ring.organisation, where))
    else:
        digits = typed_code.check(text)
        if digits is None:
            raise BadInput(
                "Écrivez les 16 chiffres du bon, ou son numéro comme 1-123456 : il y a une faute de frappe.",
                field="code",
            )
        found = session.scalar(select(Voucher).where(Voucher.typed_lookup == ring.typed_lookup_of(digits)))
    if found is None:
        raise NotFound("Aucun bon ne porte ce code : relisez-le sur le bon.")
    return found


def successor_of(session: Session, voucher_id: UUID) -> UUID | None:
    """Return the voucher that took this one's place, if one did."""
    return session.scalar(select(Voucher.id).where(Voucher.replaces_id == voucher_id))


def batches_query(*, state: BatchState | None = None, campaign_id: UUID | None = None) -> Select[Batch]:
    """Return the query for batches."""
    query = select(Batch)
    if state is not None:
        query = query.where(Batch.state == state.value)
    if campaign_id is not None:
        query = query.where(Batch.campaign_id == campaign_id)
    return query


def states_of_batch(session: Session, batch_id: UUID) -> dict[VoucherState, int]:
    """Return how many vouchers of the batch are in each state."""
    rows = select(Voucher.state, func.count()).where(Voucher.batch_id == batch_id).group_by(Voucher.state)
    return {VoucherState(state): count for state, count in session.execute(rows)}
