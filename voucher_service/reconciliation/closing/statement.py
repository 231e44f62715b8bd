"""The agreed statement: figures of one month from the sealed log, as CSV, PDF and a manifest.

Made again from the same rows it is the same, byte for byte: nothing in it depends on when or where it is made.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, case, exists, func, select
from sqlalchemy.orm import Session

from voucher_service.ledger.models import AccountKind, Transfer
from voucher_service.ledger.seal.models import Checkpoint, Leaf
from voucher_service.partners.models import Agreement, Allocation, Partner
from voucher_service.reconciliation.closing import legs
from voucher_service.reconciliation.closing.drawing import Row, draw
from voucher_service.reconciliation.closing.month import Month
from voucher_service.reconciliation.export import csv_line
from voucher_service.reconciliation.intake.models import StatementReading
from voucher_service.reconciliation.models import Break, BreakClass, Statement
from voucher_service.units import Unit, display

FORMAT = "coup-de-pouce agreed statement 2"
FIRST_FORMAT = "coup-de-pouce agreed statement 1"
"""Statements of before the balances: their manifest tells of accounts only."""
HELD = (
    AccountKind.AVAILABLE, AccountKind.RESERVED, AccountKind.IN_DELIVERY, AccountKind.DELIVERED,
    AccountKind.RETURNED_TO_DONOR, AccountKind.WRITTEN_OFF, AccountKind.VARIANCE,
)  # fmt: skip
HEADER = ("dotation", "nom", "unite", "compte", "au_debut", "entre", "sorti", "a_la_fin")
_ABOVE = ("au début", "entré", "sorti", "à la fin")
_TEXT = 9
NAMES = ("disponible", "réservé à un bon", "en livraison", "livré", "rendu", "passé en perte", "inexpliqué")


@dataclass(frozen=True, slots=True)
class Line:
    """One account of one gift over the month, in the gift's unit: opening + received - left = closing."""

    allocation_id: int
    label: str
    unit: Unit
    account: AccountKind
    opening: int
    received: int
    left: int

    @property
    def closing(self) -> int:
        """Return the balance at the end."""
        return self.opening + self.received - self.left


@dataclass(frozen=True, slots=True)
class Sheet:
    """What the agreed statement tells: the accounts of each gift, and the partner's files that speak of the month.

    `unspoken` are stretches of days that no file speaks for: first and last day of each.
    """

    lines: list[Line]
    files: list[dict[str, Any]]
    unspoken: list[tuple[date, date]]


@dataclass(frozen=True, slots=True)
class Made:
    """The files."""

    csv: bytes
    pdf: bytes
    manifest: str

    @property
    def balances(self) -> bytes:
        """Return what the manifest says is left of each gift, as CSV; nothing for a statement of the first form."""
        told: Mapping[str, Any] = json.loads(self.manifest)
        return legs.table(told["balances"]) if "balances" in told else b""

    @property
    def is_whole(self) -> bool:
        """Say whether the files are those that the manifest names."""
        named: dict[str, str] = json.loads(self.manifest)["files"]
        left = {"soldes.csv": _digest(self.balances)} if "soldes.csv" in named else {}
        return named == {"etat.csv": _digest(self.csv), "etat.pdf": _digest(self.pdf)} | left


def sheet_of(session: Session, month: Month) -> Sheet:
    """Return what the agreed statement of the month tells."""
    return Sheet(_lines(session, month), _files(session, month), _unspoken(session, month))


def make(session: Session, month: Month, *, previous: str, agreed: Mapping[str, Any] | None = None) -> Made:
    """Make the agreed statement; `previous` is the SHA-256 of the manifest before it, in hex, or empty.

    `agreed` is what the manifest says once both sides agreed: what lines of later months claim may move a delivery
    over midnight, so the balances and the tolerance stay as they were agreed to.
    """
    sheet = sheet_of(session, month)
    lines, files = sheet.lines, sheet.files
    more: dict[str, legs.Section] = {}
    if agreed is None:
        moved = dict.fromkeys(line.allocation_id for line in lines)
        gifts = [session.get_one(Allocation, gift) for gift in moved]
        more = {"balances": legs.balances_of(session, month, gifts), "tolerance": legs.tolerance_used(session, month)}
    elif agreed["format"] != FIRST_FORMAT:
        more = {name: agreed[name] for name in ("balances", "tolerance")}
    table = ("\ufeff" + "".join([csv_line(HEADER), *(_cells(line) for line in lines)])).encode()
    partner = session.get_one(Partner, month.partner_id)
    root = session.get_one(Checkpoint, month.size).root.hex()
    drawn = _pdf(partner.name, month, lines, legs.drawn(**more) if more else [], files, root)
    named = {"etat.csv": _digest(table), "etat.pdf": _digest(drawn)}
    if more:
        named["soldes.csv"] = _digest(legs.table(more["balances"]))
    manifest = {
        "format": FORMAT if more else FIRST_FORMAT,
        "partner": str(month.partner_id),
        "first_day": month.first_day.isoformat(),
        "last_day": month.last_day.isoformat(),
        "books": {"size": month.size, "root": root},
        "previous": previous,
        "files": named,
        "statements": files,
    } | more
    return Made(table, drawn, json.dumps(manifest, ensure_ascii=False, sort_keys=True, indent=1) + "\n")


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _lines(session: Session, month: Month) -> list[Line]:
    gifts = session.scalars(
        select(Allocation)
        .join(Agreement, Agreement.id == Allocation.agreement_id)
        .where(Agreement.partner_id == month.partner_id)
        .order_by(Allocation.id)
    ).all()
    return [line for gift in gifts for line in _gift(session, gift, month)]


