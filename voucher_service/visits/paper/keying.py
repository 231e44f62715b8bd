"""Keying a line of the paper log in: the redemption is the one that scans use, and each line happens once.

The line's place (pack, page, line) is its key. By it the same line keyed again, by whomever, changes nothing.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import select
from sqlalchemy.orm import Session

from voucher_service.crypto import Place, Vault, seal, unseal
from voucher_service.errors import BadInput, NotFound
from voucher_service.ids import local_day, new_id
from voucher_service.staff.models import Branch
from voucher_service.texts import clean_text
from voucher_service.visits import present
from voucher_service.visits.follow_up import check_next_visit
from voucher_service.visits.models import Visit, VisitUndo
from voucher_service.visits.offline.books import REASON_OF
from voucher_service.visits.offline.rules import CONFLICTS, Status
from voucher_service.visits.outcomes import Outcome
from voucher_service.visits.paper.models import LINES, EmergencyPack, PaperLine
from voucher_service.visits.redeem import Recorded, ScanRequest, redeem
from voucher_service.vouchers.key_ring import KeyRing
from voucher_service.vouchers.models import Voucher

OLDEST = timedelta(days=31)
MOST_HANDED = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A line as it stands on the paper: `number` in E.164 or None, money in cents, `handed_at` the time written."""

    number_of_pack: int
    page: int
    line: int
    handed_at: datetime
    code: str
    initials: str
    number: str | None = None
    paid_cents: int = 0
    handed: str = ""
    next_visit_on: date | None = None


@dataclass(frozen=True, slots=True)
class Keyed:
    """What became of a line. `known`: it was keyed before; `differs`: then with something else on it."""

    row: PaperLine
    order_id: UUID | None = None
    visit_id: UUID | None = None
    known: bool = False
    differs: bool = False


def key_line(
    session: Session, vault: Vault, ring: KeyRing, written: Written, *, staff_id: UUID, now: datetime
) -> Keyed:
    """Redeem what the line promised, at the time it says, or keep it as a conflict with both facts.

    Raises:
        BadInput: naming the field that is wrong: nothing is recorded. NotFound: no such pack.
        Conflict: `voucher_changed`: try again.
    """
    # Two people at one pack, one after the other: the line is looked for and then written.
    pack = session.scalar(select(EmergencyPack).where(EmergencyPack.number == written.number_of_pack).with_for_update())
    if pack is None:
        raise NotFound("Aucun carnet ne porte ce numéro : relisez-le en haut de la page.")
    _check_place(pack, written)
    _check_time(pack, written, now)
    voucher = _voucher(session, ring, written, now)
    digest = _hash(written)
    known = session.scalar(
        select(PaperLine).where(
            PaperLine.pack_id == pack.id, PaperLine.page == written.page, PaperLine.line == written.line
        )
    )
    if known is not None:
        return _again(session, known, voucher, digest)
    request = _request(session, pack, written, staff_id)
    recorded = redeem(session, vault, ring, request, now=now, valid_on=local_day(written.handed_at))
    row = _row(pack, written, recorded, digest=digest, voucher=voucher, staff_id=staff_id, now=now)
    if row.status == Status.CONFLICT.value:
        row.wrapped_key, row.content_sealed = _sealed(vault, row.id, written)
    session.add(row)
    session.flush()
    return Keyed(row, recorded.order_id, recorded.visit_id)


def _check_place(pack: EmergencyPack, written: Written) -> None:
    if not 1 <= written.page <= pack.pages:
        raise BadInput("Ce carnet a {pages} page(s) : vérifiez le numéro de page.", field="page", pages=pack.pages)
    if not 1 <= written.line <= LINES:
        raise BadInput("Une page a {lines} lignes : vérifiez le numéro de ligne.", field="line", lines=LINES)


def _check_time(pack: EmergencyPack, written: Written, now: datetime) -> None:
    if written.handed_at > now:
        raise BadInput("Cette heure est encore à venir : vérifiez la date et l’heure du papier.", field="time")
    if local_day(written.handed_at) < local_day(pack.made_at):
        raise BadInput("Ce carnet n’existait pas encore ce jour-là : vérifiez la date du papier.", field="day")
    if written.handed_at < now - OLDEST:
        raise BadInput("Ce passage date de plus d’un mois : signalez-le à la coordination.", field="day")
    try:
        check_next_visit(written.next_visit_on, written.handed_at)
    except BadInput:
        raise BadInput("Le prochain passage vient après celui-ci : vérifiez la date.", field="next_visit_on") from None


