"""Vouchers on their way to paper: sheets to print here, files for a printer. Only live vouchers are printed."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import BinaryIO, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from voucher_service.errors import Conflict
from voucher_service.partners.models import Offer
from voucher_service.staff.models import Branch
from voucher_service.units import Unit, display
from voucher_service.vouchers import sheets, typed_code
from voucher_service.vouchers.key_ring import KeyRing
from voucher_service.vouchers.lists import reference_of
from voucher_service.vouchers.models import Batch, Voucher, VoucherState

PART: Final = 2_000
"""Vouchers in one file of a batch."""

_CHUNK: Final = 500
CSV_COLUMNS: Final = ("reference", "typed_code", "qr_digits", "offer", "price", "last_day", "branch")


def parts(batch: Batch) -> int:
    """Return how many files the batch is printed in, going by what is issued so far."""
    return -(-batch.issued_count // PART)


def write_sheet(
    session: Session, ring: KeyRing, batch_id: UUID, part: int, layout: sheets.Layout, out: BinaryIO
) -> int:
    """Write the live vouchers of one part (counted from 1) as PDF; return how many.

    Raises:
        Conflict: `nothing_to_print`: none is live (any more).
    """
    return _pdf(printable(session, ring, _of_part(session, batch_id, part)), layout, out)


def write_one(session: Session, ring: KeyRing, voucher: Voucher, out: BinaryIO) -> int:
    """Write one voucher as a card. Raises Conflict: `nothing_to_print`."""
    return _pdf(printable(session, ring, [voucher]), sheets.Layout.CARDS, out)


def write_csv(session: Session, ring: KeyRing, batch_id: UUID, part: int, out: BinaryIO) -> int:
    """Write the live vouchers of one part as CSV (UTF-8 with a mark, semicolons); return how many.

    The typed code stands in groups of four, or a spreadsheet would round it. Text that a spreadsheet would
    take for a formula starts with an apostrophe.

    Raises:
        Conflict: `nothing_to_print`.
    """
    text = io.TextIOWrapper(out, encoding="utf-8-sig", newline="", write_through=True)
    writer = csv.writer(text, delimiter=";")
    writer.writerow(CSV_COLUMNS)
    count = 0
    for one in printable(session, ring, _of_part(session, batch_id, part)):
        row = (one.reference, typed_code.grouped(one.typed_code), one.digits, one.offer_label, one.price_label)
        writer.writerow([plain_cell(cell) for cell in (*row, one.last_day.isoformat(), one.branch_label)])
        count += 1
    text.detach()
    if not count:
        raise _nothing()
    return count


def plain_cell(text: str) -> str:
    """Return the text so that no spreadsheet runs it (OWASP: CSV injection)."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text


def printable(
    session: Session, ring: KeyRing, vouchers: Iterator[Voucher] | list[Voucher]
) -> Iterator[sheets.SheetVoucher]:
    """Yield each live voucher as it is printed."""
    offers = dict(session.execute(select(Offer.id, Offer.name_fr)).all())
    places = dict(session.execute(select(Branch.id, Branch.name)).all())
    for voucher in vouchers:
        if voucher.state != VoucherState.ISSUED.value:
            continue
        codes = ring.printed(session, voucher)
        price = f"À payer : {display(voucher.price_cents, Unit.EUR_CENT)}" if voucher.price_cents else "Gratuit"
        yield sheets.SheetVoucher(
            digits=codes.digits,
            typed_code=codes.typed,
            offer_label=offers[voucher.offer_id],
            price_label=price,
            last_day=voucher.last_day,
            branch_label="" if voucher.branch_id is None else places[voucher.branch_id],
            reference=reference_of(voucher),
        )


def _of_part(session: Session, batch_id: UUID, part: int) -> Iterator[Voucher]:
    # Parts are cut by position among all vouchers of the batch, so that cancelling one moves no other.
    query = select(Voucher).where(Voucher.batch_id == batch_id).order_by(Voucher.id)
    yield from session.scalars(query.offset((part - 1) * PART).limit(PART))


def _pdf(vouchers: Iterator[sheets.SheetVoucher], layout: sheets.Layout, out: BinaryIO) -> int:
    first = next(vouchers, None)
    if first is None:
        raise _nothing()

    def all_of_them() -> Iterator[sheets.SheetVoucher]:
        yield first
        yield from vouchers

    return sheets.write_pdf(all_of_them(), layout, out)


def _nothing() -> Conflict:
    return Conflict("Aucun de ces bons n’est utilisable : il n’y a rien à imprimer.", code="nothing_to_print")
