"""The telephone number of a SIM card, which is often known only later: typed, or from the operator's second file.

It is sealed with the lot's key and bound to its row. Once the card is a person's it is theirs: erased with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from voucher_service.crypto import Place, Vault, unseal
from voucher_service.errors import BadFile, BadInput, Conflict, NotFound
from voucher_service.fulfilment.articles.importing import HERE, sealed
from voucher_service.fulfilment.articles.models import Article, ArticleKind
from voucher_service.fulfilment.lot_file import SEPARATORS, lines_of
from voucher_service.fulfilment.lot_rows import bad, check_serial, check_width, read_number
from voucher_service.fulfilment.models import Lot

COLUMNS = ("iccid", "msisdn")
MAX_NUMBERS = 20_000
"""Cards in one file: each is looked up and locked in one transaction, and nobody else writes to SQLite meanwhile."""


class Numbered(NamedTuple):
    """How many cards a file gave a number, and how many had that very number already."""

    recorded: int
    known: int


def lot_key(session: Session, vault: Vault, lot_id: int) -> bytes:
    """Return the lot's own key."""
    lot = session.get_one(Lot, lot_id)
    return vault.open_key(Place("lot", "wrapped_key", lot.file_sha256.hex()), lot.wrapped_key)


def read_sealed_number(session: Session, vault: Vault, article: Article) -> str:
    """Return the card's number in E.164 form; empty when it is not known."""
    if article.number_sealed is None:
        return ""
    place = Place("article", "number", str(article.id))
    return unseal(lot_key(session, vault, article.lot_id), place, article.number_sealed).decode()


def set_number(session: Session, vault: Vault, *, article_id: UUID, number: str) -> bool:
    """Record the card's number (E.164); False when it was known already. Idempotent.

    Raises:
        NotFound: no such SIM card. BadInput: `number`: another card in our hands has it.
        Conflict: `number_differs`: the card has another number.
    """
    article = session.scalar(select(Article).where(Article.id == article_id).with_for_update())
    if article is None or article.kind != ArticleKind.SIM:
        raise NotFound("Cette carte n’existe pas.")
    lookup = vault.lookup("phone", number)
    if article.number_lookup == lookup:
        return False
    if article.number_lookup is not None:
        raise Conflict(
            "Cette carte a déjà un autre numéro, qui finit par {tail} : vérifiez les deux.",
            code="number_differs",
            tail=article.number_tail,
        )
    taken = select(Article.id).where(Article.number_lookup == lookup, Article.state.in_(HERE)).limit(1)
    if session.scalar(taken) is not None:
        raise BadInput("Ce numéro est déjà celui d’une autre carte : vérifiez-le.", field="number")
    session.execute(
        update(Article)
        .where(Article.id == article_id)
        .values(
            number_sealed=sealed(lot_key(session, vault, article.lot_id), article_id, "number", number),
            number_lookup=lookup,
            number_tail=number[-2:],
        )
        .execution_options(synchronize_session=False)
    )
    return True


def import_numbers(session: Session, vault: Vault, *, partner_id: UUID, content: bytes) -> Numbered:
    """Give each card of the file its number, all or none; the same file again changes nothing.

    Raises:
        BadFile: at the first fault, with line and column.
    """
    recorded = known = 0
    for line, iccid, number in _rows(content):
        article = session.scalar(
            select(Article).where(
                Article.partner_id == partner_id, Article.kind == ArticleKind.SIM.value, Article.serial == iccid
            )
        )
        if article is None:
            raise bad(line, "iccid", "aucune carte de cet opérateur ne porte cet ICCID.", "unknown_serial")
        try:
            fresh = set_number(session, vault, article_id=article.id, number=number)
        except (BadInput, Conflict) as fault:
            raise BadFile(fault.message, line=line, column="msisdn", code="number_in_stock", **fault.values) from None
        recorded, known = recorded + fresh, known + (not fresh)
    return Numbered(recorded, known)


def _rows(content: bytes) -> Sequence[tuple[int, str, str]]:
    if content.count(b"\n") > MAX_NUMBERS + 1:  # counted before a line is read
        told = "un fichier porte au plus {most} lignes : découpez-le."
        raise bad(MAX_NUMBERS + 2, "", told, "too_many_rows", most=MAX_NUMBERS)
    lines = lines_of(content)
    line, text = next(lines, (1, ""))
    separator = text.removeprefix("iccid")[:1]
    if separator not in SEPARATORS.values() or text != f"iccid{separator}msisdn":
        raise bad(line, "iccid", "la première ligne doit être « iccid;msisdn ».", "missing_column")
    rows: list[tuple[int, str, str]] = []
    seen: set[str] = set()
    for line, text in lines:
        fields = text.split(separator)
        check_width(line, fields, COLUMNS)
        if fault := check_serial("sim", fields[0]):
            raise bad(line, "iccid", "cet ICCID est mal copié : 19 ou 20 chiffres, avec sa clé de contrôle.", fault)
        if fields[0] in seen:
            raise bad(line, "iccid", "cette carte est déjà dans le fichier.", "duplicate_serial")
        seen.add(fields[0])
        rows.append((line, fields[0], read_number(line, fields[1])))
    return rows
