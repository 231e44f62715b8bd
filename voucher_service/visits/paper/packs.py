"""Emergency packs: made ahead of the day the server is dead, with what stands in them; and how far one is keyed in."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from voucher_service.errors import BadInput, Conflict, KeyReused, NotFound
from voucher_service.staff.device_models import Device, Lease
from voucher_service.staff.models import Branch
from voucher_service.visits.models import Visit
from voucher_service.visits.paper.models import LINES, MOST_PAGES, EmergencyPack, PaperLine
from voucher_service.vouchers.key_ring import KeyRing


@dataclass(frozen=True, slots=True)
class KeyLine:
    """A key as a person compares it: "1-3", its status, sixteen hex digits of the key's SHA-256 in fours."""

    name: str
    status: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class DeviceLine:
    """A device that may go on alone: when its list was last brought up to date, and until when it may accept."""

    name: str
    list_at: datetime
    accepts_until: datetime | None


@dataclass(frozen=True, slots=True)
class PackContent:
    """What a pack is printed from."""

    pack: EmergencyPack
    branch: Branch
    keys: Sequence[KeyLine]
    devices: Sequence[DeviceLine]


def make_pack(
    session: Session, *, pack_id: UUID, branch_id: int, pages: int, actor: str, now: datetime
) -> EmergencyPack:
    """Make a pack with the next number; the same `pack_id` again gets the first one.

    Raises:
        BadInput: `pages`. NotFound: no such branch. KeyReused: the id was used for another pack.
    """
    known = session.get(EmergencyPack, pack_id)
    if known is not None:
        if (known.branch_id, known.pages) != (branch_id, pages):
            raise KeyReused("Ce carnet est déjà préparé autrement : rechargez la page.")
        return known
    if not 1 <= pages <= MOST_PAGES:
        raise BadInput("Un carnet a de 1 à {most} pages.", field="pages", most=MOST_PAGES)
    if session.get(Branch, branch_id) is None:
        raise NotFound("Cette antenne n’existe pas.")
    last = session.scalar(select(func.max(EmergencyPack.number)))
    pack = EmergencyPack(
        id=pack_id, number=(last or 0) + 1, branch_id=branch_id, pages=pages, made_by=actor, made_at=now
    )
    session.add(pack)
    session.flush()
    return pack


def pack_numbered(session: Session, number: int) -> EmergencyPack:
    """Return the pack of that number. Raises NotFound."""
    found = session.scalar(select(EmergencyPack).where(EmergencyPack.number == number))
    if found is None:
        raise NotFound("Aucun carnet ne porte ce numéro : relisez-le en haut de la page.")
    return found


def to_print(session: Session, ring: KeyRing, number: int, *, now: datetime) -> PackContent:
    """Return what the pack is printed from.

    Raises:
        NotFound. Conflict: `pack_in_use`: lines of it are keyed in: a second copy would have the same places.
    """
    pack = pack_numbered(session, number)
    if session.scalar(select(PaperLine.id).where(PaperLine.pack_id == pack.id).limit(1)) is not None:
        raise Conflict("Ce carnet a déjà servi : préparez-en un nouveau.", code="pack_in_use")
    records = ring.public_keys(session, now).values()
    keys = [
        KeyLine(f"{one.organisation}-{one.key_id}", one.status.value, fingerprint(one.public_key))
        for one in sorted(records, key=lambda one: (one.organisation, one.key_id))
    ]
    return PackContent(pack, session.get_one(Branch, pack.branch_id), keys, _devices(session, pack.branch_id))


def fingerprint(public_key: bytes) -> str:
    """Return the first sixteen hex digits of the key's SHA-256, in fours."""
    text = hashlib.sha256(public_key).hexdigest()[:16]
    return " ".join(text[at : at + 4] for at in range(0, 16, 4))


def _devices(session: Session, branch_id: int) -> list[DeviceLine]:
    until = select(Lease.device_id, func.max(Lease.valid_until).label("until")).group_by(Lease.device_id).subquery()
    rows = session.execute(
        select(Device, until.c.until)
        .outerjoin(until, until.c.device_id == Device.id)
        .where(Device.branch_id == branch_id, Device.revoked_at.is_(None), Device.forked_at.is_(None))
        .order_by(Device.name, Device.id)
    )
    return [DeviceLine(device.name, device.seen_at, until) for device, until in rows]


@dataclass(frozen=True, slots=True)
class PackLine:
    """One pack in a branch's list, with how many of its lines are keyed in."""

    pack: EmergencyPack
    keyed: int


def packs_of(session: Session, branch_ids: Collection[int], *, limit: int = 50) -> list[PackLine]:
    """Return the packs of these branches, the newest first."""
    keyed = select(PaperLine.pack_id, func.count().label("n")).group_by(PaperLine.pack_id).subquery()
    rows = session.execute(
        select(EmergencyPack, func.coalesce(keyed.c.n, 0))
        .outerjoin(keyed, keyed.c.pack_id == EmergencyPack.id)
        .where(EmergencyPack.branch_id.in_(branch_ids))
        .order_by(EmergencyPack.number.desc())
        .limit(limit)
    )
    return [PackLine(*row) for row in rows]


def lines_of(session: Session, pack_id: UUID, page: int) -> list[tuple[PaperLine, UUID | None]]:
    """Return the lines keyed in of a page, in their order, each with its visit where there is one."""
    rows = session.execute(
        select(PaperLine, Visit.id)
        .outerjoin(Visit, Visit.scan_id == PaperLine.scan_id)
        .where(PaperLine.pack_id == pack_id, PaperLine.page == page)
        .order_by(PaperLine.line)
    )
    return [(line, visit_id) for line, visit_id in rows]


def place_of(session: Session, scan_id: UUID) -> tuple[int, int, int] | None:
    """Return pack, page and line that the scan was keyed in from; None when it did not come on paper."""
    found = session.execute(
        select(EmergencyPack.number, PaperLine.page, PaperLine.line)
        .join(PaperLine, PaperLine.pack_id == EmergencyPack.id)
        .where(PaperLine.scan_id == scan_id)
    ).one_or_none()
    return None if found is None else (found.number, found.page, found.line)


def next_place(session: Session, pack: EmergencyPack, page: int, line: int) -> tuple[int, int]:
    """Return the first page and line from here on that is not keyed in; the last of the pack when all are."""
    rows = session.execute(select(PaperLine.page, PaperLine.line).where(PaperLine.pack_id == pack.id))
    taken = {(at, number) for at, number in rows}
    for at in range((page - 1) * LINES + line - 1, pack.pages * LINES):
        place = (at // LINES + 1, at % LINES + 1)
        if place not in taken:
            return place
    return pack.pages, LINES
