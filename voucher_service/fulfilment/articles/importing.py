"""Writing a lot's articles: nothing that is known already, numbers and secrets sealed with the lot's key."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from voucher_service.crypto import Place, Vault, seal
from voucher_service.errors import BadFile
from voucher_service.fulfilment.articles.models import Article, ArticleState
from voucher_service.fulfilment.lot_rows import KINDS, LotRow
from voucher_service.ids import new_id

HERE = (ArticleState.IN_STOCK.value, ArticleState.HELD.value, ArticleState.IN_TRANSIT.value)
"""States of what is still in our hands."""


class Shelf(NamedTuple):
    """Where a lot's articles come to lie."""

    lot_id: int
    partner_id: UUID
    kind: str
    branch_id: int


def insert_articles(session: Session, vault: Vault, shelf: Shelf, key: bytes, chunk: list[LotRow]) -> None:
    """Write the rows as articles in stock at the branch.

    Raises:
        BadFile: a serial, or the number of a SIM card, is in stock already.
    """
    _refuse_known(session, shelf.kind, chunk)
    lookups = _lookups(session, vault, chunk)
    session.execute(
        insert(Article), [_values(shelf, key, row, number) for row, number in zip(chunk, lookups, strict=True)]
    )


def _refuse_known(session: Session, kind: str, chunk: list[LotRow]) -> None:
    serials = [row.serial for row in chunk]
    known = set(session.scalars(select(Article.serial).where(Article.kind == kind, Article.serial.in_(serials))))
    for row in chunk:
        if row.serial in known:
            raise BadFile(
                "ce numéro de série a déjà été reçu dans un autre lot : l’article est connu.",
                line=row.line,
                column=KINDS[kind].columns[0],
                code="serial_in_stock",
            )


def _lookups(session: Session, vault: Vault, chunk: list[LotRow]) -> list[bytes | None]:
    """Return the keyed hash of each row's number, none of which another card in our hands has."""
    lookups = [vault.lookup("phone", row.number) if row.number else None for row in chunk]
    counted = Counter(lookups)
    given = [one for one in lookups if one is not None]
    taken = set(
        session.scalars(select(Article.number_lookup).where(Article.number_lookup.in_(given), Article.state.in_(HERE)))
    )
    for row, lookup in zip(chunk, lookups, strict=True):
        if lookup is not None and (lookup in taken or counted[lookup] > 1):
            raise BadFile(
                "ce numéro de téléphone est déjà celui d’une autre carte.",
                line=row.line,
                column="msisdn",
                code="number_in_stock",
            )
    return lookups


def _values(shelf: Shelf, key: bytes, row: LotRow, lookup: bytes | None) -> dict[str, Any]:
    item = new_id()
    product, cents, day = row.kind
    return {
        "id": item,
        **shelf._asdict(),
        "product_code": product,
        "serial": row.serial,
        "face_value_cents": cents,
        "sell_by": day,
        "model": row.model or None,
        "condition": row.condition or None,
        "starts": row.starts or None,
        "place": row.place or None,
        "pin_sealed": sealed(key, item, "pin", row.pin),
        "puk_sealed": sealed(key, item, "puk", row.puk),
        "number_sealed": sealed(key, item, "number", row.number),
        "number_lookup": lookup,
        "number_tail": row.number[-2:] or None,
        "state": ArticleState.IN_STOCK.value,
    }


def sealed(key: bytes, article_id: UUID, name: str, plain: str) -> bytes | None:
    """Return the field sealed with the lot's key and bound to its row; None when there is nothing to seal."""
    return seal(key, Place("article", name, str(article_id)), plain.encode()) if plain else None
