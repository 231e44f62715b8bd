"""Files and reports for partners' programs: closed months, differences, what a gift moved and what it paid for."""

from __future__ import annotations

import base64
import hashlib
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from flask import Response
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ConfigDict, Field

from voucher_service.partners.api.keys import Scope
from voucher_service.partners.models import EarmarkKind
from voucher_service.reconciliation import queries
from voucher_service.reconciliation.books import draw_down, proofs
from voucher_service.reconciliation.closing import close, signing
from voucher_service.reconciliation.closing.models import PeriodClose
from voucher_service.reconciliation.export import export_csv, export_xlsx
from voucher_service.units import Unit
from voucher_service.vouchers.models import VoucherState
from voucher_service.web import doors
from voucher_service.web.api.describe import Description, described
from voucher_service.web.api.door import PAGE, as_json, blueprint, next_page, query
from voucher_service.web.api.examples import DIFFERENCES_CSV, MONTH_CSV, TOP_UPS_CSV
from voucher_service.web.api.schemas import Asked, Listing, Pieces

CSV, PDF, JSON, TEXT = "text/csv", "application/pdf", "application/json", "text/plain"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class MonthFile(StrEnum):
    """The files of a month's statement."""

    CSV = "csv"
    PDF = "pdf"
    BALANCES = "balances"
    MANIFEST = "manifest"
    SIGNATURE = "signature"


class Sheet(StrEnum):
    """How a table is written."""

    CSV = "csv"
    XLSX = "xlsx"


class GiftFile(StrEnum):
    """What is listed of a gift: each movement with its path in the sealed log, or each top-up it paid for."""

    MOVEMENTS = "movements"
    TOP_UPS = "top-ups"


class AskedMonthFile(BaseModel):
    """Which file."""

    model_config = ConfigDict(extra="forbid")

    name: MonthFile = MonthFile.PDF


class AskedSheet(BaseModel):
    """In which form."""

    model_config = ConfigDict(extra="forbid")

    form: Sheet = Sheet.CSV


class AskedGiftFile(BaseModel):
    """Which list."""

    model_config = ConfigDict(extra="forbid")

    name: GiftFile = GiftFile.MOVEMENTS


class PeriodOut(BaseModel):
    """A month proposed, or agreed to by both sides. `manifest_sha256` is what the next month's manifest names."""

    id: UUID
    first_day: date
    last_day: date
    proposed_at: datetime
    agreed_at: datetime | None = Field(description="null while the proposal waits for your agreement.")
    manifest_sha256: str
    key: str = Field(description="The line that checks its signature: one of `keys`.")

    @classmethod
    def of(cls, row: PeriodClose, key: str) -> PeriodOut:
        """Return a month; who of either side did it stays inside."""
        digest = hashlib.sha256(row.manifest.encode()).hexdigest()
        return cls(
            id=row.id, first_day=row.first_day, last_day=row.last_day, proposed_at=row.proposed_at,
            agreed_at=row.agreed_at, manifest_sha256=digest, key=key,
        )  # fmt: skip


class KeyOut(BaseModel):
    """A key that signs manifests: compare its line with the one that you were given."""

    line: str
    since: datetime | None = Field(description="null for the first.")
    until: int | None = Field(description="It signs months read from at most so many movements; null for the newest.")


class PeriodsOut(Listing):
    """Months, newest first, and every key that ever signed one, oldest first."""

    items: list[PeriodOut]
    keys: list[KeyOut]


class EarmarkOut(BaseModel):
    """Where the gift's vouchers may be issued."""

    kind: EarmarkKind
    value: str


class ShareOut(BaseModel):
    """The gift's vouchers in one state."""

    state: VoucherState
    count: int
    quantity: Pieces


class DrawDownOut(BaseModel):
    """What a gift paid for. `outside` counts vouchers issued where its earmarks do not allow: none should be."""

    allocation_id: int
    unit: Unit
    vouchers: int
    earmarks: list[EarmarkOut]
    shares: list[ShareOut]
    outside: int


@blueprint.get("/periods")
@doors.requires_key(Scope.BOOKS_READ)
@described(Description("Your months, proposed and closed.", answer=PeriodsOut, query=Asked))
def periods() -> ResponseReturnValue:
    """List the partner's months, newest first."""
    page = query(Asked).page
    with doors.services().database.read() as session:
        vault = doors.services().vault
        rows, total = close.closes_page(session, doors.key_holder().partner_id, page, PAGE)
        items = [PeriodOut.of(row, signing.key_of(session, vault, row.size)) for row in rows]
        keys = [KeyOut(line=one.line, since=one.since, until=one.until) for one in signing.keys(session, vault)]
    return as_json(PeriodsOut(items=items, keys=keys, total=total, next=next_page(page, total)))


