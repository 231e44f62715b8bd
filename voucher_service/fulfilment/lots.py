"""Importing a lot: the file is checked whole, then its rows, lot and books are written in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from voucher_service.crypto import Place, Vault, seal
from voucher_service.db import Database
from voucher_service.errors import BadFile, BadInput, NotFound
from voucher_service.fulfilment.articles import importing
from voucher_service.fulfilment.articles.models import ArticleLot
from voucher_service.fulfilment.lot_file import LotHeader, digest, opened
from voucher_service.fulfilment.lot_rows import CODES, KINDS, LotRow
from voucher_service.fulfilment.models import ItemState, Lot, StockItem
from voucher_service.fulfilment.waiting import wake_waiting
from voucher_service.ids import local_day, new_id
from voucher_service.ledger.models import AccountKind, BookKind, Reason
from voucher_service.ledger.post import Entry, open_book, post
from voucher_service.partners.models import Offer, Partner
from voucher_service.staff.models import Branch
from voucher_service.units import Unit

Progress = Callable[[int, int], None]
"""Called with the rows written so far and the rows announced."""

_CHUNK = 1000
_FROM_ARRAYS = text(
    "INSERT INTO stock_item (id, lot_id, partner_id, product_code, serial, pin_sealed, face_value_cents,"
    " sell_by, state) SELECT u.id, :lot_id, :partner_id, u.product_code, u.serial, u.pin_sealed,"
    " u.face_value_cents, u.sell_by, :state FROM unnest(CAST(:ids AS uuid[]), CAST(:products AS text[]),"
    " CAST(:serials AS text[]), CAST(:pins AS bytea[]), CAST(:faces AS integer[]), CAST(:days AS date[]))"
    " AS u(id, product_code, serial, pin_sealed, face_value_cents, sell_by)"
)


class Imported(NamedTuple):
    """The lot a file became. `again` says that the very same file had been imported before."""

    lot_id: int
    quantity: int
    again: bool


class _Source(NamedTuple):
    content: bytes | Path
    sha256: bytes
    file_name: str
    partner_id: UUID
    today: date
    branch_id: int | None


def import_lot(
    database: Database,
    vault: Vault,
    *,
    partner_id: UUID,
    file_name: str,
    content: bytes | Path,
    actor: str,
    now: datetime,
    branch_id: int | None = None,
    progress: Progress | None = None,
) -> Imported:
    """Import a donor's file, whole or not at all. The same file again answers with its first lot.

    `branch_id` is where SIM cards, handsets or seats came in; codes are nowhere. Orders that waited for such
    things become due at once.

    Raises:
        BadFile: the file is rejected; the message names line and column.
        BadInput: `branch_id`: the file holds articles, and the branch is missing.
        NotFound: no such partner, or branch.
    """
    source = _Source(content, digest(content), file_name[:200], partner_id, local_day(now), branch_id)
    with database.read() as session:
        known = _known(session, source)
        if known is None:
            # All faults of the file itself are found here, before the write lock is taken.
            with _opened(session, source) as (header, rows):
                _check_branch(session, header, branch_id)
                for _row in rows:
                    pass
    return known or database.run(_write, vault, source, actor=actor, now=now, progress=progress)


def _known(session: Session, source: _Source) -> Imported | None:
    lot = session.scalar(select(Lot).where(Lot.file_sha256 == source.sha256))
    return None if lot is None else Imported(lot.id, lot.quantity, again=True)


def _opened(session: Session, source: _Source) -> Any:
    partner = session.get(Partner, source.partner_id)
    if partner is None:
        raise NotFound("Cet opérateur est inconnu.")
    products: dict[str, set[str]] = {name: set() for name in KINDS}
    offered = select(Offer.route, Offer.product_code).where(Offer.partner_id == source.partner_id)
    for route, product in session.execute(offered):
        products.setdefault(route.removesuffix("_stock"), set()).add(product)
    return opened(source.content, partner=partner.name, products=products, today=source.today)


def _check_branch(session: Session, header: LotHeader, branch_id: int | None) -> None:
    if header.kind is CODES:
        return
    if branch_id is None:
        raise BadInput("Choisissez l’antenne où ces articles sont arrivés.", field="branch_id")
    if session.get(Branch, branch_id) is None:
        raise NotFound("Cette antenne n’existe pas.")


def _write(
    session: Session, vault: Vault, source: _Source, *, actor: str, now: datetime, progress: Progress | None
) -> Imported:
    known = _known(session, source)
    if known is not None:
        return known
    key, wrapped = vault.new_key(Place("lot", "wrapped_key", source.sha256.hex()))
    with _opened(session, source) as (header, rows):
        lot_id = _open_lot(session, source, header, wrapped, actor=actor, now=now)
        done = 0
        for chunk in _chunks(rows):
            if header.kind is CODES:
                _refuse_known_serials(session, source.partner_id, chunk)
                _insert(session, lot_id, source.partner_id, key, chunk)
            else:
                assert source.branch_id is not None, "checked with the file"
                place = importing.Shelf(lot_id, source.partner_id, header.kind.name, source.branch_id)
                importing.insert_articles(session, vault, place, key, chunk)
            done += len(chunk)
            if progress is not None:
                progress(done, header.quantity)
    if digest(source.content) != source.sha256:
        raise BadFile("le fichier a changé pendant l’import : recommencez.", line=1, code="file_changed")
    wake_waiting(session, partner_id=source.partner_id, branch_id=source.branch_id, now=now)
    return Imported(lot_id, header.quantity, again=False)


def _open_lot(
    session: Session, source: _Source, header: LotHeader, wrapped: bytes, *, actor: str, now: datetime
) -> int:
    book = BookKind.LOT if header.kind is CODES else BookKind.ARTICLES
    lot_id = open_book(session, kind=book, unit=Unit.PIECE, now=now)
    session.add(
        Lot(
            id=lot_id,
            partner_id=source.partner_id,
            name=source.file_name[:120],
            file_name=source.file_name,
            file_sha256=source.sha256,
            wrapped_key=wrapped,
            quantity=header.quantity,
            imported_by=actor,
            imported_at=now,
        )
    )
    session.flush()
    if header.kind is not CODES:
        session.add(ArticleLot(lot_id=lot_id, kind=header.kind.name, branch_id=source.branch_id))
        session.flush()
    received = Entry(
        key=f"lot:{source.sha256.hex()}",
        book_id=lot_id,
        source=AccountKind.DONOR,
        destination=AccountKind.AVAILABLE,
        unit=Unit.PIECE,
        quantity=header.quantity,
        reason=Reason.RECEIVED,
        object_kind="lot",
        object_id=str(lot_id),
    )
    post(session, [received], actor=actor, occurred_at=now, now=now)
    return lot_id


def _chunks(rows: Iterable[LotRow]) -> Iterator[list[LotRow]]:
    rows = iter(rows)
    while chunk := list(islice(rows, _CHUNK)):
        yield chunk


def _refuse_known_serials(session: Session, partner_id: UUID, chunk: list[LotRow]) -> None:
    known = set(
        session.scalars(
            select(StockItem.serial).where(
                StockItem.partner_id == partner_id, StockItem.serial.in_([row.serial for row in chunk])
            )
        )
    )
    for row in chunk:
        if row.serial in known:
            raise BadFile(
                "ce numéro de série est déjà en stock : ce code a été reçu dans un autre lot.",
                line=row.line,
                column="serial",
                code="serial_in_stock",
            )


def _insert(session: Session, lot_id: int, partner_id: UUID, key: bytes, chunk: list[LotRow]) -> None:
    ids = [new_id() for _ in chunk]
    pins = [
        seal(key, Place("stock_item", "pin", str(item)), row.pin.encode()) for item, row in zip(ids, chunk, strict=True)
    ]
    if session.get_bind().dialect.name == "postgresql":
        arrays = {
            "lot_id": lot_id,
            "partner_id": partner_id,
            "state": ItemState.IN_STOCK.value,
            "ids": ids,
            "products": [row.kind[0] for row in chunk],
            "serials": [row.serial for row in chunk],
            "pins": pins,
            "faces": [row.kind[1] for row in chunk],
            "days": [row.kind[2] for row in chunk],
        }
        session.execute(_FROM_ARRAYS, arrays)
        return
    rows = [
        {
            "id": item,
            "lot_id": lot_id,
            "partner_id": partner_id,
            "product_code": row.kind[0],
            "serial": row.serial,
            "pin_sealed": pin,
            "face_value_cents": row.kind[1],
            "sell_by": row.kind[2],
            "state": ItemState.IN_STOCK.value,
        }
        for item, pin, row in zip(ids, pins, chunk, strict=True)
    ]
    session.execute(insert(StockItem.__table__), rows)  # type: ignore[arg-type]  # a mapped class has a Table