def _voucher(session: Session, ring: KeyRing, written: Written, now: datetime) -> Voucher:
    """Return the voucher whose code was copied. Raises BadInput: there is none, with what to do."""
    presented = present.read_code(session, ring, written.code, now)
    if presented.how is None:
        raise BadInput(
            "Ce code contient une erreur : relisez-le sur le papier, deux chiffres à la fois.",
            field="code",
            code=presented.refusal.value,
        )
    voucher = present.find_voucher(session, presented)
    if voucher is None:
        raise BadInput(
            "Aucun bon ne porte ce code : relisez-le sur le papier. S’il est bien recopié, gardez la page et appelez "
            "la coordination.",
            field="code",
            code=presented.absent.value,
        )
    return voucher


def _again(session: Session, known: PaperLine, voucher: Voucher, digest: bytes) -> Keyed:
    if known.voucher_id != voucher.id:
        raise BadInput(
            "Cette ligne est déjà saisie pour un autre bon (initiales {initials}) : vérifiez les numéros de carnet, de "
            "page et de ligne.",
            field="line",
            code="line_taken",
            initials=known.initials,
        )
    undone = (
        select(VisitUndo.visit_id).join(Visit, Visit.id == VisitUndo.visit_id).where(Visit.scan_id == known.scan_id)
    )
    if session.scalar(undone) is not None:
        raise BadInput(
            "Cette ligne a été saisie, puis annulée : saisissez-la sous le numéro d’une ligne libre, et notez-le sur "
            "le papier.",
            field="line",
            code="line_undone",
        )
    return Keyed(known, known=True, differs=known.request_hash != digest)


def _request(session: Session, pack: EmergencyPack, written: Written, staff_id: UUID) -> ScanRequest:
    return ScanRequest(
        scan_id=uuid5(pack.id, f"{written.page}/{written.line}"),
        code=written.code,
        branch_id=pack.branch_id,
        till_book_id=session.get_one(Branch, pack.branch_id).till_book_id,
        staff_id=staff_id,
        scanned_at=written.handed_at,
        number=written.number,
        paid_cents=written.paid_cents,
        note=_handed(written),
        next_visit_on=written.next_visit_on,
    )


def _handed(written: Written) -> str:
    return clean_text(written.handed, field="handed", most=MOST_HANDED, least=0)


def _row(
    pack: EmergencyPack,
    written: Written,
    recorded: Recorded,
    *,
    digest: bytes,
    voucher: Voucher,
    staff_id: UUID,
    now: datetime,
) -> PaperLine:
    reason = None if recorded.outcome is Outcome.ACCEPTED else REASON_OF[recorded.outcome]
    assert reason is None or reason in CONFLICTS, "the code was read and the voucher found"
    return PaperLine(
        id=new_id(),
        pack_id=pack.id,
        page=written.page,
        line=written.line,
        request_hash=digest,
        scan_id=recorded.scan_id,
        voucher_id=voucher.id,
        status=(Status.CONFIRMED if reason is None else Status.CONFLICT).value,
        reason=None if reason is None else reason.value,
        detail=dict(recorded.detail),
        handed_at=written.handed_at,
        initials=clean_text(written.initials, field="initials", most=8),
        staff_id=staff_id,
        keyed_at=now,
    )


def _hash(written: Written) -> bytes:
    """Return SHA-256 over what the line says, whoever keys it."""
    parts = [
        "".join(character for character in written.code if character.isdecimal()),
        written.handed_at.isoformat(),
        written.initials.upper(),
        written.number,
        written.paid_cents,
        _handed(written),
        str(written.next_visit_on),
    ]
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode()).digest()


def _sealed(vault: Vault, line_id: UUID, written: Written) -> tuple[bytes, bytes]:
    kept = {
        "number": written.number,
        "paid_cents": written.paid_cents,
        "handed": _handed(written),
        "next_visit_on": None if written.next_visit_on is None else written.next_visit_on.isoformat(),
    }
    key, wrapped = vault.new_key(Place("paper_line", "wrapped_key", str(line_id)))
    place = Place("paper_line", "content_sealed", str(line_id))
    return wrapped, seal(key, place, json.dumps(kept, ensure_ascii=False).encode())


def read_kept(vault: Vault, row: PaperLine) -> dict[str, Any]:
    """Return what a conflict kept; `{}` when it was closed or erased, or the line was confirmed."""
    if row.wrapped_key is None or row.content_sealed is None:
        return {}
    key = vault.open_key(Place("paper_line", "wrapped_key", str(row.id)), row.wrapped_key)
    kept: dict[str, Any] = json.loads(
        unseal(key, Place("paper_line", "content_sealed", str(row.id)), row.content_sealed)
    )
    return kept