@blueprint.get("/periods/<uuid:period_id>/file")
@doors.requires_key(Scope.BOOKS_READ)
@described(
    Description(
        "One file of a month's statement, byte for byte as it was proposed: its table, its PDF, what is left of each "
        "gift, the manifest that names them, or the manifest's signature (Ed25519, in Base64).",
        answer=None,
        query=AskedMonthFile,
        gives=(CSV, PDF, JSON, TEXT),
        conflicts=("statement_changed",),
        sample=MONTH_CSV,
    )
)
def period_file(period_id: UUID) -> ResponseReturnValue:
    """Send one of the files of the partner's month, held against its manifest."""
    asked = query(AskedMonthFile)
    with doors.services().database.read() as session:
        row = close.of_partner(session, doors.key_holder().partner_id, period_id)
        made = close.kept(session, row)
    name, body, kind = {
        MonthFile.CSV: ("etat.csv", made.csv, CSV),
        MonthFile.PDF: ("etat.pdf", made.pdf, PDF),
        MonthFile.BALANCES: ("soldes.csv", made.balances, CSV),
        MonthFile.MANIFEST: ("manifest.json", made.manifest.encode(), JSON),
        MonthFile.SIGNATURE: ("manifest.sig", base64.b64encode(row.signature) + b"\n", TEXT),
    }[asked.name]
    return _file(body, kind, f"{row.first_day:%Y-%m}-{name}")  # as on the page, and as docs/auditor.md reads them


@blueprint.get("/statements/<uuid:statement_id>/differences/file")
@doors.requires_key(Scope.STATEMENTS_READ)
@described(
    Description(
        "All differences of a statement as one table.",
        answer=None,
        query=AskedSheet,
        gives=(CSV, XLSX),
        sample=DIFFERENCES_CSV,
    )
)
def differences_file(statement_id: UUID) -> ResponseReturnValue:
    """Send the differences of one of the partner's statements, whole."""
    form = query(AskedSheet).form
    with doors.services().database.read() as session:
        statement = queries.statement_of(session, doors.key_holder().partner_id, statement_id)
        found = queries.all_differences(session, statement)
        body = export_xlsx(found) if form is Sheet.XLSX else "".join(export_csv(found)).encode()
    return _file(body, XLSX if form is Sheet.XLSX else CSV, f"differences.{form.value}")


@blueprint.get("/allocations/<int:allocation_id>/file")
@doors.requires_key(Scope.BOOKS_READ)
@described(
    Description(
        "One gift as a table: its movements with their proofs, or the top-ups it paid for by our reference.",
        answer=None,
        query=AskedGiftFile,
        gives=(CSV,),
        conflicts=("not_sealed_yet",),
        sample=TOP_UPS_CSV,
    )
)
def gift_file(allocation_id: int) -> ResponseReturnValue:
    """Send the movements, or the top-ups, of one of the partner's gifts."""
    name = query(AskedGiftFile).name
    with doors.services().database.read() as session:
        gift = draw_down.gift_of(session, doors.key_holder().partner_id, allocation_id)
        if name is GiftFile.TOP_UPS:
            body = "".join(draw_down.top_ups_csv(session, gift))
        else:
            body = "".join(proofs.leaves_csv(session, proofs.of_gift(allocation_id)))
    return _file(body.encode(), CSV, f"{name.value}.csv")


@blueprint.get("/allocations/<int:allocation_id>/draw-down")
@doors.requires_key(Scope.BOOKS_READ)
@described(Description("What one gift paid for, and whether its earmarks were respected.", answer=DrawDownOut))
def gift_draw_down(allocation_id: int) -> ResponseReturnValue:
    """Tell what one of the partner's gifts paid for."""
    with doors.services().database.read() as session:
        told = draw_down.draw_down(session, draw_down.gift_of(session, doors.key_holder().partner_id, allocation_id))
    return as_json(
        DrawDownOut(
            allocation_id=allocation_id, unit=told.unit, vouchers=told.count, outside=told.outside,
            earmarks=[EarmarkOut(kind=kind, value=value) for kind, value in told.marks],
            shares=[ShareOut(state=one.state, count=one.count, quantity=one.quantity) for one in told.shares],
        )
    )  # fmt: skip


def _file(body: bytes, kind: str, name: str) -> Response:
    return Response(body, content_type=kind, headers={"Content-Disposition": f"attachment; filename={name}"})