def _gift(session: Session, gift: Allocation, month: Month) -> list[Line]:
    first = gift.id * 100
    before = case((Transfer.recorded_at < month.from_at, Transfer.quantity), else_=0)
    within = case((Transfer.recorded_at >= month.from_at, Transfer.quantity), else_=0)
    rows = session.execute(
        select(Transfer.source_id, Transfer.destination_id, func.sum(before), func.sum(within))
        .join(Leaf, Leaf.transfer_id == Transfer.id)
        .where(Transfer.source_id.between(first, first + 99), Transfer.recorded_at < month.until_at)
        .where(Leaf.number < month.size)
        .group_by(Transfer.source_id, Transfer.destination_id)
    ).all()
    if not rows:
        return []
    sums = {kind: [0, 0, 0] for kind in AccountKind}
    for source, destination, opening, moved in rows:
        out, into = sums[AccountKind(source - first)], sums[AccountKind(destination - first)]
        out[0] -= int(opening)
        out[2] += int(moved)
        into[0] += int(opening)
        into[1] += int(moved)
    return [Line(gift.id, gift.label, Unit(gift.unit), kind, *sums[kind]) for kind in HELD]


def _cells(line: Line) -> str:
    name = NAMES[HELD.index(line.account)]
    return csv_line(
        (line.allocation_id, line.label, line.unit.value, name, line.opening, line.received, line.left, line.closing)
    )


def _files(session: Session, month: Month) -> list[dict[str, Any]]:
    """Return the partner's files that speak of the month: their differences, and which are replaced.

    A code that was given and is not used yet is counted apart: it stays open when the month is closed.
    """
    is_code = Break.kind == BreakClass.CODE_REVEALED_NEVER_USED.value
    found = session.execute(
        select(
            Statement.file_name,
            Statement.file_sha256,
            Statement.line_count,
            func.count(Break.id) - func.count(case((is_code, Break.id))),
            func.count(case((is_code, Break.id))),
            exists().where(StatementReading.replaces_id == Statement.id),
        )
        .join(Break, Break.statement_id == Statement.id, isouter=True)
        .where(*_speaks_of(month))
        .group_by(Statement.id, Statement.file_name, Statement.file_sha256, Statement.line_count)
        .order_by(Statement.file_sha256)
    )
    return [
        {"name": name, "sha256": bytes(digest).hex(), "lines": lines, "differences": breaks}
        | ({"codes_not_used": codes} if codes else {})
        | ({"replaced": True} if replaced else {})
        for name, digest, lines, breaks, codes, replaced in found
    ]


def _speaks_of(month: Month) -> tuple[ColumnElement[bool], ...]:
    overlaps = (Statement.first_day <= month.last_day, Statement.last_day >= month.first_day)
    return (Statement.partner_id == month.partner_id, *overlaps)


def _unspoken(session: Session, month: Month) -> list[tuple[date, date]]:
    replaced = exists().where(StatementReading.replaces_id == Statement.id)
    spoken = session.execute(select(Statement.first_day, Statement.last_day).where(*_speaks_of(month), ~replaced)).all()
    stretches: list[tuple[date, date]] = []
    for ahead in range((month.last_day - month.first_day).days + 1):
        day = month.first_day + timedelta(days=ahead)
        if any(first <= day <= last for first, last in spoken):
            continue
        if stretches and stretches[-1][1] == day - timedelta(days=1):
            stretches[-1] = (stretches[-1][0], day)
        else:
            stretches.append((day, day))
    return stretches


def _pdf(
    partner: str, month: Month, lines: Sequence[Line], more: Sequence[tuple[int, str]],
    files: Sequence[dict[str, Any]], root: str,
) -> bytes:  # fmt: skip
    title = f"État contradictoire, {month.first_day:%d/%m/%Y} – {month.last_day:%d/%m/%Y}"
    rows = [Row(title, 14), Row(partner, 11), Row(f"Livres scellés : {month.size} mouvements, racine {root}", 8)]
    gift = 0
    for line in lines:
        if line.allocation_id != gift:
            gift = line.allocation_id
            rows += [Row(f"{line.label} (dotation {gift})", 10, head=True), Row("", 8, _ABOVE)]
        figures = (line.opening, line.received, line.left, line.closing)
        if any(figures):
            told = tuple(display(value, line.unit, aligned=True) for value in figures)
            rows.append(Row(NAMES[HELD.index(line.account)], figures=told))
    # A blank line, then larger letters: what heads a part.
    rows += [Row(words, size, head=size > _TEXT) for size, words in more if words]
    rows.append(Row("Relevés", 10, head=True))
    for one in files:
        said = "remplacé, ne compte plus" if "replaced" in one else f"écarts réglés : {one['differences']}"
        said += f", codes pas encore utilisés : {one['codes_not_used']}" if "codes_not_used" in one else ""
        rows.append(Row(f"{one['name']} : {one['lines']} lignes, {said}"))
    return draw(f"{partner}, {title[0].lower()}{title[1:]}", rows)
